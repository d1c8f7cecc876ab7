"""The arithmetic of the normalised layer, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catchment import vocabulary
from catchment.census.normalised import full_gene_assays, never_zero, round_mantissa, shares, shares_of, weights
from catchment.soma import TILE, RowTile, column_keys, row_tile


def bits(*values: int) -> np.ndarray:
    return np.array(values, np.uint32).view(np.float32)


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [
        (0x3F800000, 0x3F800000),  # 1
        (0x3F80007F, 0x3F800000),  # below half: down
        (0x3F800080, 0x3F800000),  # half, even below: down
        (0x3F800180, 0x3F800200),  # half, odd below: up
        (0x3F800081, 0x3F800100),  # above half: up
        (0x3FFFFFFF, 0x40000000),  # carries into the exponent
        (0x00000000, 0x00000000),
    ],
)
def test_round_mantissa_keeps_15_bits_half_to_even(exact: int, rounded: int) -> None:
    assert round_mantissa(bits(exact)).view(np.uint32).tolist() == [rounded]


@given(st.floats(2**-100, 1, width=32))
def test_round_mantissa_is_within_half_of_the_last_kept_bit(value: float) -> None:
    rounded = round_mantissa(np.array([value], np.float32))
    assert int(rounded.view(np.uint32)[0]) & 0xFF == 0
    assert abs(float(rounded[0]) - value) <= value * 2**-16


def test_never_zero_puts_the_smallest_float_for_zero() -> None:
    assert never_zero(np.array([0, 1], np.float32)).view(np.uint32).tolist() == [1, 0x3F800000]


def test_a_share_is_the_count_over_its_cells_sum() -> None:
    found = shares(np.array([1, 3, 5], np.float32), np.array([4.0, 4.0, 5.0]))
    assert found.tolist() == [0.25, 0.75, 1.0]
    assert found.dtype == np.float32


def test_a_share_too_small_for_a_float_is_still_above_zero() -> None:
    assert shares(np.array([1e-30], np.float32), np.array([1e30])).view(np.uint32).tolist() == [1]


def test_counts_of_full_length_assays_weigh_by_the_length_of_the_gene() -> None:
    values = np.array([10, 10, 10], np.float32)
    found = weights(values, np.array([0, 1, 1]), np.array([0, 0, 1]), np.array([2, 5]), np.array([True, False]))
    assert found.tolist() == [5, 2, 10]


def test_a_gene_of_no_length_weighs_its_counts() -> None:
    found = weights(np.array([3], np.float32), np.array([0]), np.array([0]), np.array([0]), np.array([True]))
    assert found.tolist() == [3]


def tile(rows: list[int], columns: list[int], values: list[float]) -> RowTile:
    part = (np.array(rows), np.array(columns), np.array(values, np.float32))
    return row_tile([part], column_keys(np.arange(max(columns) + 1)))


def test_shares_of_a_tile_sum_over_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    found = tile([0, 0, 0, 5], [0, 1, TILE, 1], [1, 2, 1, 8])
    whole = np.concatenate(list(shares_of(found, np.ones(TILE + 1, np.int64), np.zeros(TILE, np.bool_))))
    assert whole.tolist() == [0.25, 0.5, 1, 0.25]
    monkeypatch.setattr("catchment.tiles.BATCH_CELLS", 1)
    parts = list(shares_of(found, np.ones(TILE + 1, np.int64), np.zeros(TILE, np.bool_)))
    assert np.concatenate(parts).tolist() == whole.tolist()
    assert len(parts) == 4


def test_shares_of_a_full_length_cell_are_of_counts_per_base() -> None:
    flags = np.zeros(TILE, np.bool_)
    flags[1] = True
    found = tile([0, 0, 1, 1], [0, 1, 0, 1], [1, 1, 4, 3])
    (got,) = shares_of(found, np.array([4, 1]), flags)
    assert got.tolist() == [0.5, 0.5, 0.25, 0.75]


def test_full_gene_assays_are_terms_that_exist() -> None:
    assert len(full_gene_assays()) == 21
    assert {"EFO:0008931", "EFO:0700016"} < full_gene_assays()
    assert all(vocabulary.label(term) for term in full_gene_assays())
