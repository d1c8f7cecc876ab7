"""Where the frames of an ND2 file lie, read without a library: its map of chunks, each held against the file.

nd2 hands back zeros for a frame that the map does not list or that lies beyond the end, so frames are counted first.
The format is a chain of chunks (magic, length of the name, length of the data, name, data); the last 40 bytes lead to
a map of their names and places.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from catchment.imaging.rules import CUT_SHORT, NOT_READABLE
from catchment.schema.records import Finding

CHUNK = struct.Struct("<IIQ")
MAGIC = 0x0ABECEDA
MAP_SIGNATURE = b"ND2 CHUNK MAP SIGNATURE 0000001!"
FRAME = b"ImageDataSeq|"
MAX_NAME_BYTES = 65_536
MAX_MAP_BYTES = 1_000_000_000
TIMESTAMP_BYTES = 8


class BrokenChunk(Exception):
    """A chunk that is not where the map says, or does not fit into the file."""


@dataclass(frozen=True)
class Nd2Layout:
    """Frame number -> (offset, bytes) of its data, the time stamp left out."""

    frames: dict[int, tuple[int, int]]


def walk_nd2(file: BinaryIO, name: str) -> Nd2Layout | Finding:
    """Return where the frames of an open ND2 file lie, or why that cannot be known."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 40))
    signature, _, place = file.read(40).partition(MAP_SIGNATURE)
    if signature or len(place) != 8:
        return CUT_SHORT.broken(name, f"no map of chunks at the end, byte {size:,}")
    try:
        offset, length = chunk_at(file, struct.unpack("<Q", place)[0], size)
        if length > MAX_MAP_BYTES:
            return NOT_READABLE.broken(name, f"a map of chunks of {length:,} bytes")
        file.seek(offset)
        places = frame_places(file.read(length))
        frames = {}
        for number, place_of_frame in places.items():
            start, data_length = chunk_at(file, place_of_frame, size)
            if data_length < TIMESTAMP_BYTES:
                raise BrokenChunk(f"frame {number:,} has {data_length} bytes")
            frames[number] = start + TIMESTAMP_BYTES, data_length - TIMESTAMP_BYTES
    except BrokenChunk as fault:
        return CUT_SHORT.broken(name, str(fault))
    return Nd2Layout(frames)


def chunk_at(file: BinaryIO, offset: int, size: int) -> tuple[int, int]:
    """Return offset and length of the data of the chunk at an offset."""
    if offset + CHUNK.size > size:
        raise BrokenChunk(f"a chunk at byte {offset:,}, the file has {size:,}")
    file.seek(offset)
    magic, name_length, length = CHUNK.unpack(file.read(CHUNK.size))
    if magic != MAGIC or name_length > MAX_NAME_BYTES:
        raise BrokenChunk(f"no chunk at byte {offset:,}, where the map of chunks has one")
    start = offset + CHUNK.size + name_length
    if start + length > size:
        raise BrokenChunk(f"a chunk up to byte {start + length:,}, the file has {size:,}")
    return start, length


def frame_places(data: bytes) -> dict[int, int]:
    """Return frame number -> offset of its chunk, from the entries of a map: name, `!`, offset, size."""
    places: dict[int, int] = {}
    position = 0
    while True:
        end = data.find(b"!", position) + 1
        if not end:
            raise BrokenChunk("a map of chunks without an end")
        name = data[position:end]
        if name == MAP_SIGNATURE:
            return places
        if len(data) < end + 16:
            raise BrokenChunk("a map of chunks without an end")
        if name.startswith(FRAME):
            number = name[len(FRAME) : -1]
            if not number.isdigit():
                raise BrokenChunk(f"a frame called {name[:40]!r}")
            places[int(number)] = struct.unpack_from("<Q", data, end)[0]
        position = end + 16


def inflated(data: bytes, length: int) -> bytes:
    """Return zlib data that are `length` bytes long once decompressed; raises `zlib.error` where they are not."""
    plain = zlib.decompressobj().decompress(data, length + 1)
    if len(plain) != length:
        raise zlib.error(
            f"{'more than ' if len(plain) > length else ''}{min(len(plain), length):,} bytes in {length:,}"
        )
    return plain
