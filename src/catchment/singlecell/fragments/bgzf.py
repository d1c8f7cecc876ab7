"""BGZF, the blocked gzip of the tools of the field: what gzip reads, and an index can point into.

Source: SAM/BAM format specification, section 4.1. Blocks are cut at a fixed number of bytes, so that the same text
always becomes the same file.
"""

from __future__ import annotations

import struct
import zlib
from typing import IO

BLOCK_BYTES = 0xFF00  # unpacked; what does not pack still fits into the 64 KiB that a block may have
HEADER = struct.Struct("<4BI2BH2BHH")
TRAILER = struct.Struct("<II")
# an empty block: the end that tells a whole file from one that was cut off
END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
LEVEL = 6


def packed(data: bytes) -> bytes:
    """Return one block; `data` is at most `BLOCK_BYTES` long."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -15)
    body = packer.compress(data) + packer.flush()
    size = HEADER.size + len(body) + TRAILER.size
    header = HEADER.pack(31, 139, 8, 4, 0, 0, 255, 6, ord("B"), ord("C"), 2, size - 1)
    return header + body + TRAILER.pack(zlib.crc32(data), len(data))


class Blocks:
    """A BGZF file while it is written; `offsets` are where each block starts in it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.offsets = [0]
        self.waiting = bytearray()

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes; what fills no block waits."""
        self.waiting += data
        whole = len(self.waiting) - len(self.waiting) % BLOCK_BYTES
        for first in range(0, whole, BLOCK_BYTES):
            self.block(bytes(self.waiting[first : first + BLOCK_BYTES]))
        del self.waiting[:whole]

    def finish(self) -> None:
        """Write what waits, and the end."""
        if self.waiting:
            self.block(bytes(self.waiting))
            self.waiting.clear()
        self.file.write(END)

    def block(self, data: bytes) -> None:
        """Write one block."""
        self.offsets.append(self.offsets[-1] + self.file.write(packed(data)))
