"""What each cell and each gene of a matrix comes to, added up over blocks: numbers of counts, and a hash of each cell.

Everything is added up in whole numbers modulo 2**64, so that neither blocks nor workers change a digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from catchment.singlecell.blocks import Block
from catchment.singlecell.matrix import is_counted

TOTAL, MITOCHONDRIAL, HIGH, LOW = range(4)  # columns of the weights of genes
LARGEST_WHOLE = 1 << 53  # float64 holds every whole number up to here
MIX = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio, odd: multiplying by it loses nothing

FEW_VALUES = 1 << 16  # of a block; scipy.sparse takes 0.2 s to load

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
UInt64 = npt.NDArray[np.uint64]
Float64 = npt.NDArray[np.float64]


def weights_of(ids: Sequence[str], mitochondrial: npt.NDArray[np.bool_]) -> UInt64:
    """Return what a count of each gene adds to its cell: 1, 1 where mitochondrial, and the two halves of its hash.

    A cell's hash is the sum of its counts times the 128-bit hash of each gene's id: multilinear hashing (Lemire and
    Kaser 2014), whose chance to take two cells for one is that of two random numbers of 128 bits. It depends on ids and
    counts only: not on the order of genes, nor on genes without counts, nor on how the matrix is stored.
    """
    digests = b"".join(xxhash.xxh3_128_digest(id_.encode("utf-8", "surrogatepass")) for id_ in ids)
    halves = np.frombuffer(digests, ">u8").reshape(-1, 2)
    weights = np.ones((len(ids), 4), np.uint64)
    weights[:, MITOCHONDRIAL] = mitochondrial
    weights[:, HIGH:] = halves
    return weights


def words_of(data: npt.NDArray[Any]) -> UInt64:
    """Return a word for each value, the same for equal values of any type: a whole number itself, else its bits."""
    if data.dtype.kind in "iu":
        return data.astype(np.int64).view(np.uint64)
    if is_counted(data):  # the usual case, at half the cost
        return data.astype(np.int32).astype(np.uint64)
    data = data.astype(np.float64)
    with np.errstate(invalid="ignore"):
        whole = data.astype(np.int64)
    same = (whole == data) & (np.abs(data) < LARGEST_WHOLE)
    if same.all():
        return whole.view(np.uint64)
    bits = data.view(np.uint64) * MIX
    return np.where(same, whole.view(np.uint64), bits ^ (bits >> np.uint64(32)))


# --- products of a block with weights: by scipy; a small file is looked at before scipy would be loaded --------------


def summed_products(words: UInt64, columns: Int32, starts: Int32, weights: UInt64) -> UInt64:
    """Return, for each row of a block, the sum of its words times the weights of their columns."""
    if words.size > FEW_VALUES:
        from scipy.sparse import csr_matrix

        product: UInt64 = csr_matrix((words, columns, starts), (starts.size - 1, len(weights)), copy=False) @ weights
        return product
    running = np.zeros((words.size + 1, weights.shape[1]), np.uint64)
    np.cumsum(words[:, None] * weights[columns], axis=0, out=running[1:])
    return running[starts[1:]] - running[starts[:-1]]


def spread_products(words: UInt64, rows: Int32, starts: Int32, weights: UInt64, height: int) -> UInt64:
    """Return, for each row of a matrix, what a block of its columns adds: words times the weight of their column."""
    if words.size > FEW_VALUES:
        from scipy.sparse import csc_matrix

        product: UInt64 = csc_matrix((words, rows, starts), (height, starts.size - 1), copy=False) @ weights
        return product
    added = np.zeros((height, weights.shape[1]), np.uint64)
    np.add.at(added, rows, words[:, None] * np.repeat(weights, np.diff(starts), axis=0))
    return added


@dataclass
class Sums:
    """Sums of a matrix of `rows` cells, from blocks that cover all its values once.

    `first_row`, `rows`: which rows these are sums of. `per_row`: values times weights; without weights, none.
    """

    rows: int
    columns: int
    weights: UInt64 | None = None
    first_row: int = 0
    per_row: UInt64 = field(init=False)
    values_of_row: Int64 = field(init=False)
    values_of_column: Int64 = field(init=False)

    def __post_init__(self) -> None:
        self.per_row = np.zeros((0 if self.weights is None else self.rows, 4), np.uint64)
        self.values_of_row = np.zeros(self.rows, np.int64)
        self.values_of_column = np.zeros(self.columns, np.int64)

    def add(self, block: Block, by_columns: bool = False) -> None:
        """Add a block whose values are all within the matrix; stored zeros count for nothing."""
        counts, indices, data = np.diff(block.indptr), block.indices, block.data
        if not data.all():
            stored = data != 0
            kept = np.concatenate(([0], np.cumsum(stored)))[block.indptr]
            counts, indices, data = np.diff(kept), indices[stored], data[stored]
        starts = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
        lines, across = slice(block.first, block.last), indices.astype(np.int32, copy=False)
        if by_columns:
            self.values_of_column[lines] += counts
            self.values_of_row += np.bincount(across, minlength=self.rows)
        else:
            lines = slice(block.first - self.first_row, block.last - self.first_row)
            self.values_of_row[lines] += counts
            self.values_of_column += np.bincount(across, minlength=self.columns)
        if self.weights is None:
            return
        parts = (words_of(data), across, starts)
        if by_columns:
            self.per_row += spread_products(*parts, self.weights[lines], self.rows)
        else:
            self.per_row[lines] += summed_products(*parts, self.weights)

    def merge(self, other: Sums) -> None:
        """Add the sums of another part of the matrix: some of its rows, or some of its columns."""
        own = slice(other.first_row - self.first_row, other.first_row - self.first_row + other.rows)
        self.values_of_row[own] += other.values_of_row
        self.values_of_column += other.values_of_column
        if self.weights is not None:
            self.per_row[own] += other.per_row

    @property
    def total_counts(self) -> Float64:
        """Counts of each cell, where all values are counts."""
        return self.per_row[:, TOTAL].astype(np.float64)

    @property
    def pct_counts_mt(self) -> Float64:
        """Mitochondrial share of each cell in percent; NaN without counts, or where no such gene is known."""
        if self.weights is None or not self.weights[:, MITOCHONDRIAL].any():
            return np.full(self.rows, np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            share: Float64 = self.per_row[:, MITOCHONDRIAL] / self.total_counts * 100
        return share

    @property
    def hashes(self) -> UInt64:
        """The 128-bit hash of each cell as two words (cells x 2); both 0 for a cell without counts."""
        return self.per_row[:, HIGH:]
