"""QC numbers of a converted dataset, from its side-cars; names and meaning are scanpy's `calculate_qc_metrics`."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq

from catchment.schema.records import Metrics, Product
from catchment.singlecell.matrix import median_or_none
from catchment.storage import Place


def measure(product: Product, place: Place) -> Metrics:
    """Return the metrics of a dataset; None where a number does not exist (no mitochondrial gene known, no cell)."""
    cells = pq.read_table(place.path / product.side_cars["qc"])
    genes = pq.read_table(place.path / product.side_cars["genes"])
    total, detected, mitochondrial = (
        cells[name].to_numpy() for name in ("total_counts", "n_genes_by_counts", "pct_counts_mt")
    )
    nnz = int(detected.sum())
    return {
        "n_cells": cells.num_rows,
        "n_genes": genes.num_rows,
        "nnz": nnz,
        "sparsity": 1 - nnz / (cells.num_rows * genes.num_rows),
        "total_counts": float(total.sum()),
        "median_total_counts": median_or_none(total),
        "mean_total_counts": float(total.mean()),
        "median_genes_by_counts": median_or_none(detected),
        "mean_genes_by_counts": float(detected.mean()),
        "median_pct_counts_mt": median_or_none(mitochondrial),
        "mean_pct_counts_mt": None if np.isnan(mitochondrial).all() else float(np.nanmean(mitochondrial)),
        "cells_without_counts": int(np.count_nonzero(detected == 0)),
        "genes_without_counts": int(np.count_nonzero(genes["n_cells_by_counts"].to_numpy() == 0)),
    }
