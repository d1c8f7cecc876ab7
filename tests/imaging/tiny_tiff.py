"""TIFF files written tag by tag, so that each can lie about one thing."""

from __future__ import annotations

import struct
from collections.abc import Sequence

Tag = tuple[int, int, Sequence[int]]  # code, type (3 SHORT, 4 LONG), values

SIZES = {3: 2, 4: 4}
CODES = {3: "H", 4: "I"}


def plane_tags(width: int, height: int, offset: int, count: int, **changed: int) -> dict[int, Tag]:
    """The tags of one uncompressed plane of uint8 in one strip."""
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: offset, 277: 1, 278: height, 279: count}
    tags |= {int(code[1:]): value for code, value in changed.items()}
    return {code: (code, 4, [value]) for code, value in tags.items()}


def directory(tags: dict[int, Tag], at: int, following: int) -> bytes:
    """One directory at a place of the file, its long values behind it."""
    entries, extra = b"", b""
    behind = at + 2 + 12 * len(tags) + 4
    for code, kind, values in sorted(tags.values()):
        data = struct.pack(f"<{len(values)}{CODES[kind]}", *values)
        if len(data) > 4:
            data, extra = struct.pack("<I", behind + len(extra)), extra + data
        entries += struct.pack("<HHI", code, kind, len(values)) + data.ljust(4, b"\0")
    return struct.pack("<H", len(tags)) + entries + struct.pack("<I", following) + extra


def tiny_tiff(*pages: dict[int, Tag], pixels: bytes = b"", last: int = 0) -> bytes:
    """A little-endian TIFF: header, pixels from byte 8 on, directories; the last one leads to `last`."""
    at = 8 + len(pixels)
    lengths = [len(directory(tags, 0, 0)) for tags in pages]
    starts = [at + sum(lengths[:index]) for index in range(len(pages))]
    chain = [*starts[1:], last]
    body = b"".join(
        directory(tags, start, following) for tags, start, following in zip(pages, starts, chain, strict=True)
    )
    return struct.pack("<2sHI", b"II", 42, at) + pixels + body
