"""Files of a Zarr array, written chunk by chunk: shards of Zarr v3, or single chunks of Zarr v2.

Source of the layout: Zarr v3, "sharding_indexed": encoded chunks in any order, then for each chunk of the shard its
offset and its length, 64 bits each, in C order, both all ones where it is absent; then the CRC-32C of that index.
Written by ourselves because each chunk goes to disk as soon as it is encoded: a shard is never in memory, each is
opened by one worker only, and its checksum is known when it is closed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import google_crc32c
import numpy as np
import xxhash
from numcodecs import Blosc

from catchment.imaging.axes import Slices
from catchment.imaging.layout import Level, Shape5
from catchment.imaging.readers import Pixels

ABSENT = (1 << 64) - 1
Piece = tuple[Shape5, Pixels]


class ShardFile:
    """One shard being written: its chunks one behind the other, its index at the end."""

    def __init__(self, path: Path, grid: Shape5) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("wb")
        self._hashed = xxhash.xxh3_128()
        self._index = np.full((*grid, 2), ABSENT, "<u8")
        self._end = 0

    def append(self, place: Shape5, chunk: bytes) -> None:
        """Write the chunk at a place of the shard's grid."""
        self._index[place] = self._end, len(chunk)
        self._write(chunk)

    def _write(self, data: bytes) -> None:
        """Write bytes and take them into the checksum."""
        self._file.write(data)
        self._hashed.update(data)
        self._end += len(data)

    def close(self) -> str:
        """Write the index; return the checksum of the file."""
        index = self._index.tobytes()
        self._write(index + struct.pack("<I", google_crc32c.value(index)))
        self._file.close()
        return self._hashed.hexdigest()


class LevelFiles:
    """The files of one level that a worker writes: opened as their first chunk arrives, closed together."""

    def __init__(self, image: Path, name: str, level: Level, encoder: Blosc, *, sharded: bool) -> None:
        self._image, self._prefix = image, f"{name}/c" if sharded else name
        self._level, self._encoder, self._sharded = level, encoder, sharded
        self._open: dict[str, ShardFile] = {}
        self._closed: dict[str, str] = {}

    def write(self, region: Slices, pixels: Pixels) -> None:
        """Encode and write the chunks of a region that starts where chunks do."""
        grid = grid_of(self._level)
        for place, chunk in chunks_of(region, pixels, self._level.chunks):
            data = self._encoder.encode(chunk)
            if not self._sharded:
                self._write_alone(self._name(place), data)
                continue
            name = self._name(as5(a // b for a, b in zip(place, grid, strict=True)))
            if name not in self._open:
                self._open[name] = ShardFile(self._image / name, grid)
            self._open[name].append(as5(a % b for a, b in zip(place, grid, strict=True)), data)

    def _name(self, place: Shape5) -> str:
        """Return the path of a file below the image."""
        return "/".join((self._prefix, *map(str, place)))

    def _write_alone(self, name: str, data: bytes) -> None:
        """Write a chunk that is a file of its own."""
        path = self._image / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self._closed[name] = xxhash.xxh3_128_hexdigest(data)

    def close(self) -> dict[str, str]:
        """Close every file; return path below the image -> checksum."""
        return self._closed | {name: shard.close() for name, shard in self._open.items()}


def chunks_of(region: Slices, pixels: Pixels, chunks: Shape5) -> Iterator[Piece]:
    """Yield (place in the array's grid of chunks, chunk) of a region: little-endian, padded with 0 at the far edges.

    Chunks are single planes (t, c, z of 1); a region starts at bounds of chunks in y and x.
    """
    t, c, z, y, x = (part.start for part in region)
    height, width = chunks[3:]
    dtype = pixels.dtype.newbyteorder("<")
    for i, j, k in np.ndindex(*pixels.shape[:3]):
        plane = pixels[i, j, k]
        for row in range(0, plane.shape[0], height):
            for column in range(0, plane.shape[1], width):
                part = plane[row : row + height, column : column + width]
                if part.shape == (height, width):
                    chunk = np.ascontiguousarray(part, dtype)
                else:
                    chunk = np.zeros((height, width), dtype)
                    chunk[: part.shape[0], : part.shape[1]] = part
                yield (t + i, c + j, z + k, (y + row) // height, (x + column) // width), chunk


def grid_of(level: Level) -> Shape5:
    """Return how many chunks a shard has along each axis."""
    return as5(shard // chunk for shard, chunk in zip(level.shards, level.chunks, strict=True))


def as5(values: Iterable[int]) -> Shape5:
    """Return five numbers as a tuple of five."""
    t, c, z, y, x = values
    return t, c, z, y, x


def checksum(path: Path) -> str | None:
    """Return the checksum of a file as it lies on disk; None where there is none."""
    hashed = xxhash.xxh3_128()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                hashed.update(block)
    except FileNotFoundError:
        return None
    return hashed.hexdigest()
