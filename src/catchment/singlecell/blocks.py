"""A matrix in an H5AD, block by block, with bounded memory; and the next block read while one is worked on."""

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
    """Lines `first` to `last` (exclusive) of a matrix, compressed: `indptr` starts at 0, `indices` count across them.

    Lines are rows, and indices columns, but where a matrix kept by columns is read as it is stored (see `Lines`).
    """

    first: int
    last: int
    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[Any]
    data: npt.NDArray[Any]

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The line of each value, counted from the start of the matrix."""
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


class Lines:
    """A matrix as it is stored, read a block of lines at a time: rows, or (CSC) columns. Not for several threads.

    `indptr` of a sparse matrix must never fall (see `matrix.indptr_fault`); it is None where the matrix is dense.
    """

    def __init__(self, file: h5py.File, matrix: Matrix, indptr: npt.NDArray[np.int64] | None = None) -> None:
        item = file[matrix.path]
        self.matrix = matrix
        self.indptr: npt.NDArray[np.int64] | None = None
        if matrix.encoding == "dense":
            self._dense = item
        else:
            self.indptr = read_indptr(file, matrix) if indptr is None else indptr
            self._indices, self._data = StoredValues(item["indices"]), StoredValues(item["data"])

    def block(self, first: int, last: int) -> Block:
        """Return lines `first` to `last` - 1 in the types they are stored in; of a dense matrix, zeros are left out."""
        if self.indptr is None:
            return block_of_dense(first, self._dense[first:last])
        start, stop = int(self.indptr[first]), int(self.indptr[last])
        starts = self.indptr[first : last + 1] - start
        return Block(first, last, starts, self._indices.read(start, stop), self._data.read(start, stop))

    def bounds(self, most_lines: int, most_values: int, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Yield blocks of lines that cover `first` to `last` - 1: at most so many lines and, as a rule, values.

        Rows of a dense matrix that share a chunk are one block, where there is room for them.
        """
        if self.indptr is not None:
            for start, end in bounds_of(self.indptr[first : last + 1], most_lines, most_values):
                yield first + start, first + end
            return
        width = max(1, self.matrix.shape[1])
        height = max(1, min(most_lines, most_values // width))
        chunk_rows = int(self._dense.chunks[0]) if self._dense.chunks else 1
        if chunk_rows * width <= MAX_VALUES:
            height = -(-height // chunk_rows) * chunk_rows
        for start in range(first, last, height):
            yield start, min(start + height, last)


class Rows:
    """Rows of a matrix, read a block at a time, in the types they are stored in.

    `indptr` is that of the rows, also where the matrix is kept by columns; None where it is dense.
    """

    def __init__(self, file: h5py.File, matrix: Matrix) -> None:
        self.matrix = matrix
        self._source = Transposed(file, matrix) if matrix.encoding == "csc" else Lines(file, matrix)
        self.indptr = self._source.indptr

    def block(self, first: int, last: int) -> Block:
        """Return rows `first` to `last` - 1. Of a dense matrix, zeros are left out."""
        if isinstance(self._source, Lines):
            return self._source.block(first, last)
        starts = self._source.indptr[first : last + 1] - self._source.indptr[first]
        return Block(first, last, starts, *self._source.read(first, last))

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
