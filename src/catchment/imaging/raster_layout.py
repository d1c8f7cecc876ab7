"""The headers of PNG and JPEG files, read without an image library: size, kind of pixel, whether they are whole."""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from catchment.imaging.recognise import JPEG_MAGIC, PNG_MAGIC
from catchment.imaging.rules import CUT_SHORT, NO_PLACE, NOT_READABLE
from catchment.schema.records import Finding

# PNG (ISO/IEC 15948) colour types -> samples of a pixel; a palette (3) is expanded to its colours
PNG_SAMPLES = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
# JPEG markers without a segment after them, and those that start a frame
STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
BLOCK = 1 << 20


@dataclass(frozen=True)
class RasterLayout:
    """A single image of y rows and x columns; `bits` of each sample, `samples` of each pixel."""

    format: str
    y: int
    x: int
    samples: int
    bits: int
    findings: tuple[Finding, ...] = ()


def walk_raster(file: BinaryIO, name: str) -> RasterLayout | Finding:
    """Return the layout of an open PNG or JPEG, or why there is none."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(8)
    if start.startswith(PNG_MAGIC):
        return walk_png(file, name, size)
    if start.startswith(JPEG_MAGIC):
        return walk_jpeg(file, name, size)
    what = f"a file that starts with {start!r}" if start else "an empty file"
    return NOT_READABLE.broken(name, f"{what}, no TIFF, PNG or JPEG")


def walk_png(file: BinaryIO, name: str, size: int) -> RasterLayout | Finding:
    """Follow every chunk of a PNG to IEND, holding each against its length and its checksum."""
    layout, has_palette_alpha = None, False
    offset = len(PNG_MAGIC)
    while True:
        file.seek(offset)
        head = file.read(8)
        if len(head) < 8:
            break
        length, kind = struct.unpack(">I4s", head)
        if offset + 12 + length > size:
            break
        data, whole = checked_chunk(file, kind, length)
        if not whole:
            return CUT_SHORT.broken(f"{name}: chunk {kind!r} at byte {offset:,}", "a wrong checksum")
        if kind == b"IHDR" and length == 13:
            x, y, bits, colour = struct.unpack(">IIBB", data[:10])
            if not x or not y or colour not in PNG_SAMPLES:
                return NOT_READABLE.broken(name, f"a PNG of {x} x {y} pixels, colour type {colour}")
            layout = RasterLayout("png", y, x, PNG_SAMPLES[colour], 8 if colour == 3 else bits)
        has_palette_alpha |= kind == b"tRNS"
        if kind == b"IEND":
            if layout is None:
                return NOT_READABLE.broken(name, "a PNG without IHDR")
            if has_palette_alpha and layout.samples in (1, 3):
                return NO_PLACE.broken(name, "a PNG with transparency by colour (tRNS)")
            return layout
        offset += 12 + length
    return CUT_SHORT.broken(name, f"a PNG that ends at byte {size:,}, in or before the chunk at byte {offset:,}")


def checked_chunk(file: BinaryIO, kind: bytes, length: int) -> tuple[bytes, bool]:
    """Return the first bytes of a chunk's data, and whether its checksum holds."""
    crc, start, left = zlib.crc32(kind), b"", length
    while left:
        block = file.read(min(left, BLOCK))
        if not block:
            return start, False
        start = start or block
        crc = zlib.crc32(block, crc)
        left -= len(block)
    return start, file.read(4) == struct.pack(">I", crc)


def walk_jpeg(file: BinaryIO, name: str, size: int) -> RasterLayout | Finding:
    """Follow the segments of a JPEG to its first frame, and look for its end."""
    offset = 2
    while True:
        file.seek(offset)
        head = file.read(4)
        if len(head) < 4:
            return CUT_SHORT.broken(name, f"a JPEG that ends at byte {size:,}, before its pixels")
        marker, kind, length = struct.unpack(">BBH", head)
        if marker != 0xFF:
            return NOT_READABLE.broken(name, f"a JPEG without a marker at byte {offset:,}")
        if kind in STANDALONE or kind == 0xFF:
            offset += 1 if kind == 0xFF else 2
            continue
        if kind in FRAMES:
            break
        offset += 2 + length
    frame = file.read(6)
    if len(frame) < 6:
        return CUT_SHORT.broken(name, f"a JPEG that ends at byte {size:,}, before its pixels")
    bits, y, x, samples = struct.unpack(">BHHB", frame)
    if not x or not y:
        return NOT_READABLE.broken(name, f"a JPEG of {x} x {y} pixels")
    if samples not in (1, 3) or bits != 8:
        return NO_PLACE.broken(name, f"a JPEG of {samples} samples of {bits} bits; grey or RGB of 8 bits are supported")
    file.seek(max(0, size - 4096))
    if b"\xff\xd9" not in file.read():
        return CUT_SHORT.broken(name, f"a JPEG that ends at byte {size:,} without its end marker")
    return RasterLayout("jpeg", y, x, samples, bits)
