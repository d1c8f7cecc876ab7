"""The small files beside a run: its spectra as a table, and a picture of its total ion current."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from catchment.massspec.ion_image import ion_image
from catchment.massspec.spectra import COLUMNS, PIXELS, Table

ZSTD_LEVEL = 3
WIDTH_PX, HEIGHT_PX, MARGIN_PX = 256, 96, 4
INK, PAPER = (31, 78, 121), (255, 255, 255)


def write_spectra(table: Table, path: Path) -> None:
    """Write a row for each spectrum; what is not stated is null."""
    arrays = {}
    for name, type_ in COLUMNS.items():
        values = table[name]
        if type_ == "str":
            arrays[name] = pa.array([value or None for value in values], pa.string())
        elif type_ == "float64":
            arrays[name] = pa.array(values, pa.float64(), mask=np.isnan(values))
        else:
            nullable = name in ("ms_level", "charge")
            arrays[name] = pa.array(values, pa.type_for_alias(type_), mask=(values == 0) if nullable else None)
    arrays |= {name: pa.array(table[name]) for name in PIXELS if name in table}
    write_table(arrays, path)


def read_spectra(path: Path) -> dict[str, NDArray[Any]]:
    """Return the table as `write_spectra` got it."""
    table = pq.read_table(path)
    columns: dict[str, NDArray[Any]] = {}
    for name, type_ in COLUMNS.items():
        column = table.column(name)
        fill: Any = "" if type_ == "str" else np.nan if type_ == "float64" else 0
        columns[name] = column.fill_null(fill).to_numpy()
    return columns | {name: table.column(name).to_numpy() for name in PIXELS if name in table.column_names}


def write_table(arrays: dict[str, Any], path: Path) -> None:
    """Write columns as Parquet: equal columns give equal bytes."""
    pq.write_table(pa.table(arrays), path, compression="zstd", compression_level=ZSTD_LEVEL)


def write_thumbnail(table: Table, path: Path) -> None:
    """Write the total ion current of MS1 (of all spectra where there is none), 256 px wide.

    Over retention time; of an image, over its pixels.
    """
    chosen = table["ms_level"] == 1
    if not chosen.any():
        chosen = np.ones(len(chosen), bool)
    if PIXELS[0] in table:
        shares = ion_image(*(table[name][chosen] for name in (*PIXELS, "tic")))[..., np.newaxis]
        colours = np.rint(np.array(PAPER) * (1 - shares) + np.array(INK) * shares)
        Image.fromarray(colours.astype(np.uint8)).save(path, format="PNG", compress_level=6)
        return
    times, heights = table["rt_s"][chosen], table["tic"][chosen]
    if not np.isfinite(times).all():
        times = np.arange(len(heights), dtype=np.float64)
    image = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), PAPER)
    ImageDraw.Draw(image).line(outline(times, heights), fill=INK)
    image.save(path, format="PNG", compress_level=6)


def outline(times: NDArray[Any], heights: NDArray[Any]) -> list[tuple[int, int]]:
    """Return the (x, y) pixels of a curve: the highest value in each column of pixels, from left to right."""
    span = float(np.ptp(times)) or 1.0
    columns = ((times - times.min()) / span * (WIDTH_PX - 1 - 2 * MARGIN_PX)).astype(int)
    top = max(float(heights.max()), 0.0) or 1.0
    highest: dict[int, float] = {}
    for column, height in zip(columns.tolist(), heights.tolist(), strict=True):
        highest[column] = max(height, highest.get(column, 0.0))
    room = HEIGHT_PX - 1 - 2 * MARGIN_PX
    points = [(MARGIN_PX + x, HEIGHT_PX - 1 - MARGIN_PX - round(y / top * room)) for x, y in sorted(highest.items())]
    ground = HEIGHT_PX - 1 - MARGIN_PX
    return [(points[0][0], ground), *points, (points[-1][0], ground)]
