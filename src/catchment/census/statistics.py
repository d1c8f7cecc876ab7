"""What the census says of each cell and gene from its counts. Pure arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from catchment.census.normalised import Float64
from catchment.soma import Float32, Int64


@dataclass(frozen=True)
class CellStatistics:
    """By cell: sum and number of its counts, their mean and their variance; 0 where there are too few for one."""

    raw_sum: Float64
    nnz: Int64
    raw_mean_nnz: Float64
    raw_variance_nnz: Float64


def cell_statistics(cells: Int64, values: Float32, count: int) -> CellStatistics:
    """Return the statistics of `count` cells from their stored counts; `cells` says whose each one is.

    The variance is over stored counts, with one degree of freedom taken off, in two passes: exact where one pass over
    squares would lose digits.
    """
    nnz = np.bincount(cells, minlength=count).astype(np.int64)
    sums: Float64 = np.bincount(cells, weights=values, minlength=count).astype(np.float64)
    means = np.divide(sums, nnz, out=np.zeros(count), where=nnz > 0)
    deviations = values - means[cells]
    squares = np.bincount(cells, weights=deviations * deviations, minlength=count)
    variances = np.divide(squares, nnz - 1, out=np.zeros(count), where=nnz > 1)
    return CellStatistics(raw_sum=sums, nnz=nnz, raw_mean_nnz=means, raw_variance_nnz=variances)


def joined(parts: list[CellStatistics]) -> CellStatistics:
    """Return the statistics of cells that follow each other."""
    if len(parts) == 1:
        return parts[0]
    return CellStatistics(
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("raw_sum", "nnz", "raw_mean_nnz", "raw_variance_nnz")
        }
    )
