"""What blocks of a count matrix say: faults with their places, sums a cell and a gene. Pure.

A block is CSR with rows counted from its `first`; a place is (row, column) in the whole matrix.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from catchment.singlecell.blocks import Block
from catchment.singlecell.rules import SHOWN

LARGEST_EXACT = 1 << 24  # float32 holds every whole number up to here

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


# --- faults ------------------------------------------------------------------------------------------------------


def indptr_fault(indptr: Int64, nnz: int) -> str | None:
    """Return what is wrong with the row starts of a CSR matrix with `nnz` stored values, or None."""
    if indptr[0] != 0:
        return f"starts at {indptr[0]}, not 0"
    falling = np.flatnonzero(np.diff(indptr) < 0)
    if falling.size:
        row = int(falling[0])
        return f"falls from {indptr[row]} to {indptr[row + 1]} at row {row} ({falling.size} such)"
    if indptr[-1] != nnz:
        return f"ends at {indptr[-1]}, but {nnz} values are stored"
    return None


@dataclass
class Offenders:
    """Places of one kind of fault: how many, and the first few as (row, column, value)."""

    count: int = 0
    first: list[tuple[int, int, float]] = field(default_factory=list)

    def add(self, block: Block, rows: Int64, wrong: Mask) -> None:
        """Count the values of a block that a mask marks."""
        found = int(np.count_nonzero(wrong))
        self.count += found
        if found and len(self.first) < SHOWN:
            for at in np.flatnonzero(wrong)[: SHOWN - len(self.first)]:
                self.first.append((int(rows[at]), int(block.indices[at]), float(block.data[at])))


@dataclass
class Faults:
    """Everything that values and columns of a count matrix can break, counted over blocks."""

    columns: int
    out_of_range: Offenders = field(default_factory=Offenders)
    duplicates: Offenders = field(default_factory=Offenders)
    not_finite: Offenders = field(default_factory=Offenders)
    negative: Offenders = field(default_factory=Offenders)
    fractional: Offenders = field(default_factory=Offenders)
    too_large: Offenders = field(default_factory=Offenders)
    not_counts: Offenders = field(default_factory=Offenders)
    zeros: int = 0
    unsorted_rows: int = 0

    def add(self, block: Block) -> None:
        """Check one block."""
        rows, data = block.rows, block.data
        finite = np.isfinite(data)
        negative = finite & (data < 0)
        with np.errstate(invalid="ignore"):
            fractional = finite & (np.trunc(data) != data) & ~negative
        self.not_finite.add(block, rows, ~finite)
        self.negative.add(block, rows, negative)
        self.fractional.add(block, rows, fractional)
        self.not_counts.add(block, rows, ~finite | negative | fractional)
        self.too_large.add(block, rows, finite & (data > LARGEST_EXACT))
        self.zeros += int(np.count_nonzero(data == 0))
        self.out_of_range.add(block, rows, (block.indices < 0) | (block.indices >= self.columns))
        self._add_order(block, rows)

    def _add_order(self, block: Block, rows: Int64) -> None:
        same_row = np.diff(rows) == 0
        steps = np.diff(block.indices)
        falling = same_row & (steps < 0)
        self.unsorted_rows += int(np.unique(rows[1:][falling]).size)
        if falling.any():
            order = np.lexsort((block.indices, rows))
            sorted_columns, sorted_rows = block.indices[order], rows[order]
            twice = np.zeros(rows.size, bool)
            twice[order[1:]] = (np.diff(sorted_columns) == 0) & (np.diff(sorted_rows) == 0)
        else:
            twice = np.concatenate(([False], same_row & (steps == 0))) if rows.size else np.zeros(0, bool)
        self.duplicates.add(block, rows, twice)

    @property
    def consistent(self) -> bool:
        """Whether the matrix can be read at all: every value has one place, within the matrix."""
        return not (self.out_of_range.count or self.duplicates.count)


# --- canonical form ----------------------------------------------------------------------------------------------


def canonical(block: Block, zeros: bool = False) -> Block:
    """Return a block without stored zeros (unless `zeros` are kept), columns rising within each row."""
    rows, columns, data = block.rows - block.first, block.indices, block.data
    stored = data != 0
    if not zeros and not stored.all():
        rows, columns, data = rows[stored], columns[stored], data[stored]
    if rows.size and np.any((np.diff(columns) < 0) & (np.diff(rows) == 0)):
        order = np.lexsort((columns, rows))
        rows, columns, data = rows[order], columns[order], data[order]
    counts = np.bincount(rows, minlength=block.last - block.first)
    return Block(block.first, block.last, np.concatenate(([0], np.cumsum(counts))).astype(np.int64), columns, data)


def row_hashes(block: Block) -> npt.NDArray[np.uint64]:
    """Return a hash for each row of a canonical block; 0 for a row without values."""
    columns = np.ascontiguousarray(block.indices, np.int64).view(np.uint8)
    values = np.ascontiguousarray(block.data, np.float32).view(np.uint8)
    hashes = np.zeros(block.last - block.first, np.uint64)
    for row in np.flatnonzero(np.diff(block.indptr)):
        start, stop = int(block.indptr[row]), int(block.indptr[row + 1])
        seed = xxhash.xxh3_64_intdigest(values[4 * start : 4 * stop].data)
        hashes[row] = xxhash.xxh3_64_intdigest(columns[8 * start : 8 * stop].data, seed) or 1
    return hashes


# --- sums --------------------------------------------------------------------------------------------------------


@dataclass
class Sums:
    """QC numbers in scanpy's terms, from canonical blocks that cover all rows once.

    Per cell: `total_counts`, `n_genes_by_counts` and, where mitochondrial genes are known, `total_counts_mt`.
    Per gene: `gene_counts` (total_counts) and `gene_cells` (n_cells_by_counts).
    """

    rows: int
    mitochondrial: Mask
    total_counts: Float64 = field(init=False)
    total_counts_mt: Float64 = field(init=False)
    n_genes_by_counts: Int64 = field(init=False)
    gene_counts: Float64 = field(init=False)
    gene_cells: Int64 = field(init=False)

    def __post_init__(self) -> None:
        columns = self.mitochondrial.size
        self.total_counts, self.total_counts_mt = np.zeros(self.rows), np.zeros(self.rows)
        self.n_genes_by_counts = np.zeros(self.rows, np.int64)
        self.gene_counts, self.gene_cells = np.zeros(columns), np.zeros(columns, np.int64)

    def add(self, block: Block) -> None:
        """Add one canonical block."""
        span, columns = slice(block.first, block.last), self.mitochondrial.size
        rows = block.rows - block.first
        data = block.data.astype(np.float64)
        height = block.last - block.first
        self.total_counts[span] = np.bincount(rows, data, height)
        self.n_genes_by_counts[span] = np.diff(block.indptr)
        if self.mitochondrial.any():
            here = self.mitochondrial[block.indices]
            self.total_counts_mt[span] = np.bincount(rows[here], data[here], height)
        self.gene_counts += np.bincount(block.indices, data, columns)
        self.gene_cells += np.bincount(block.indices, minlength=columns)

    @property
    def pct_counts_mt(self) -> Float64:
        """Mitochondrial share of each cell in percent; NaN without counts, or where no such gene is known."""
        if not self.mitochondrial.any():
            return np.full(self.rows, np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            share: Float64 = self.total_counts_mt / self.total_counts * 100
        return share


def median_or_none(values: npt.NDArray[Any]) -> float | None:
    """Return the median of the values that are numbers; None where there is none."""
    numbers = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    return float(np.median(numbers)) if numbers.size else None
