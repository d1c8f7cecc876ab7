"""Small files beside a SOMA: QC per cell and per gene as Parquet, and a picture of the dataset. Deterministic bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

from catchment.singlecell.matrix import Sums
from catchment.storage import Place

QC, GENES, THUMBNAIL = "qc.parquet", "genes.parquet", "thumbnail.png"
PICTURE_PX, MARGIN_PX, BARS = 256, 16, 56
PAPER, INK, AXIS = (255, 255, 255), (38, 101, 140), (90, 90, 90)


def write_side_cars(place: Place, gene_ids: list[str], sums: Sums) -> dict[str, str]:
    """Write the side-cars of a dataset and return their names and paths."""
    write_table(place, QC, cell_table(sums))
    write_table(place, GENES, gene_table(gene_ids, sums))
    picture(sums.n_genes_by_counts).save(place.path / THUMBNAIL, format="PNG", compress_level=6)
    return {"qc": QC, "genes": GENES, "thumbnail": THUMBNAIL}


def write_table(place: Place, name: str, table: pa.Table) -> None:
    """Write a table as Parquet."""
    pq.write_table(table, place.path / name, compression="zstd", compression_level=3)


def cell_table(sums: Sums) -> pa.Table:
    """Return QC per cell, in scanpy's terms."""
    return pa.table(
        {
            "soma_joinid": np.arange(sums.rows, dtype=np.int64),
            "total_counts": sums.total_counts,
            "n_genes_by_counts": sums.n_genes_by_counts,
            "pct_counts_mt": sums.pct_counts_mt,
        }
    )


def gene_table(ids: list[str], sums: Sums) -> pa.Table:
    """Return QC per gene, in scanpy's terms."""
    return pa.table(
        {
            "soma_joinid": np.arange(len(ids), dtype=np.int64),
            "var_id": pa.array(ids, pa.large_string()),
            "total_counts": sums.gene_counts,
            "n_cells_by_counts": sums.gene_cells,
        }
    )


def picture(genes_per_cell: npt.NDArray[np.int64]) -> Image.Image:
    """Return the histogram of genes per cell, from 0 to the largest, as a square picture without text."""
    image = Image.new("RGB", (PICTURE_PX, PICTURE_PX), PAPER)
    draw = ImageDraw.Draw(image)
    counts, _ = np.histogram(genes_per_cell, bins=BARS, range=(0, max(int(genes_per_cell.max(initial=0)), 1)))
    floor, room = PICTURE_PX - MARGIN_PX, PICTURE_PX - 2 * MARGIN_PX
    width = room // BARS
    for bar, count in enumerate(counts):
        height = int(count) * room // max(int(counts.max()), 1)
        left = MARGIN_PX + bar * width
        if height:
            draw.rectangle((left, floor - height, left + width - 2, floor), fill=INK)
    draw.line((MARGIN_PX, floor + 1, PICTURE_PX - MARGIN_PX, floor + 1), fill=AXIS)
    return image
