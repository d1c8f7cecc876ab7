"""Halving and level shapes, on arrays written out and on random ones."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from catchment.imaging.pyramid import halve, level_shapes


def test_halve_is_the_mean_of_four() -> None:
    assert halve(np.array([[1, 3, 10, 20], [5, 7, 30, 40]], np.uint8)).tolist() == [[4, 25]]


def test_halve_rounds_to_nearest_and_halves_up() -> None:
    low = [[0, 0], [0, 1]], [[0, 0], [1, 1]], [[0, 1], [1, 1]]
    assert [int(halve(np.array(block, np.uint8))[0, 0]) for block in low] == [0, 1, 1]
    assert halve(np.array([[-1, -1], [0, 0]], np.int16)).tolist() == [[0]]
    assert halve(np.array([[-1, -1], [-1, 0]], np.int16)).tolist() == [[-1]]


def test_halve_takes_an_odd_edge_as_the_mean_of_what_is_there() -> None:
    pixels = np.array([[1, 2, 9], [3, 6, 11], [5, 8, 100]], np.uint16)
    assert halve(pixels).tolist() == [[3, 10], [7, 100]]


def test_halve_of_a_block_with_nan_is_nan_there_only() -> None:
    pixels = np.array([[np.nan, 1, 2, 2], [1, 1, 2, 2]], np.float32)
    halved = halve(pixels)
    assert np.isnan(halved[0, 0]) and halved[0, 1] == 2


def test_halve_of_floats_does_not_overflow() -> None:
    top = np.finfo(np.float32).max
    assert halve(np.full((2, 2), top, np.float32))[0, 0] == top


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.uint64, np.int64])
def test_halve_of_extremes_stays_exact(dtype: type) -> None:
    info = np.iinfo(dtype)
    for value in (info.min, info.max):
        assert halve(np.full((2, 2), value, dtype)).tolist() == [[value]]


def naive(pixels: np.ndarray) -> list[list[int]]:
    """The mean of the pixels of each block that exist, as exact fractions."""
    height, width = pixels.shape
    rows = []
    for y in range(0, height, 2):
        row = []
        for x in range(0, width, 2):
            # a lone row or column counts twice, which leaves the mean as it is
            block = [int(pixels[min(y + dy, height - 1), min(x + dx, width - 1)]) for dy in (0, 1) for dx in (0, 1)]
            row.append(int((Fraction(sum(block), 4) + Fraction(1, 2)).__floor__()))
        rows.append(row)
    return rows


@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.int16, np.uint16, np.int32, np.uint64, np.int64]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=7),
    )
)
def test_halve_equals_the_naive_mean(pixels: np.ndarray) -> None:
    halved = halve(pixels)
    assert halved.dtype == pixels.dtype
    assert halved.tolist() == naive(pixels)


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 300))
def test_levels_halve_until_they_are_small_and_no_further(y: int, x: int, smallest: int) -> None:
    shapes = level_shapes((2, 3, 4, y, x), smallest)
    assert shapes[0] == (2, 3, 4, y, x)
    assert max(shapes[-1][-2:]) <= smallest
    for finer, coarser in itertools.pairwise(shapes):
        assert max(finer[-2:]) > smallest
        assert coarser == (2, 3, 4, -(-finer[-2] // 2), -(-finer[-1] // 2))


def test_a_small_image_has_one_level() -> None:
    assert level_shapes((1, 1, 1, 256, 256)) == [(1, 1, 1, 256, 256)]
