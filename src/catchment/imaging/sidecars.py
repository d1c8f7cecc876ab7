"""What is kept beside a store: statistics of every channel, their histograms, a thumbnail, the source's own OME-XML."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import JsonValue

from catchment.imaging.intensities import BINS, Tally, saturation_value
from catchment.imaging.readers import Scene
from catchment.imaging.thumbnail import thumbnail_png

NAMES = {
    "channels": "channels.json",
    "histograms": "histograms.parquet",
    "thumbnail": "thumbnail.png",
    "ome_xml": "source.ome.xml",
}
PERCENTILES = (0.1, 1.0, 50.0, 99.0, 99.8)
HISTOGRAMS = pa.schema([("image", pa.int32()), ("channel", pa.int32()), ("bin", pa.uint16()), ("count", pa.int64())])


def write(
    store: Path,
    images: Sequence[Path],
    scenes: Sequence[Scene],
    tallies: Sequence[Sequence[Tally]],
    ome_xml: bytes | None,
    thumbnail_px: int,
) -> dict[str, str]:
    """Write the side-cars into the folder of the store; return name -> file name."""
    folder = store.parent
    channels = [
        channel_statistics(number, index, scene, counted)
        for number, (scene, own) in enumerate(zip(scenes, tallies, strict=True))
        for index, counted in enumerate(own)
    ]
    (folder / NAMES["channels"]).write_text(json.dumps({"channels": channels}, indent=1) + "\n", encoding="utf-8")
    pq.write_table(histogram_table(tallies), folder / NAMES["histograms"], compression="zstd", compression_level=3)
    (folder / NAMES["thumbnail"]).write_bytes(thumbnail_png(images[0], scenes[0], tallies[0], thumbnail_px))
    if ome_xml is None:
        return {name: file for name, file in NAMES.items() if name != "ome_xml"}
    (folder / NAMES["ome_xml"]).write_bytes(ome_xml)
    return dict(NAMES)


def channel_statistics(image: int, index: int, scene: Scene, counted: Tally) -> dict[str, JsonValue]:
    """Return the statistics of one channel as JSON values; None where there is nothing to measure."""
    full = saturation_value(scene.dtype, scene.significant_bits)
    pixels = counted.pixels
    return {
        "image": image,
        "channel": index,
        "name": scene.channel_names[index],
        "dtype": scene.dtype.name,
        "pixels": pixels,
        "not_finite": counted.not_finite,
        "min": counted.low if pixels else None,
        "max": counted.high if pixels else None,
        "mean": counted.total / pixels if pixels else None,
        "percentiles": {f"{percent:g}": counted.percentile(percent) for percent in PERCENTILES},
        "saturated_fraction": None if full is None else counted.fraction_at_least(full),
        "empty": not pixels or counted.low == counted.high,
        "planes": scene.shape[0] * scene.shape[2],
    }


def histogram_table(tallies: Sequence[Sequence[Tally]]) -> pa.Table:
    """Return every channel's non-empty bins, in order of image, channel, bin."""
    columns: list[list[Any]] = [[], [], [], []]
    for image, own in enumerate(tallies):
        for channel, counted in enumerate(own):
            bins = np.flatnonzero(counted.counts)
            columns[0].append(np.full(bins.size, image, np.int32))
            columns[1].append(np.full(bins.size, channel, np.int32))
            columns[2].append(bins.astype(np.uint16))
            columns[3].append(counted.counts[bins])
    arrays = [plain_array(np.concatenate(parts)) for parts in columns]
    return pa.Table.from_arrays(arrays, schema=HISTOGRAMS)


def plain_array(values: npt.NDArray[Any]) -> pa.Array:
    """Return numbers as Arrow's; `pa.array` would import pandas to ask whether they are a series (0.3 s)."""
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), values.size, [None, pa.py_buffer(values)])


def read_channels(folder: Path, side_cars: dict[str, str]) -> list[dict[str, Any]]:
    """Return the statistics of every channel that a conversion left."""
    channels: list[dict[str, Any]] = json.loads((folder / side_cars["channels"]).read_text(encoding="utf-8"))[
        "channels"
    ]
    return channels


def read_tallies(folder: Path, side_cars: dict[str, str]) -> list[Tally]:
    """Return the tally of every channel in order of image and channel, from the side-cars of a conversion."""
    table = pq.read_table(folder / side_cars["histograms"])
    images, channels, bins, counts = (table[name].to_numpy() for name in HISTOGRAMS.names)
    tallies = []
    for told in read_channels(folder, side_cars):
        own = (images == told["image"]) & (channels == told["channel"])
        filled = np.zeros(BINS, np.int64)
        filled[bins[own]] = counts[own]
        low, high = (float("inf"), float("-inf")) if told["min"] is None else (told["min"], told["max"])
        tallies.append(Tally(np.dtype(told["dtype"]).str, filled, low, high))
    return tallies
