"""What is kept beside a store: statistics of every channel, their histograms, a thumbnail, the source's own OME-XML."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import JsonValue

from catchment.imaging import planes
from catchment.imaging.illumination import Grid, flatness
from catchment.imaging.intensities import BINS, Tally, saturation_value
from catchment.imaging.readers import Scene
from catchment.imaging.thumbnail import Sheet

Bins = npt.NDArray[Any]

NAMES = {
    "channels": "channels.json",
    "histograms": "histograms.parquet",
    "thumbnail": "thumbnail.png",
    "planes": "planes.parquet",
    "ome_xml": "source.ome.xml",
}
# histograms of so many rows are written together
ROWS_OF_A_GROUP = 1 << 20
PERCENTILES = (0.1, 1.0, 50.0, 99.0, 99.8)
PLANES = pa.schema(
    [
        *((name, pa.int32()) for name in ("image", "t", "c", "z")),
        *((name, pa.float64()) for name in ("min", "max", "mean", *planes.PERCENTILES, "saturated_fraction", "focus")),
        ("empty", pa.bool_()),
        ("repeats_plane", pa.int32()),  # the row of this image, from 0 on, whose pixels it has
    ]
)
HISTOGRAMS = pa.schema([("image", pa.int32()), ("channel", pa.int32()), ("bin", pa.uint16()), ("count", pa.int64())])


@dataclass(frozen=True)
class Measured:
    """What was measured of an image: tallies and fields of illumination by channel, and a row for each plane."""

    tallies: list[Tally]
    planes: list[planes.Row]
    light: list[Grid | None]


class SideCars:
    """Side-cars being written, an image at a time: what is counted of thousands is never in memory at once."""

    def __init__(self, folder: Path, images: int, thumbnail_px: int) -> None:
        self.folder = folder
        self._channels: list[dict[str, JsonValue]] = []
        self._sheet = Sheet(images, thumbnail_px)
        self._waiting: list[pa.Table] = []
        self._waiting_planes: list[pa.Table] = []
        self._planes = pq.ParquetWriter(folder / NAMES["planes"], PLANES, compression="zstd", compression_level=3)
        self._histograms = pq.ParquetWriter(
            folder / NAMES["histograms"], HISTOGRAMS, compression="zstd", compression_level=3
        )

    def add(self, number: int, image: Path, scene: Scene, measured: Measured) -> None:
        """Take in what was measured of an image, and its picture where it is one of those to show."""
        for index, own in enumerate(measured.tallies):
            told = channel_statistics(number, index, scene, own)
            light = measured.light[index]
            told |= planes.of_channel(measured.planes, index)
            told |= {"illumination_flatness": flatness(light) if light else None, "illumination": rounded(light)}
            self._channels.append(told)
        rows = [{"image": number, **row} for row in measured.planes]
        columns = [nullable_array([row[field.name] for row in rows], field.type) for field in PLANES]
        self._waiting_planes.append(pa.Table.from_arrays(columns, schema=PLANES))
        tallies = measured.tallies
        self._sheet.add(number, image, scene, tallies)
        self._waiting.append(histogram_table(number, tallies))
        if sum(table.num_rows for table in self._waiting) >= ROWS_OF_A_GROUP:
            self._write_waiting()

    def finish(self, ome_xml: bytes | None) -> dict[str, str]:
        """Write what is left; return name -> file name."""
        self._write_waiting()
        self._histograms.close()
        self._planes.close()
        text = json.dumps({"channels": self._channels}, indent=1) + "\n"
        (self.folder / NAMES["channels"]).write_text(text, encoding="utf-8")
        (self.folder / NAMES["thumbnail"]).write_bytes(self._sheet.png())
        if ome_xml is None:
            return {name: file for name, file in NAMES.items() if name != "ome_xml"}
        (self.folder / NAMES["ome_xml"]).write_bytes(ome_xml)
        return dict(NAMES)

    def _write_waiting(self) -> None:
        """Write the histograms that wait, as one group of rows."""
        if self._waiting_planes:
            self._planes.write_table(pa.concat_tables(self._waiting_planes))
            self._waiting_planes = []
        if self._waiting:
            table = pa.concat_tables(self._waiting)
            self._histograms.write_table(table, row_group_size=max(1, table.num_rows))
            self._waiting = []


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
        "mean": counted.mean,
        "percentiles": {
            f"{percent:g}": value for percent, value in zip(PERCENTILES, counted.percentiles(PERCENTILES), strict=True)
        },
        "saturated_fraction": None if full is None else counted.fraction_at_least(full),
        "empty": not pixels or counted.low == counted.high,
        "planes": scene.shape[0] * scene.shape[2],
    }


def rounded(light: Grid | None) -> list[JsonValue] | None:
    """Return a field of illumination to be kept as text."""
    return [round(value, 6) for value in light] if light else None


def histogram_table(image: int, tallies: Sequence[Tally]) -> pa.Table:
    """Return the non-empty bins of each channel of an image, in order of channel and bin."""
    columns: list[list[Any]] = [[], [], [], []]
    for channel, counted in enumerate(tallies):
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


def nullable_array(values: Sequence[float | None], kind: pa.DataType) -> pa.Array:
    """Return numbers or truth values as Arrow's, None as null; without pandas, as above."""
    valid = np.array([value is not None for value in values], bool)
    filled = np.array([value or 0 for value in values])
    bits = [np.packbits(part, bitorder="little") for part in (valid, filled.astype(bool))]
    data = bits[1] if pa.types.is_boolean(kind) else filled.astype({pa.int32(): np.int32}.get(kind, np.float64))
    return pa.Array.from_buffers(kind, valid.size, [pa.py_buffer(bits[0]), pa.py_buffer(data)])


def read_channels(folder: Path, side_cars: dict[str, str]) -> list[dict[str, Any]]:
    """Return the statistics of every channel that a conversion left."""
    channels: list[dict[str, Any]] = json.loads((folder / side_cars["channels"]).read_text(encoding="utf-8"))[
        "channels"
    ]
    return channels


def read_tallies(folder: Path, side_cars: dict[str, str]) -> Iterator[Tally]:
    """Yield the tally of each channel in order of image and channel, from the side-cars of a conversion."""
    kept = histograms_by_channel(folder / side_cars["histograms"])
    following = next(kept, None)
    for told in read_channels(folder, side_cars):
        filled = np.zeros(BINS, np.int64)
        if following is not None and following[0] == (told["image"], told["channel"]):
            filled[following[1]] = following[2]
            following = next(kept, None)
        low, high = (float("inf"), float("-inf")) if told["min"] is None else (told["min"], told["max"])
        yield Tally(np.dtype(told["dtype"]).str, filled, low, high)


def histograms_by_channel(path: Path) -> Iterator[tuple[tuple[int, int], Bins, Bins]]:
    """Yield (image, channel), bins and counts of each channel that has any; one group of rows in memory at a time."""
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group)
            images, channels, bins, counts = (table[name].to_numpy() for name in HISTOGRAMS.names)
            # images are whole in a group: rows of one channel are neighbours
            starts = np.flatnonzero(np.diff(images, prepend=-1) | np.diff(channels, prepend=-1))
            for start, stop in zip(starts, [*starts[1:], images.size], strict=True):
                yield (int(images[start]), int(channels[start])), bins[start:stop], counts[start:stop]
