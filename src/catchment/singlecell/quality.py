"""QC numbers per cell and per gene, added up while a matrix is converted; names and meaning are scanpy's.

`scanpy.pp.calculate_qc_metrics`: totals, genes with counts, shares of gene sets, shares of the most counted genes; no
second look at the matrix.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from catchment.singlecell.blocks import Block

TOP = (50, 100, 200, 500)  # scanpy's `percent_top`
ROWS_AT_ONCE = 256
NARROW = 1 << 31  # values of which 32 bits can number each

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]


class Quality:
    """QC numbers from canonical blocks that cover all rows once.

    Parameters
    ----------
    rows, columns
        cells and genes.
    sets
        by name (`mt`, `ribo`), which genes belong to a set. A set without a gene has no share: its numbers are NaN.
    """

    def __init__(self, rows: int, columns: int, sets: Mapping[str, npt.NDArray[np.bool_]]) -> None:
        self.rows, self.columns = rows, columns
        self._known = tuple(name for name, members in sets.items() if members.any())
        self._sets = tuple(sets)
        self._weights = np.column_stack([np.ones(columns), *(sets[name].astype(np.float64) for name in self._known)])
        self._totals = np.zeros((rows, self._weights.shape[1]))
        self._top = np.zeros((rows, len(TOP)))
        self._kept_ones: Float64 = np.ones(0)
        self.n_genes_by_counts = np.zeros(rows, np.int64)
        self.gene_counts = np.zeros(columns)
        self.gene_cells = np.zeros(columns, np.int64)

    def add(self, block: Block) -> None:
        """Add one block, some rows at a time."""
        from scipy.sparse import csr_matrix

        self.n_genes_by_counts[block.first : block.last] = np.diff(block.indptr)
        for first in range(0, block.last - block.first, ROWS_AT_ONCE):
            starts = block.indptr[first : first + ROWS_AT_ONCE + 1]
            span = slice(int(starts[0]), int(starts[-1]))
            values = block.data[span].astype(np.float64)
            rows = slice(block.first + first, block.first + first + starts.size - 1)
            starts = starts - starts[0]
            # scipy widens columns to the type of the row starts, a copy of them all
            narrow = starts.astype(np.int32) if values.size < NARROW else starts
            own = csr_matrix((values, block.indices[span], narrow), (starts.size - 1, self.columns), copy=False)
            self._totals[rows] = own @ self._weights
            once = np.ones(starts.size - 1)
            self.gene_counts += own.T @ once
            own.data = self._ones(values.size)  # a product counts twice as fast as `bincount`, which widens columns
            self.gene_cells += (own.T @ once).astype(np.int64)
            self._top[rows] = top_sums(block.data[span], starts)

    def _ones(self, size: int) -> Float64:
        """Return as many ones; kept, since blocks are of one size."""
        if self._kept_ones.size < size:
            self._kept_ones = np.ones(size)
        return self._kept_ones[:size]

    @property
    def nnz(self) -> int:
        """Number of counts."""
        return int(self.n_genes_by_counts.sum())

    @property
    def total_counts(self) -> Float64:
        """Counts of each cell."""
        return self._totals[:, 0]

    def cells(self) -> pa.Table:
        """Return QC per cell; NaN where a number does not exist."""
        total = self.total_counts
        table: dict[str, object] = {
            "soma_joinid": np.arange(self.rows, dtype=np.int64),
            "total_counts": total,
            "log1p_total_counts": np.log1p(total).astype(np.float32),
            "n_genes_by_counts": self.n_genes_by_counts,
            "log1p_n_genes_by_counts": np.log1p(self.n_genes_by_counts).astype(np.float32),
        }
        for column, count in enumerate(TOP):
            top = self._top[:, column] if count <= self.columns else np.full(self.rows, np.nan)
            table[f"pct_counts_in_top_{count}_genes"] = share_percent(top, total)
        for name in self._sets:
            own = np.full(self.rows, np.nan)
            if name in self._known:
                own = self._totals[:, 1 + self._known.index(name)]
            table[f"total_counts_{name}"] = own
            table[f"log1p_total_counts_{name}"] = np.log1p(own).astype(np.float32)
            table[f"pct_counts_{name}"] = share_percent(own, total)
        return pa.table(table)

    def genes(self, ids: list[str], sets: Mapping[str, npt.NDArray[np.bool_]]) -> pa.Table:
        """Return QC per gene, and which gene is of which set."""
        mean = self.gene_counts / max(self.rows, 1)
        return pa.table(
            {
                "soma_joinid": np.arange(self.columns, dtype=np.int64),
                "var_id": pa.array(ids, pa.large_string()),
                **{name: pa.array(members) for name, members in sets.items()},
                "n_cells_by_counts": self.gene_cells,
                "mean_counts": mean,
                "log1p_mean_counts": np.log1p(mean),
                "pct_dropout_by_counts": (1 - self.gene_cells / max(self.rows, 1)) * 100,
                "total_counts": self.gene_counts,
                "log1p_total_counts": np.log1p(self.gene_counts),
            }
        )


def share_percent(part: Float64, total: Float64) -> Float64:
    """Return a part in percent of the total of each cell; NaN for a cell without counts."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share: Float64 = part / total * 100
    return share


def top_sums(values: npt.NDArray[Any], starts: Int64) -> Float64:
    """Return, for each row of CSR, the sums of its largest `TOP` values; counts, so that nothing is below 0."""
    most, ordered = TOP[-1], values.copy()
    largest = np.zeros((starts.size - 1, most), values.dtype)
    for row, (start, stop) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
        own = ordered[start:stop]
        own.sort()
        largest[row, : min(most, own.size)] = own[::-1][:most]
    sums: Float64 = np.cumsum(largest, axis=1, dtype=np.float64)[:, np.array(TOP) - 1]
    return sums
