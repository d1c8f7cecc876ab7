"""A matrix kept by columns comes out by rows, whatever the sizes of what is read and kept at a time."""

from __future__ import annotations

from pathlib import Path

import anndata
import h5py
import numpy as np
import pytest
import scipy.sparse as sp

from catchment.singlecell.blocks import Rows
from catchment.singlecell.layout import matrix_of
from catchment.singlecell.transposed import columns_of


@pytest.mark.parametrize("column_values", [1, 7, 1 << 20])
@pytest.mark.parametrize("band_values", [1, 20, 1 << 20])
@pytest.mark.parametrize(("dtype", "shape"), [("float32", (23, 11)), ("int64", (5, 40)), ("uint8", (40, 1))])
def test_rows_are_scipys(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    column_values: int,
    band_values: int,
    dtype: str,
    shape: tuple[int, int],
) -> None:
    monkeypatch.setattr("catchment.singlecell.transposed.COLUMN_VALUES", column_values)
    monkeypatch.setattr("catchment.singlecell.transposed.BAND_VALUES", band_values)
    dense = np.random.default_rng(2).poisson(0.7, shape).astype(dtype)
    dense[:, 0] = dense[3] = 0
    anndata.AnnData(X=sp.csc_matrix(dense)).write_h5ad(tmp_path / "x.h5ad", compression="gzip")
    with h5py.File(tmp_path / "x.h5ad") as file:
        rows = Rows(file, matrix_of(file, "X"))
        expected = sp.csr_matrix(dense)
        np.testing.assert_array_equal(rows.indptr, expected.indptr)
        for first in range(shape[0]):
            for last in (first + 1, shape[0]):
                block = rows.block(first, last)
                own = sp.csr_matrix((block.data, block.indices, block.indptr), (last - first, shape[1]))
                assert block.data.dtype == dtype
                assert (np.diff(block.indices)[np.diff(block.rows) == 0] > 0).all()
                np.testing.assert_array_equal(own.toarray(), dense[first:last])


def test_columns_are_told_from_where_they_start() -> None:
    starts = np.array([0, 0, 3, 3, 4, 9, 9])
    whole = np.repeat(np.arange(6), np.diff(starts))
    for first in range(9):
        for end in range(first + 1, 10):
            np.testing.assert_array_equal(columns_of(starts, first, end), whole[first:end])
