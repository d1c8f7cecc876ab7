"""Where the tiles of an Olympus `.ets` file lie: its header and table of tiles, before any library opens it.

What a library does not find among the tiles it fills with zeros without a word; here it is counted first. The layout
is that which Bio-Formats' CellSensReader reads: a header `SIS`, at a place that it names a header `ETS`, and a table.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from catchment.imaging.rules import CUT_SHORT, NOT_READABLE
from catchment.schema.records import Finding

# magic, size, version, dimensions, place and size of the further header, reserved, place and number of tiles
HEADER = struct.Struct("<4s3iqiiqi")
# magic, version, kind of pixels, samples, colour space, compression, quality, width, height and depth of a tile
FURTHER = struct.Struct("<4s9i")
# whether there is a pyramid: behind hints, background colour and order of components
PYRAMID_AT = FURTHER.size + 4 * 17 + 40 + 4
MAX_TILES = 10_000_000


@dataclass(frozen=True)
class EtsLayout:
    """The rectangle that the tiles of full resolution span, in pixels, and how many tiles are missing in it."""

    height: int
    width: int
    tile_height: int
    tile_width: int
    missing: int

    def holds(self, height: int, width: int) -> bool:
        """Tell whether an image of this size is what the tiles span: the last row and column may be part of a tile."""
        return 0 <= self.height - height < self.tile_height and 0 <= self.width - width < self.tile_width


def walk_ets(file: BinaryIO, name: str) -> EtsLayout | Finding:
    """Return the layout of an `.ets` file, or what is wrong with it."""
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(HEADER.size)
    if len(head) < HEADER.size or not head.startswith(b"SIS\0"):
        return NOT_READABLE.broken(name, "no header of an .ets file")
    _, _, _, axes, further_at, _, _, tiles_at, count = HEADER.unpack(head)
    if not 2 <= axes <= 10 or not 0 < count <= MAX_TILES:
        return NOT_READABLE.broken(name, f"{count:,} tiles along {axes} axes")
    row = np.dtype([("", "<i4"), ("at", "<i4", axes), ("offset", "<i8"), ("bytes", "<i4"), ("_", "<i4")])
    if not (0 < further_at <= size - PYRAMID_AT - 4 and 0 < tiles_at <= size - count * row.itemsize):
        return CUT_SHORT.broken(name, f"tables up to beyond the end of {size:,} bytes")
    file.seek(further_at)
    further = file.read(PYRAMID_AT + 4)
    magic, *_, width, height, _ = FURTHER.unpack(further[: FURTHER.size])
    if magic != b"ETS\0" or min(width, height) < 1:
        return NOT_READABLE.broken(name, "no header of tiles in an .ets file")
    file.seek(tiles_at)
    tiles = np.frombuffer(file.read(count * row.itemsize), row)
    if int((tiles["offset"] + tiles["bytes"]).max()) > size or int(tiles["offset"].min()) < 0:
        return CUT_SHORT.broken(name, f"tiles beyond the end of {size:,} bytes")
    places = tiles["at"]
    if any(further[PYRAMID_AT:]):
        places = places[places[:, -1] == 0]
    if not len(places) or int(places.min()) < 0:
        return NOT_READABLE.broken(name, "no tiles of full resolution")
    extent = [int(end) + 1 for end in places.max(axis=0)]
    due = int(np.prod(extent, dtype=object))
    return EtsLayout(extent[1] * height, extent[0] * width, height, width, due - len(np.unique(places, axis=0)))
