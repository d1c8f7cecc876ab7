"""Pixel sizes in micrometres, and what counts as none."""

from __future__ import annotations

import math

import pytest

from catchment.imaging.physical import duration_s, size_um


@pytest.mark.parametrize(
    ("value", "unit", "size"),
    [(0.108, "µm", 0.108), (108, "nm", 0.108), (0.001, "mm", 1.0), (1.2, "micron", 1.2), (650, "Å", 0.065)],
)
def test_lengths_become_micrometres(value: float, unit: str, size: float) -> None:
    assert size_um(value, unit) == pytest.approx(size)


@pytest.mark.parametrize("value", [None, 0.0, -1.0, math.nan, math.inf])
def test_what_is_no_length_is_missing(value: float | None) -> None:
    assert size_um(value) is None


@pytest.mark.parametrize("unit", ["pixel", "reference frame", "", "inch", "furlong"])
def test_units_that_measure_nothing_are_missing(unit: str) -> None:
    assert size_um(1.0, unit) is None


@pytest.mark.parametrize("dpi", [1, 72, 96, 150, 300])
def test_print_resolutions_are_missing(dpi: int) -> None:
    assert size_um(25_400 / dpi) is None
    assert size_um(25_400 / dpi * 1.01) is not None


def test_durations_become_seconds() -> None:
    assert duration_s(250, "ms") == 0.25
    assert duration_s(0) is None
    assert duration_s(1, "fortnight") is None
