"""QC plots of a dataset, from its side-cars: what scanpy's users look at first."""

from __future__ import annotations

import pyarrow.parquet as pq

from catchment.plot_axes import axis_of
from catchment.plots import density, draw_sheet, histogram
from catchment.schema.records import Asset, Dataset
from catchment.singlecell.quality import TOP
from catchment.storage import Place

COLOUR = "#0b6e6e"
SHARES = {
    "pct_counts_mt": "Share of mitochondrial genes",
    "pct_counts_ribo": "Share of ribosomal genes",
    f"pct_counts_in_top_{TOP[0]}_genes": f"Share of the {TOP[0]} most counted genes",
}


def draw(dataset: Dataset, asset: Asset, store: Place) -> bytes:
    """Return an SVG: counts and genes of the cells, what share of the counts is of which genes, genes over counts."""
    cells = pq.read_table(store.path / dataset.product.side_cars["qc"])
    total, detected = cells["total_counts"].to_numpy(), cells["n_genes_by_counts"].to_numpy()
    shares = {title: cells[column].to_numpy() for column, title in SHARES.items()}
    counts, genes = "total counts", "genes with counts"
    panels = [
        histogram(total, "Counts per cell", counts, "cells", log=True),
        histogram(detected, "Genes per cell", genes, "cells"),
        *(histogram(share, title, "counts of the cell (%)", "cells") for title, share in shares.items()),
        density(
            total,
            detected,
            axis_of(total, counts, log=True),
            axis_of(detected, genes, log=True),
            "Genes over counts",
            "cells",
        ),
    ]
    size = f"{cells.num_rows:,} cells × {dataset.metrics['n_genes']:,} genes"
    return draw_sheet(asset.name, f"single-cell · {dataset.dataset} · {size}", panels, COLOUR)
