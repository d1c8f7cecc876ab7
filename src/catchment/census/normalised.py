"""The census's normalised layer: what share of a cell's counts each gene has. Pure arrays.

The rule of CZI's builder: counts of full-length assays are first divided by the length of their gene; each is then
divided by the sum of its cell; the result keeps 15 bits of mantissa (rounded half to even: it compresses better) and is
never 0. No logarithm, no factor.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from catchment.soma import Float32, Int64

Float64 = npt.NDArray[np.float64]

SMALLEST = np.float32(np.finfo(np.float32).smallest_subnormal)
DROPPED_BITS = 8  # of the 23 that a 32-bit float has


@cache
def full_gene_assays() -> frozenset[str]:
    """Return the assays (EFO) that read whole transcripts, so that a longer gene has more counts."""
    text = files("catchment.census").joinpath("full_gene_assays.tsv").read_text(encoding="utf-8")
    return frozenset(row["id"] for row in csv.DictReader(text.splitlines(), delimiter="\t"))


def shares(values: Float32, columns: Int64, cells: Int64, lengths: Int64, full_gene: npt.NDArray[np.bool_]) -> Float32:
    """Return each count as a share of its cell.

    Parameters
    ----------
    columns, cells
        the gene and the cell of each value; cells from 0 on.
    lengths
        of each gene, in bases.
    full_gene
        for each cell, whether its assay reads whole transcripts.
    """
    if full_gene.any():
        divided = values / np.maximum(lengths[columns], 1).astype(np.float32)
        values = np.where(full_gene[cells], divided, values)
    sums = np.bincount(cells, weights=values, minlength=full_gene.size)
    return never_zero(round_mantissa((values / sums[cells]).astype(np.float32)))


def round_mantissa(values: Float32) -> Float32:
    """Return 32-bit floats with the lowest 8 bits of their mantissa rounded away, half to even."""
    bits = values.view(np.int32)
    odd = (bits >> DROPPED_BITS) & 1
    half_less_one = (1 << (DROPPED_BITS - 1)) - 1
    return ((bits + odd + half_less_one) & -(1 << DROPPED_BITS)).view(np.float32)


def never_zero(values: Float32) -> Float32:
    """Return values with the smallest number above 0 where there was a 0: a stored value is a measured one."""
    return np.where(values == 0, SMALLEST, values)
