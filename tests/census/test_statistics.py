"""The numbers that the census says of each cell, against numpy's own over dense rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as st_numpy

from catchment.census.statistics import CellStatistics, cell_statistics, joined
from catchment.soma import RowTile, column_keys, row_tile


def of(counts: np.ndarray) -> CellStatistics:
    rows, columns = np.nonzero(counts)
    keys_of = column_keys(np.arange(counts.shape[1]))
    tile = row_tile([(rows, columns, counts[rows, columns].astype(np.float32))], keys_of)
    return cell_statistics(tile, slice(0, counts.shape[0]))


def test_statistics_are_of_the_stored_counts() -> None:
    found = of(np.array([[1, 0, 3, 2], [0, 0, 0, 7], [0, 0, 0, 0]]))
    assert found.raw_sum.tolist() == [6, 7, 0]
    assert found.nnz.tolist() == [3, 1, 0]
    assert found.raw_mean_nnz.tolist() == [2, 7, 0]
    assert found.raw_variance_nnz.tolist() == [1, 0, 0]
    assert found.nnz.dtype == np.int64


@given(st_numpy.arrays(np.int64, (4, 5), elements={"min_value": 0, "max_value": 1 << 20}))
def test_statistics_are_numpys_over_each_row(counts: np.ndarray) -> None:
    found = of(counts)
    for cell, row in enumerate(counts.astype(np.float64)):
        stored = row[row != 0]
        assert found.raw_sum[cell] == stored.sum()
        assert found.nnz[cell] == stored.size
        if stored.size > 0:
            assert found.raw_mean_nnz[cell] == pytest.approx(stored.mean(), rel=1e-12)
        if stored.size > 1:
            assert found.raw_variance_nnz[cell] == pytest.approx(stored.var(ddof=1), rel=1e-9)


def test_a_small_variance_of_large_counts_keeps_its_digits() -> None:
    assert of(np.array([[10_000_000, 10_000_001, 10_000_002]])).raw_variance_nnz.tolist() == [1]


def test_rows_are_those_of_the_tile() -> None:
    tile = RowTile(np.array([3 << 11, 4 << 11], np.uint32), np.array([5, 6], np.float32))
    assert cell_statistics(tile, slice(3, 6)).raw_sum.tolist() == [5, 6, 0]


def test_joined_keeps_the_order() -> None:
    assert joined([of(np.array([[1]])), of(np.array([[2], [3]]))]).raw_sum.tolist() == [1, 2, 3]
