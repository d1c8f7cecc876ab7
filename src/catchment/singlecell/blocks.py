"""Rows of a matrix in an H5AD, block by block, with bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from catchment.singlecell.layout import Matrix

# values of a block that is only looked at; a block of whole tiles (conversion) may hold more
MAX_VALUES = 1 << 23


@dataclass(frozen=True)
class Block:
    """Rows `first` to `last` (exclusive) as CSR: `indptr` starts at 0, `indices` are columns."""

    first: int
    last: int
    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int64]
    data: npt.NDArray[Any]

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The row of each value, counted from the start of the matrix."""
        return np.repeat(np.arange(self.first, self.last, dtype=np.int64), np.diff(self.indptr))


def read_indptr(file: h5py.File, matrix: Matrix) -> npt.NDArray[np.int64]:
    """Return where each row of a CSR matrix starts: 8 bytes a row."""
    values: npt.NDArray[np.int64] = file[matrix.path]["indptr"][()].astype(np.int64)
    return values


def bounds_of(
    indptr: npt.NDArray[np.int64], block_rows: int, max_values: int = MAX_VALUES
) -> Iterator[tuple[int, int]]:
    """Yield first and last row of blocks of at most `block_rows` rows and, unless a row has more, `max_values`."""
    first, rows = 0, len(indptr) - 1
    while first < rows:
        fitting = int(np.searchsorted(indptr, indptr[first] + max_values, side="right")) - 1
        last = max(first + 1, min(first + block_rows, rows, fitting))
        yield first, last
        first = last


def read_block(file: h5py.File, matrix: Matrix, indptr: npt.NDArray[np.int64] | None, first: int, last: int) -> Block:
    """Return some rows of a matrix; `indptr` (of the whole matrix, checked before) is None where it is dense.

    Of a dense matrix, zeros are left out.
    """
    item = file[matrix.path]
    if indptr is None:
        dense = item[first:last]
        rows, columns = np.nonzero(dense)
        counts = np.bincount(rows, minlength=last - first)
        starts = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        return Block(first, last, starts, columns.astype(np.int64), dense[rows, columns])
    start, stop = int(indptr[first]), int(indptr[last])
    return Block(
        first,
        last,
        indptr[first : last + 1] - start,
        item["indices"][start:stop].astype(np.int64),
        item["data"][start:stop],
    )


def blocks(file: h5py.File, matrix: Matrix, block_rows: int, max_values: int = MAX_VALUES) -> Iterator[Block]:
    """Yield all rows of a matrix in order.

    A CSR matrix must have an `indptr` that never falls (see `matrix.indptr_faults`).
    """
    if matrix.encoding == "dense":
        rows = max(1, min(block_rows, max_values // max(1, matrix.shape[1])))
        for first in range(0, matrix.shape[0], rows):
            yield read_block(file, matrix, None, first, min(first + rows, matrix.shape[0]))
        return
    indptr = read_indptr(file, matrix)
    for first, last in bounds_of(indptr, block_rows, max_values):
        yield read_block(file, matrix, indptr, first, last)
