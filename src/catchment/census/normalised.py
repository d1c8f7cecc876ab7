"""The census's normalised layer: what share of a cell's counts each gene has. Pure arrays.

The rule of CZI's builder: counts of full-length assays are first divided by the length of their gene; each is then
divided by the sum of its cell; the result keeps 15 bits of mantissa (rounded half to even: it compresses better) and is
never 0. No logarithm, no factor.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from catchment.soma import TILE, Float32, Int64, RowTile

Float64 = npt.NDArray[np.float64]

SMALLEST = np.float32(np.finfo(np.float32).smallest_subnormal)
DROPPED_BITS = 8  # of the 23 that a 32-bit float has


@cache
def full_gene_assays() -> frozenset[str]:
    """Return the assays (EFO) that read whole transcripts, so that a longer gene has more counts."""
    text = files("catchment.census").joinpath("full_gene_assays.tsv").read_text(encoding="utf-8")
    return frozenset(row["id"] for row in csv.DictReader(text.splitlines(), delimiter="\t"))


def weights(values: Float32, columns: Int64, cells: Int64, lengths: Int64, full_gene: npt.NDArray[np.bool_]) -> Float32:
    """Return what each count weighs: itself, or its part per base of the gene in a cell of a full-length assay.

    Parameters
    ----------
    columns, cells
        the gene and the cell of each count.
    lengths
        of each gene, in bases.
    full_gene
        for each cell, whether its assay reads whole transcripts.
    """
    if not full_gene.any():
        return values
    divided = values / np.maximum(lengths[columns], 1).astype(np.float32)
    return np.where(full_gene[cells], divided, values)


def shares_of(tile: RowTile, lengths: Int64, full_gene: npt.NDArray[np.bool_]) -> Iterator[Float32]:
    """Yield the shares of each batch of a row tile; `full_gene` has a flag for each of the tile's rows."""
    totals = np.zeros(TILE)
    for cells, columns, values in tile.batches():
        totals += np.bincount(cells, weights=weights(values, columns, cells, lengths, full_gene), minlength=TILE)
    for cells, columns, values in tile.batches():
        yield shares(weights(values, columns, cells, lengths, full_gene), totals[cells])


def shares(weighed: Float32, totals: Float64) -> Float32:
    """Return each weight as a share of its cell's total (given for each weight)."""
    return never_zero(round_mantissa((weighed / totals).astype(np.float32)))


def round_mantissa(values: Float32) -> Float32:
    """Return 32-bit floats with the lowest 8 bits of their mantissa rounded away, half to even."""
    bits = values.view(np.int32)
    odd = (bits >> DROPPED_BITS) & 1
    half_less_one = (1 << (DROPPED_BITS - 1)) - 1
    return ((bits + odd + half_less_one) & -(1 << DROPPED_BITS)).view(np.float32)


def never_zero(values: Float32) -> Float32:
    """Return values with the smallest number above 0 where there was a 0: a stored value is a measured one."""
    return np.where(values == 0, SMALLEST, values)
