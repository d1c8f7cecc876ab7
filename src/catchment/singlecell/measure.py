"""QC numbers of a converted dataset, from its side-cars; names and meaning are scanpy's `calculate_qc_metrics`."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq

from catchment.schema.records import Metrics, Product
from catchment.singlecell.matrix import median_or_none
from catchment.singlecell.quality import TOP
from catchment.storage import Place

# columns of the side-car of cells, and what their median and mean are called
SUMMARISED = {
    "total_counts": "total_counts",
    "n_genes_by_counts": "genes_by_counts",
    "pct_counts_mt": "pct_counts_mt",
    "pct_counts_ribo": "pct_counts_ribo",
    **{f"pct_counts_in_top_{count}_genes": f"pct_counts_in_top_{count}_genes" for count in TOP},
}


def measure(product: Product, place: Place) -> Metrics:
    """Return the metrics of a dataset; None where a number does not exist (no mitochondrial gene known, no cell)."""
    cells = pq.read_table(place.path / product.side_cars["qc"])
    genes = pq.read_table(place.path / product.side_cars["genes"])
    total, detected = cells["total_counts"].to_numpy(), cells["n_genes_by_counts"].to_numpy()
    nnz = int(detected.sum())
    summaries: Metrics = {}
    for column, name in SUMMARISED.items():
        values = cells[column].to_numpy()
        summaries[f"median_{name}"] = median_or_none(values)
        summaries[f"mean_{name}"] = None if np.isnan(values).all() else float(np.nanmean(values))
    return {
        "n_cells": cells.num_rows,
        "n_genes": genes.num_rows,
        "nnz": nnz,
        "sparsity": 1 - nnz / (cells.num_rows * genes.num_rows),
        "total_counts": float(total.sum()),
        **summaries,
        "cells_without_counts": int(np.count_nonzero(detected == 0)),
        "genes_without_counts": int(np.count_nonzero(genes["n_cells_by_counts"].to_numpy() == 0)),
    }
