"""Small files beside a SOMA: QC per cell and per gene as Parquet, and a picture of the dataset. Deterministic bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

from catchment.singlecell.genes import Genes
from catchment.singlecell.quality import Quality
from catchment.storage import Place

QC, GENES, THUMBNAIL = "qc.parquet", "genes.parquet", "thumbnail.png"
PICTURE_PX, MARGIN_PX, BARS = 256, 16, 56
PAPER, INK, AXIS = (255, 255, 255), (38, 101, 140), (90, 90, 90)


def write_side_cars(place: Place, genes: Genes, quality: Quality) -> dict[str, str]:
    """Write the side-cars of a dataset and return their names and paths."""
    write_table(place, QC, quality.cells())
    write_table(place, GENES, quality.genes(genes.ids, genes.sets))
    picture(quality.n_genes_by_counts).save(place.path / THUMBNAIL, format="PNG", compress_level=6)
    return {"qc": QC, "genes": GENES, "thumbnail": THUMBNAIL}


def write_table(place: Place, name: str, table: pa.Table) -> None:
    """Write a table as Parquet."""
    pq.write_table(table, place.path / name, compression="zstd", compression_level=3)


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
