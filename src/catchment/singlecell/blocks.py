"""Rows of a matrix in an H5AD, block by block, with bounded memory; and the next block read while one is worked on."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import h5py
import numpy as np
import numpy.typing as npt

from catchment.singlecell.layout import Matrix
from catchment.singlecell.stored import StoredValues
from catchment.singlecell.transposed import Transposed

# values of a block that is only looked at; a block of whole tiles (conversion) may hold more
MAX_VALUES = 1 << 23


@dataclass(frozen=True)
class Block:
    """Rows `first` to `last` (exclusive) as CSR: `indptr` starts at 0, `indices` are columns."""

    first: int
    last: int
    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[Any]
    data: npt.NDArray[Any]

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The row of each value, counted from the start of the matrix."""
        return np.repeat(np.arange(self.first, self.last, dtype=np.int64), np.diff(self.indptr))


def read_indptr(file: h5py.File, matrix: Matrix) -> npt.NDArray[np.int64]:
    """Return where each row (of CSC: column) of a sparse matrix starts: 8 bytes each."""
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


class Rows:
    """Rows of a matrix, read a block at a time, in the types they are stored in.

    `indptr` of a sparse matrix must never fall (see `matrix.indptr_fault`). Here it is that of the rows, also where the
    matrix is kept by columns; None where it is dense.
    """

    def __init__(self, file: h5py.File, matrix: Matrix) -> None:
        self.matrix = matrix
        self.indptr: npt.NDArray[np.int64] | None = None
        item = file[matrix.path]
        self._by_columns = Transposed(file, matrix) if matrix.encoding == "csc" else None
        if matrix.encoding == "dense":
            self._dense = item
        elif self._by_columns is not None:
            self.indptr = self._by_columns.indptr
        else:
            self.indptr = read_indptr(file, matrix)
            self._indices, self._data = StoredValues(item["indices"]), StoredValues(item["data"])

    def block(self, first: int, last: int) -> Block:
        """Return rows `first` to `last` - 1. Of a dense matrix, zeros are left out."""
        if self.indptr is None:
            return block_of_dense(first, self._dense[first:last])
        start, stop = int(self.indptr[first]), int(self.indptr[last])
        starts = self.indptr[first : last + 1] - start
        if self._by_columns is not None:
            return Block(first, last, starts, *self._by_columns.read(first, last))
        return Block(first, last, starts, self._indices.read(start, stop), self._data.read(start, stop))

    def values_in(self, rows: int) -> int:
        """Return the largest number of values of `rows` rows that follow a multiple of `rows`; dense: all of them."""
        height, width = self.matrix.shape
        if self.indptr is None:
            return min(rows, height) * width
        bounds = np.append(self.indptr[:-1:rows], self.indptr[-1])
        return int(np.diff(bounds).max(initial=0))


def block_of_dense(first: int, values: npt.NDArray[Any]) -> Block:
    """Return dense rows as a block without zeros."""
    stored = values != 0
    counts = np.count_nonzero(stored, axis=1)
    starts = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    columns = np.flatnonzero(stored) - np.repeat(np.arange(values.shape[0]) * values.shape[1], counts)
    return Block(first, first + values.shape[0], starts, columns, values[stored])


def blocks(file: h5py.File, matrix: Matrix, block_rows: int, max_values: int = MAX_VALUES) -> Iterator[Block]:
    """Yield all rows of a matrix in order, columns as 64-bit numbers.

    A sparse matrix must have an `indptr` that never falls (see `matrix.indptr_fault`).
    """
    rows = Rows(file, matrix)
    if rows.indptr is None:
        height = max(1, min(block_rows, max_values // max(1, matrix.shape[1])))
        bounds: Iterator[tuple[int, int]] = (
            (first, min(first + height, matrix.shape[0])) for first in range(0, matrix.shape[0], height)
        )
    else:
        bounds = bounds_of(rows.indptr, block_rows, max_values)
    for first, last in bounds:
        block = rows.block(first, last)
        yield Block(first, last, block.indptr, block.indices.astype(np.int64, copy=False), block.data)


T = TypeVar("T")


def one_ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield what an iterator yields; a thread of its own makes the next while the last is worked on.

    No garbage is collected meanwhile: it could free SOMA objects in that thread while this one uses others, which
    tiledbsoma 2.3 does not promise to survive (docs/decisions/0007).
    """
    end, collecting = object(), gc.isenabled()
    gc.disable()
    try:
        with ThreadPoolExecutor(1) as thread:
            coming = thread.submit(next, items, end)
            while (item := coming.result()) is not end:
                coming = thread.submit(next, items, end)
                yield item  # type: ignore[misc]  # next() of an iterator of T, or the mark of its end
    finally:
        if collecting:
            gc.enable()
