"""One pass over a matrix: every value looked at once, spread over workers where there are enough of them.

Parts of the matrix are scanned by themselves and brought together, so that one worker and many find the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import h5py
import numpy as np
import numpy.typing as npt

from catchment.compute import each
from catchment.schema.records import Finding
from catchment.singlecell import rules
from catchment.singlecell.blocks import Lines, bounds_of, read_indptr
from catchment.singlecell.container import READ_FAULTS, is_damage, opened
from catchment.singlecell.layout import Matrix
from catchment.singlecell.matrix import Faults, indptr_fault
from catchment.singlecell.rules import shown
from catchment.singlecell.sums import Sums, UInt64

BLOCK_VALUES = 1 << 18  # what a pass over a block needs stays near the processor
COLUMN_BLOCK_VALUES = 1 << 21  # a block of columns costs as much again as the matrix has rows
# a scheduler costs a second; below so many values (bytes of them on disk: a third) it does not pay
WORTH_WORKERS = 1 << 27
PART_VALUES = 1 << 24


@dataclass(frozen=True)
class Scan:
    """What one pass over a matrix learnt; without sums where its structure could not be followed."""

    faults: Faults
    sums: Sums
    findings: tuple[Finding, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every value has one place within the matrix, so that all were added up."""
        return not self.findings and self.faults.consistent

    @property
    def summed(self) -> bool:
        """Whether sums say something: every value has its place and is a number."""
        return self.complete and not self.faults.not_finite.count


def scan(
    file: h5py.File, matrix: Matrix, block_rows: int, weights: UInt64 | None = None, threads: int | None = None
) -> Scan:
    """Return what one pass over a matrix finds; of counts where there are `weights` of genes (see `sums.weights_of`).

    Raises
    ------
    OSError, RuntimeError
        Where the file is damaged.
    """
    whole = empty(matrix, weights)
    indptr = pointers_of(file, matrix)
    fault = None if indptr is None else indptr_fault(indptr, matrix.nnz)
    if fault is not None:
        broken = rules.SPARSE_BROKEN.broken(f"{shown(matrix.path)}/indptr", fault)
        return Scan(whole.faults, whole.sums, (broken,))
    one = partial(scanned_part, file.filename, matrix, indptr, block_rows, weights)
    for part in each(one, list(parts_of(file, matrix, indptr)), threads):
        whole.faults.merge(part.faults)
        whole.sums.merge(part.sums)
    return whole


def pointers_of(file: h5py.File, matrix: Matrix) -> npt.NDArray[np.int64] | None:
    """Return where each line of a sparse matrix starts; None of a dense one."""
    return None if matrix.encoding == "dense" else read_indptr(file, matrix)


def empty(matrix: Matrix, weights: UInt64 | None, rows: slice | None = None) -> Scan:
    """Return a scan that has seen nothing, of a whole matrix or of some rows."""
    height, width = matrix.shape
    by_columns = matrix.encoding == "csc"
    first, last = (rows.start, rows.stop) if rows is not None and not by_columns else (0, height)
    return Scan(Faults(height if by_columns else width, by_columns), Sums(last - first, width, weights, first))


def parts_of(file: h5py.File, matrix: Matrix, indptr: npt.NDArray[np.int64] | None) -> Iterator[tuple[int, int]]:
    """Yield first and last line of parts to scan by themselves: one where workers would not pay.

    A part begins with a chunk of its own to inflate, so parts are much larger than chunks.
    """
    rows, width = matrix.shape
    lines = rows if indptr is None else indptr.size - 1
    if matrix.nnz < WORTH_WORKERS or chunk_values(file, matrix) * 8 > PART_VALUES:
        yield 0, lines
    elif indptr is not None:
        yield from bounds_of(indptr, lines, PART_VALUES)
    else:
        chunks = file[matrix.path].chunks
        height = max(1, PART_VALUES // width)
        height = -(-height // chunks[0]) * chunks[0] if chunks else height
        for first in range(0, rows, height):
            yield first, min(first + height, rows)


def chunk_values(file: h5py.File, matrix: Matrix) -> int:
    """Return how many values are stored in one chunk at most; 0 where none are."""
    item = file[matrix.path]
    datasets = [item] if matrix.encoding == "dense" else [item["data"], item["indices"]]
    return max(int(np.prod(dataset.chunks)) if dataset.chunks else 0 for dataset in datasets)


def scanned_part(
    path: str,
    matrix: Matrix,
    indptr: npt.NDArray[np.int64] | None,
    block_rows: int,
    weights: UInt64 | None,
    part: tuple[int, int],
) -> Scan:
    """Return what some lines of a matrix come to. The file is opened anew: an open one does not reach a worker.

    Raises
    ------
    OSError
        Where the file is damaged: an error that comes back from a worker has lost the frames that tell whose it is.
    """
    by_columns = matrix.encoding == "csc"
    found = empty(matrix, weights, slice(*part))
    most = COLUMN_BLOCK_VALUES if by_columns else BLOCK_VALUES
    height = matrix.shape[1] if by_columns else block_rows
    try:
        with opened(path) as file:
            lines = Lines(file, matrix, indptr)
            for first, last in lines.bounds(height, most, *part):
                block = lines.block(first, last)
                if found.faults.add(block, counts=weights is not None):
                    found.sums.add(block, by_columns)
    except READ_FAULTS as error:
        if is_damage(error):
            raise OSError(str(error)) from error
        raise
    return found
