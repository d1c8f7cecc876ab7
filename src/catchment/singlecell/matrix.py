"""What blocks of a matrix break: faults with their places; and a block in canonical form. Pure.

A place is (row, column) in the whole matrix, whichever way it is stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from catchment.singlecell.blocks import Block
from catchment.singlecell.rules import SHOWN

LARGEST_EXACT = 1 << 24  # float32 holds every whole number up to here

Int64 = npt.NDArray[np.int64]
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
    """Places of one kind of fault: how many, and the first few by row and column, as (row, column, value)."""

    count: int = 0
    first: list[tuple[int, int, float]] = field(default_factory=list)

    def add(self, block: Block, wrong: Mask, by_columns: bool = False) -> None:
        """Count the values of a block that a mask marks; `by_columns`: its lines are columns."""
        at = np.flatnonzero(wrong)
        self.count += int(at.size)
        if not at.size:
            return
        lines = block.first + np.searchsorted(block.indptr, at, side="right") - 1
        rows, columns = (block.indices[at], lines) if by_columns else (lines, block.indices[at])
        if len(self.first) == SHOWN and int(rows.min()) > self.first[-1][0]:
            return
        if at.size > SHOWN:
            among = rows <= np.partition(rows, SHOWN - 1)[SHOWN - 1]
            at, rows, columns = at[among], rows[among], columns[among]
        order = np.lexsort((columns, rows))[:SHOWN]
        self._show([(int(rows[one]), int(columns[one]), float(block.data[at[one]])) for one in order])

    def merge(self, other: Offenders) -> None:
        """Add those of another part of the matrix; which part comes first makes no difference."""
        self.count += other.count
        self._show(other.first)

    def _show(self, places: list[tuple[int, int, float]]) -> None:
        self.first = sorted(self.first + places, key=lambda place: place[:2])[:SHOWN]


@dataclass
class Faults:
    """Everything that values and places of a matrix can break, counted over blocks.

    `width`: how many places a line has. `by_columns`: lines are columns (CSC), so that a place is that of its column.
    """

    width: int
    by_columns: bool = False
    out_of_range: Offenders = field(default_factory=Offenders)
    duplicates: Offenders = field(default_factory=Offenders)
    not_finite: Offenders = field(default_factory=Offenders)
    negative: Offenders = field(default_factory=Offenders)
    fractional: Offenders = field(default_factory=Offenders)
    too_large: Offenders = field(default_factory=Offenders)
    not_counts: Offenders = field(default_factory=Offenders)
    zeros: int = 0
    unsorted_lines: int = 0

    def add(self, block: Block, *, counts: bool = True) -> bool:
        """Check one block; tell whether each of its values has a place of its own within the matrix.

        `counts`: its values must be counts; else any numbers that are finite.
        """
        placed = self._add_places(block)
        if block.data.size:
            self._add_values(block, counts)
        return placed

    def merge(self, other: Faults) -> None:
        """Add those of another part of the matrix."""
        for part in fields(self):
            own, others = getattr(self, part.name), getattr(other, part.name)
            if isinstance(own, Offenders):
                own.merge(others)
        self.zeros += other.zeros
        self.unsorted_lines += other.unsorted_lines

    @property
    def consistent(self) -> bool:
        """Whether the matrix can be read at all: every value has one place, within the matrix."""
        return not (self.out_of_range.count or self.duplicates.count)

    def _add_values(self, block: Block, counts: bool) -> None:
        data = block.data
        self.zeros += data.size - int(np.count_nonzero(data))
        # nothing is marked where nothing can be wrong; the smallest of NaN and any number is NaN
        if is_counted(data) if counts else np.isfinite([data.min(), data.max()]).all():
            return
        finite = np.isfinite(data)
        self._offend("not_finite", block, ~finite)
        if not counts:
            return
        negative = finite & (data < 0)
        with np.errstate(invalid="ignore"):
            fractional = finite & (np.trunc(data) != data) & ~negative
        self._offend("negative", block, negative)
        self._offend("fractional", block, fractional)
        self._offend("not_counts", block, ~finite | negative | fractional)
        self._offend("too_large", block, finite & (data > np.float64(LARGEST_EXACT)))

    def _add_places(self, block: Block) -> bool:
        indices = block.indices
        if not indices.size:
            return True
        inside = bool(indices.min() >= 0 and indices.max() < self.width)
        if not inside:
            self._offend("out_of_range", block, (indices < 0) | (indices >= self.width))
        rising = np.empty(indices.size, np.bool_)
        np.greater(indices[1:], indices[:-1], out=rising[1:])
        starts = block.indptr[:-1]
        rising[starts[starts < rising.size]] = True
        if rising.all():
            return inside
        falling = ~rising
        falling[1:] &= indices[1:] != indices[:-1]
        lines = np.searchsorted(block.indptr, np.flatnonzero(falling), side="right")
        self.unsorted_lines += int(np.unique(lines).size)
        twice = places_twice(block)
        self._offend("duplicates", block, twice)
        return inside and not twice.any()

    def _offend(self, kind: str, block: Block, wrong: Mask) -> None:
        getattr(self, kind).add(block, wrong, self.by_columns)


def is_counted(data: npt.NDArray[Any]) -> bool:
    """Tell whether all values are whole numbers from 0 to `LARGEST_EXACT`."""
    if not data.size or not (float(data.min()) >= 0 and float(data.max()) <= LARGEST_EXACT):
        return not data.size
    return data.dtype.kind in "iu" or bool(np.array_equal(data.astype(np.int32).astype(data.dtype), data))


def places_twice(block: Block) -> Mask:
    """Return which values have the place of one that is stored before them."""
    lines, indices = block.rows - block.first, block.indices.astype(np.int64)
    order = np.lexsort((indices, lines))
    twice = np.zeros(lines.size, np.bool_)
    twice[order[1:]] = (np.diff(indices[order]) == 0) & (np.diff(lines[order]) == 0)
    return twice


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


def median_or_none(values: npt.NDArray[Any]) -> float | None:
    """Return the median of the values that are numbers; None where there is none."""
    numbers = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    return float(np.median(numbers)) if numbers.size else None
