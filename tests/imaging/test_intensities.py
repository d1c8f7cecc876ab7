"""Histograms: exact to 16 bits, within 1 % beyond, and the same however an image is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from catchment.imaging.intensities import Tally, bins_of, saturation_value, tally, values_of

EXACT = [np.uint8, np.int8, np.uint16, np.int16, np.float16]
WIDE = [np.uint32, np.int32, np.int64, np.uint64, np.float32, np.float64]


@pytest.mark.parametrize("dtype", EXACT)
def test_up_to_16_bits_each_value_has_its_own_bin(dtype: type) -> None:
    values = np.array([0, 1, 2, 100, 127], dtype)
    if np.issubdtype(dtype, np.signedinteger) or dtype is np.float16:
        values = np.concatenate([-values[1:], values])
    assert values_of(np.dtype(dtype).str)[bins_of(values)].tolist() == values.tolist()


@pytest.mark.parametrize("dtype", EXACT + WIDE)
@given(data=st.data())
def test_bins_rise_with_the_value(dtype: type, data: st.DataObject) -> None:
    # any bits at all, so that every exponent comes up; what is not finite has no bin
    values = data.draw(hnp.arrays(f"u{np.dtype(dtype).itemsize}", 20)).view(dtype)
    values = np.sort(np.where(np.isfinite(values), values, 0))
    assert (np.diff(bins_of(values).astype(int)) >= 0).all()


@pytest.mark.parametrize("dtype", WIDE)
def test_beyond_16_bits_a_bin_is_within_1_percent(dtype: type) -> None:
    values = np.array([1, 3, 1000, 123_456, 2**31 - 7], dtype)
    near = values_of(np.dtype(dtype).str)[bins_of(values)]
    assert np.allclose(near, values.astype(np.float64), rtol=0.01)


def test_percentiles_of_a_written_out_image() -> None:
    counted = tally([np.arange(1, 101, dtype=np.uint16).reshape(10, 10)], np.dtype(np.uint16))
    assert [counted.percentile(percent) for percent in (0, 1, 50, 99, 99.8, 100)] == [1, 1, 50, 99, 100, 100]
    assert (counted.low, counted.high, counted.total, counted.pixels) == (1, 100, 5050, 100)


def test_what_is_not_finite_is_counted_apart() -> None:
    plane = np.array([[1.5, np.nan], [np.inf, -np.inf]], np.float32)
    counted = tally([plane], np.dtype(np.float32))
    assert (counted.not_finite, counted.pixels, counted.low, counted.high, counted.total) == (3, 1, 1.5, 1.5, 1.5)


def test_an_image_without_finite_pixels_has_percentile_0() -> None:
    assert tally([np.full((2, 2), np.nan, np.float32)], np.dtype(np.float32)).percentile(50) == 0


@given(hnp.arrays(np.int16, (6, 5, 4)), st.integers(1, 5))
def test_tallies_of_pieces_add_up(pixels: np.ndarray, cut: int) -> None:
    whole = tally(pixels, pixels.dtype)
    parts = Tally(pixels.dtype.str)
    for piece in (pixels[:cut], pixels[cut:]):
        parts.add(tally(piece, pixels.dtype))
    assert (whole.counts == parts.counts).all()
    assert (whole.low, whole.high, whole.total) == (parts.low, parts.high, parts.total)
    assert (whole.low, whole.high, whole.total) == (pixels.min(), pixels.max(), pixels.sum(dtype=int))


def test_saturation_is_what_the_detector_can_hold() -> None:
    assert saturation_value(np.dtype(np.uint8), None) == 255
    assert saturation_value(np.dtype(np.uint16), 12) == 4095
    assert saturation_value(np.dtype(np.uint8), 16) == 255
    assert saturation_value(np.dtype(np.float32), None) is None


def test_saturated_fraction_counts_pixels_at_the_end() -> None:
    counted = tally([np.array([[255, 254], [255, 0]], np.uint8)], np.dtype(np.uint8))
    assert counted.fraction_at_least(255) == 0.5
