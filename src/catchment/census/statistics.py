"""What the census says of each cell and gene from its counts. Pure arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from catchment.census.normalised import Float64
from catchment.soma import TILE, Int64, RowTile


@dataclass(frozen=True)
class CellStatistics:
    """By cell: sum and number of its counts, their mean and their variance; 0 where there are too few for one."""

    raw_sum: Float64
    nnz: Int64
    raw_mean_nnz: Float64
    raw_variance_nnz: Float64


def cell_statistics(tile: RowTile, rows: slice) -> CellStatistics:
    """Return the statistics of the cells in some rows of a tile.

    The variance is over stored counts, with one degree of freedom taken off, in two passes: exact where one pass over
    squares would lose digits.
    """
    nnz, sums, squares = np.zeros(TILE, np.int64), np.zeros(TILE), np.zeros(TILE)
    for cells, _, values in tile.batches():
        nnz += np.bincount(cells, minlength=TILE)
        sums += np.bincount(cells, weights=values, minlength=TILE)
    means = np.divide(sums, nnz, out=np.zeros(TILE), where=nnz > 0)
    for cells, _, values in tile.batches():
        deviations = values - means[cells]
        squares += np.bincount(cells, weights=deviations * deviations, minlength=TILE)
    variances = np.divide(squares, nnz - 1, out=np.zeros(TILE), where=nnz > 1)
    return CellStatistics(raw_sum=sums[rows], nnz=nnz[rows], raw_mean_nnz=means[rows], raw_variance_nnz=variances[rows])


def joined(parts: list[CellStatistics]) -> CellStatistics:
    """Return the statistics of cells that follow each other."""
    return CellStatistics(
        **{name.name: np.concatenate([getattr(part, name.name) for part in parts]) for name in fields(CellStatistics)}
    )
