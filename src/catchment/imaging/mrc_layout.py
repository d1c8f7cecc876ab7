"""The header of a density map (MRC 2014, CCP4), read without a library: where its values lie and along which axes.

Maps come compressed too, as EMDB hands them out; then only the header is decompressed here.
"""

from __future__ import annotations

import bz2
import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from catchment.imaging.recognise import BZIP2_MAGIC, GZIP_MAGIC
from catchment.imaging.rules import CUT_SHORT, NO_PLACE, NOT_READABLE
from catchment.schema.records import Finding

HEADER_BYTES = 1024
MAX_EXTENDED_BYTES = 256_000_000
# MRC 2014: mode -> what numpy calls it; complex numbers (3, 4) and half bytes (101) have no place in an image
MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
BIG_ENDIAN_STAMP = b"\x11\x11"
LITTLE_ENDIAN_STAMPS = (b"\x44\x44", b"\x44\x41")
# space groups from here on are stacks of volumes
VOLUME_STACK = 401
DECOMPRESSION_ERRORS = (OSError, EOFError, zlib.error, ValueError)


@dataclass(frozen=True)
class MrcLayout:
    """Where the values of a map lie.

    `stored_shape`: sections, rows, columns. `stored_axes`: the axis (z, y, x) that each of these runs along, t before
    them for a stack of volumes. `pages_unnamed`: the sections are images of which the file says no more.
    """

    dtype: np.dtype[np.generic]
    stored_shape: tuple[int, ...]
    stored_axes: str
    offset: int
    compression: str
    cell_angstrom: tuple[float, float, float]  # of x, y, z
    intervals: tuple[int, int, int]
    pages_unnamed: bool

    @property
    def nbytes(self) -> int:
        """Return the bytes that all values take."""
        return int(np.prod(self.stored_shape, dtype=object)) * self.dtype.itemsize


def opened(path: str) -> tuple[BinaryIO, str]:
    """Return an open file, decompressed on its way where it is compressed, and the name of the compression."""
    with open(path, "rb") as file:
        start = file.read(3)
    if start.startswith(GZIP_MAGIC):
        return cast(BinaryIO, gzip.open(path, "rb")), "gzip"
    if start.startswith(BZIP2_MAGIC):
        return cast(BinaryIO, bz2.open(path, "rb")), "bzip2"
    return open(path, "rb"), "none"


def walk_mrc(path: str, name: str) -> MrcLayout | Finding:
    """Return the layout of a map, or why there is none."""
    file, compression = opened(path)
    with file:
        try:
            header = file.read(HEADER_BYTES)
        except DECOMPRESSION_ERRORS as error:
            return NOT_READABLE.broken(name, f"{compression} data that end in: {error}")
    if len(header) < HEADER_BYTES:
        return CUT_SHORT.broken(name, f"a header of {len(header):,} bytes, {HEADER_BYTES:,} are due")
    layout = read_header(header, compression, name)
    if isinstance(layout, Finding) or compression != "none":
        return layout
    size = Path(path).stat().st_size
    if layout.offset + layout.nbytes > size:
        found = f"values up to byte {layout.offset + layout.nbytes:,}, the file has {size:,}"
        return CUT_SHORT.broken(name, found)
    return layout


def read_header(header: bytes, compression: str, name: str) -> MrcLayout | Finding:
    """Return what the 1,024 bytes of a header say."""
    order = byte_order(header)
    columns, rows, sections, mode = struct.unpack(order + "4i", header[:16])
    intervals = struct.unpack(order + "3i", header[28:40])
    cell = struct.unpack(order + "3f", header[40:52])
    axes = struct.unpack(order + "3i", header[64:76])  # of columns, rows, sections: 1 is x, 2 is y, 3 is z
    group, extended = struct.unpack(order + "2i", header[88:96])
    if min(columns, rows, sections) <= 0 or not 0 <= extended <= MAX_EXTENDED_BYTES:
        found = f"a map of {columns} x {rows} x {sections} values, an extended header of {extended:,} bytes"
        return NOT_READABLE.broken(name, found)
    if mode not in MODES:
        return NO_PLACE.broken(name, f"values of mode {mode} (complex numbers or half bytes)")
    if sorted(axes) != [1, 2, 3]:
        if axes != (0, 0, 0):
            return NOT_READABLE.broken(name, f"a map whose axes are {axes}; expected 1, 2 and 3 in some order")
        axes = (1, 2, 3)
    stored_axes = "".join("xyz"[axis - 1] for axis in reversed(axes))
    shape: tuple[int, ...] = (sections, rows, columns)
    if group >= VOLUME_STACK:
        depth = intervals[2]
        if stored_axes != "zyx" or depth <= 0 or sections % depth:
            return NO_PLACE.broken(name, f"a stack of volumes of {depth} sections in {sections}")
        shape, stored_axes = (sections // depth, depth, rows, columns), "tzyx"
    return MrcLayout(
        dtype=np.dtype(order + MODES[mode]),
        stored_shape=shape,
        stored_axes=stored_axes,
        offset=HEADER_BYTES + extended,
        compression=compression,
        cell_angstrom=cell,
        intervals=intervals,
        pages_unnamed=group == 0 and sections > 1 and stored_axes == "zyx",
    )


def byte_order(header: bytes) -> str:
    """Return `<` or `>`: as the machine stamp says, else the order in which the mode is a small number."""
    stamp = header[212:214]
    if stamp == BIG_ENDIAN_STAMP:
        return ">"
    if stamp in LITTLE_ENDIAN_STAMPS:
        return "<"
    return "<" if struct.unpack("<I", header[12:16]) <= struct.unpack(">I", header[12:16]) else ">"
