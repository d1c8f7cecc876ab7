"""Digests of pixel values, independent of chunks, shards, compression and byte order of the file they lie in.

Values are hashed in bands: rows of one plane (a whole plane where it is below 64 MiB), C order, little-endian. The
digest of an image is that of its shape, its dtype and its bands in order of t, c, z, y. Bands are hashed in parallel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from catchment.imaging.axes import Slices
from catchment.imaging.readers import Source, leased_reader
from catchment.imaging.store import open_level
from catchment.storage import digest_json

Pixels = npt.NDArray[Any]
Band = tuple[int, int, int, int]  # t, c, z, first row

BAND_BYTES = 1 << 26
CHUNK_ROWS = 1024
# of a large image, one band of so many is read a second time
SAMPLED = 7


@dataclass(frozen=True)
class Block:
    """Bands that are read together: bounds (start, stop) of t, c, z, y; x is taken whole."""

    scene: int
    bounds: tuple[tuple[int, int], ...]
    x: int

    def region(self) -> Slices:
        """Return the region of the block."""
        t, c, z, y = (slice(start, stop) for start, stop in self.bounds)
        return t, c, z, y, slice(0, self.x)


def blocks_of(scene: int, shape: Sequence[int], itemsize: int, step: Sequence[int]) -> list[Block]:
    """Return the bands of a scene in blocks of at most `step` planes (t, c, z), in order of t, c, z, y."""
    rows = min(shape[3], band_rows(shape[4] * itemsize))
    spans = [
        [(start, min(start + width, size)) for start in range(0, size, width)]
        for size, width in zip(shape[:4], (*step, rows), strict=True)
    ]
    return [
        Block(scene, (t, c, z, y), shape[4]) for t in spans[0] for c in spans[1] for z in spans[2] for y in spans[3]
    ]


def band_rows(row_bytes: int) -> int:
    """Return how many rows a band has: as many as come to `BAND_BYTES`, whole chunks where there is room for one."""
    rows = max(1, BAND_BYTES // row_bytes)
    return rows // CHUNK_ROWS * CHUNK_ROWS or rows


def sampled(blocks: Sequence[Block]) -> list[Block]:
    """Return the first, every seventh and the last of some blocks: of all channels, times and depths, as 7 is prime."""
    return [*blocks[:-1:SAMPLED], *blocks[-1:]]


@dataclass(frozen=True)
class StoredDigests:
    """A pure function: the digest of each band of a block at level 0 of a store."""

    image: str

    def __call__(self, block: Block) -> dict[Band, str]:
        """Return band -> sha256, one plane in memory at a time."""
        array = open_level(self.image, 0)
        t, c, z, y, _ = block.region()
        planes = ((i, j, k) for i in indices(t) for j in indices(c) for k in indices(z))
        return {(*plane, y.start): band_digest(np.asarray(array[(*plane, y)])) for plane in planes}


@dataclass(frozen=True)
class SourceDigests:
    """A pure function: the digest of each band of a block of a source, by the way the conversion did not take."""

    source: Source

    def __call__(self, block: Block) -> dict[Band, str]:
        """Return band -> sha256."""
        region = block.region()
        return dict(digests_of(leased_reader(self.source).eager(block.scene, region), region))


def indices(part: slice) -> range:
    """Return the positions of a slice without step."""
    return range(part.start, part.stop)


def digests_of(pixels: Pixels, region: Slices) -> Iterator[tuple[Band, str]]:
    """Yield (band, sha256) of pixels t, c, z, y, x that fill a region."""
    t, c, z, y, _ = region
    for i, j, k in np.ndindex(*pixels.shape[:3]):
        yield (t.start + i, c.start + j, z.start + k, y.start), band_digest(pixels[i, j, k])


def plain(pixels: Pixels) -> npt.NDArray[np.uint8]:
    """Return pixels as little-endian bytes; bit by bit, so that -0.0 is not 0.0 and a NaN equals itself."""
    return np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<")).reshape(-1).view(np.uint8)


def band_digest(pixels: Pixels) -> str:
    """Return the sha256 of rows as plain bytes."""
    return hashlib.sha256(plain(pixels).data).hexdigest()


def image_digest(shape: Sequence[int], dtype: np.dtype[Any], bands: Iterable[str]) -> str:
    """Return the digest of an image from those of its bands in order of t, c, z, y."""
    return digest_json({"shape": list(shape), "dtype": dtype.newbyteorder("<").str, "bands": list(bands)})
