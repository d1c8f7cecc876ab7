"""The blocks of a CZI file, read without a library: where each tile lies, in the file and in its scene.

A CZI is a chain of segments (id, bytes allocated, bytes used). Its directory lists one entry for each block of pixels;
the block repeats its entry. Both are read, and held against each other and against the end of the file.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from catchment.imaging.rules import COMPANION_MISSING, CUT_SHORT, NO_PLACE, NO_READER, NOT_READABLE
from catchment.schema.records import Finding
from catchment.schema.rules import Rule

SEGMENT = struct.Struct("<16sqq")
HEADER = struct.Struct("<iiii16s16siqqiq")
BLOCK = struct.Struct("<iiq")
ENTRY = struct.Struct("<2siqiiB5si")
DIMENSION = struct.Struct("<4siifi")
DIRECTORY_BYTES, METADATA_BYTES, ATTACHMENTS_BYTES, ATTACHMENT_BYTES = 128, 256, 256, 128
MAX_TILES, MAX_DIMENSIONS, MAX_XML_BYTES, MAX_ATTACHMENTS = 2_000_000, 40, 256_000_000, 10_000
BLOCK_FIXED_BYTES = 256
# kind of pixels -> numpy's name, samples. Other kinds (48 bits of colour, alpha, complex, ...) wait for a real file
KINDS = {0: ("<u1", 1), 1: ("<u2", 1), 2: ("<f4", 1), 3: ("<u1", 3)}
KIND_NAMES = {4: "Bgr48", 8: "Bgr96Float", 9: "Bgra32", 10: "Gray64ComplexFloat", 12: "Gray32", 13: "Gray64"}
COMPRESSIONS = {0: "NONE", 5: "ZSTD", 6: "ZSTD"}
COMPRESSION_NAMES = {1: "JPEG", 2: "LZW", 4: "JPEG XR"}
# axes that an image here has no place for
NO_AXES = {"H": "phase", "V": "view", "R": "rotation", "I": "illumination", "B": "block"}
# what shows the slide or its label
PICTURES = (b"Label", b"SlidePreview", b"Prescan")


class BrokenCzi(Exception):
    """A file that breaks a rule: the rule and what was found."""

    def __init__(self, rule: Rule, found: str) -> None:
        super().__init__(found)
        self.rule = rule
        self.found = found


@dataclass(frozen=True, order=True)
class Tile:
    """One block of pixels at full resolution; `m` is its turn in a mosaic: later tiles lie on top.

    y and x are those of its first pixel in the coordinates of the file; `offset` and `length` of its stored bytes.
    """

    scene: int
    t: int
    c: int
    z: int
    m: int
    y: int
    x: int
    height: int
    width: int
    kind: int
    compression: int
    offset: int
    length: int


@dataclass(frozen=True)
class CziLayout:
    """The tiles of a file in the order of scene, t, c, z, m; its XML; the pictures of the slide that it holds."""

    tiles: tuple[Tile, ...]
    xml: bytes
    pictures: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """What a directory, or a block itself, says of a block."""

    kind: int
    position: int
    part: int
    compression: int
    dimensions: tuple[tuple[str, int, int, int], ...]  # name, start, size, stored size
    nbytes: int

    def size(self, name: str) -> int:
        """Return the size along a dimension, 1 where there is none of that name."""
        return next((size for own, _, size, _ in self.dimensions if own == name), 1)

    def start(self, name: str) -> int:
        """Return the start along a dimension, 0 where there is none of that name."""
        return next((start for own, start, _, _ in self.dimensions if own == name), 0)

    @property
    def is_reduced(self) -> bool:
        """Whether it is a level of a pyramid: stored smaller than what it shows."""
        return any(stored and size != stored for own, _, size, stored in self.dimensions if own in "XY")


class CziFile:
    """An open CZI under its name for messages."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.file, self.name = file, name
        self.size = file.seek(0, os.SEEK_END)

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of the file, never more than it has."""
        if offset < 0 or length < 0 or offset + length > self.size:
            raise BrokenCzi(CUT_SHORT, f"parts up to byte {offset + length:,}, the file has {self.size:,}")
        self.file.seek(offset)
        return self.file.read(length)

    def segment(self, offset: int, name: bytes) -> int:
        """Return where the data of a segment begin, which must be of the given kind."""
        kind = self.read(offset, SEGMENT.size)[:16].rstrip(b"\0")
        if kind != name:
            raise BrokenCzi(NOT_READABLE, f"{kind!r} at byte {offset:,}, where {name.decode()} should be")
        return offset + SEGMENT.size

    def layout(self) -> CziLayout:
        """Return where the tiles lie; raises `BrokenCzi`."""
        header = HEADER.unpack(self.read(self.segment(0, b"ZISRAWFILE"), HEADER.size))
        part, directory, metadata, attachments = header[6], header[7], header[8], header[10]
        if part:
            raise BrokenCzi(COMPANION_MISSING, f"part {part} of a CZI in several files")
        entries = [entry for entry in self.entries(directory) if not entry.is_reduced]
        for axis in NO_AXES:
            positions = len({entry.start(axis) for entry in entries})
            if positions > 1:
                raise BrokenCzi(NO_PLACE, f"axis {axis} ({NO_AXES[axis]}) with {positions:,} positions")
        tiles = [self.tile(entry) for entry in entries]
        found = sorted(tile for tile in tiles if tile is not None)
        if not found:
            raise BrokenCzi(NOT_READABLE, "a CZI without any pixels")
        return CziLayout(
            tuple(found),
            self.xml(metadata) if metadata > 0 else b"",
            self.pictures(attachments) if attachments > 0 else (),
        )

    def entries(self, directory: int) -> Iterator[Entry]:
        """Yield what the directory says of each block."""
        place = self.segment(directory, b"ZISRAWDIRECTORY")
        count = struct.unpack("<i", self.read(place, 4))[0]
        if not 0 <= count <= MAX_TILES:
            raise BrokenCzi(NOT_READABLE, f"a directory of {count:,} blocks")
        place += DIRECTORY_BYTES
        for _ in range(count):
            entry = self.entry(place)
            place += entry.nbytes
            yield entry

    def entry(self, place: int) -> Entry:
        """Return the entry at a place."""
        schema, kind, position, part, compression, _, _, count = ENTRY.unpack(self.read(place, ENTRY.size))
        if schema != b"DV" or not 0 < count <= MAX_DIMENSIONS:
            raise BrokenCzi(NOT_READABLE, f"an entry of schema {schema!r} with {count:,} dimensions")
        data = self.read(place + ENTRY.size, count * DIMENSION.size)
        dimensions = tuple(
            (name.rstrip(b"\0 ").decode("ascii", "replace"), start, size, stored)
            for name, start, size, _, stored in DIMENSION.iter_unpack(data)
        )
        return Entry(kind, position, part, compression, dimensions, ENTRY.size + len(data))

    def tile(self, entry: Entry) -> Tile | None:
        """Return the tile of an entry, None for a level of a pyramid; its block must say the same and be whole."""
        if entry.is_reduced:
            return None
        if entry.part:
            raise BrokenCzi(COMPANION_MISSING, f"pixels in part {entry.part} of a CZI in several files")
        if entry.kind not in KINDS:
            raise BrokenCzi(NO_READER, f"pixels of kind {KIND_NAMES.get(entry.kind, str(entry.kind))}")
        if entry.compression not in COMPRESSIONS:
            told = COMPRESSION_NAMES.get(entry.compression, str(entry.compression))
            raise BrokenCzi(NO_READER, f"pixels under {told} compression")
        names = [name for name, *_ in entry.dimensions]
        if len(set(names)) != len(names) or not {"X", "Y"} <= set(names):
            raise BrokenCzi(NOT_READABLE, f"a block with the dimensions {', '.join(names)}")
        deep = [name for name, _, size, _ in entry.dimensions if name not in "XY" and size != 1]
        strange = [name for name in names if name not in ("X", "Y", "T", "C", "Z", "S", "M", *NO_AXES)]
        if deep or strange:
            raise BrokenCzi(NO_PLACE, f"blocks of several planes along {', '.join(deep + strange)}")
        height, width = entry.size("Y"), entry.size("X")
        if height <= 0 or width <= 0:
            raise BrokenCzi(NOT_READABLE, f"a tile of {width} x {height} pixels")
        offset, length = self.data(entry, height * width)
        axes = {name: entry.start(name) for name in "STCZMYX"}
        place = axes["S"], axes["T"], axes["C"], axes["Z"], axes["M"], axes["Y"], axes["X"]
        return Tile(*place, height, width, entry.kind, entry.compression, offset, length)

    def data(self, entry: Entry, pixels: int) -> tuple[int, int]:
        """Return offset and length of the stored bytes of a block."""
        place = self.segment(entry.position, b"ZISRAWSUBBLOCK")
        metadata, attachment, length = BLOCK.unpack(self.read(place, BLOCK.size))
        own = self.entry(place + BLOCK.size)
        if (own.kind, own.compression, own.dimensions) != (entry.kind, entry.compression, entry.dimensions):
            raise BrokenCzi(NOT_READABLE, f"a directory and a block at byte {entry.position:,} that differ")
        if min(metadata, attachment, length) < 0:
            raise BrokenCzi(NOT_READABLE, f"a block of {length:,} bytes at byte {entry.position:,}")
        offset = place + max(BLOCK_FIXED_BYTES, BLOCK.size + own.nbytes) + metadata
        name, samples = KINDS[entry.kind]
        due = pixels * samples * int(name[-1])
        if offset + length > self.size or (entry.compression == 0 and length < due):
            found = f"pixels up to byte {offset + max(length, due):,}, the block or the file ends before"
            raise BrokenCzi(CUT_SHORT, found)
        return offset, length

    def xml(self, position: int) -> bytes:
        """Return the XML of the file."""
        place = self.segment(position, b"ZISRAWMETADATA")
        length = struct.unpack("<i", self.read(place, 4))[0]
        if length > MAX_XML_BYTES:
            raise BrokenCzi(NOT_READABLE, f"{length:,} bytes of XML")
        return self.read(place + METADATA_BYTES, length)

    def pictures(self, position: int) -> tuple[str, ...]:
        """Return the names of attachments that show the slide."""
        place = self.segment(position, b"ZISRAWATTDIR")
        count = struct.unpack("<i", self.read(place, 4))[0]
        if not 0 <= count <= MAX_ATTACHMENTS:
            raise BrokenCzi(NOT_READABLE, f"{count:,} attachments")
        data = self.read(place + ATTACHMENTS_BYTES, count * ATTACHMENT_BYTES)
        names = (data[i + 48 : i + ATTACHMENT_BYTES].split(b"\0")[0] for i in range(0, len(data), ATTACHMENT_BYTES))
        return tuple(sorted(name.decode("ascii") for name in names if name in PICTURES))

    def scanned(self) -> tuple[Tile, ...]:
        """Return the tiles as a walk from segment to segment meets them, without the directory."""
        tiles, place = [], 0
        while place + SEGMENT.size <= self.size:
            kind, allocated, _ = SEGMENT.unpack(self.read(place, SEGMENT.size))
            if allocated < 0:
                raise BrokenCzi(NOT_READABLE, f"a segment of {allocated:,} bytes at byte {place:,}")
            if kind.rstrip(b"\0") == b"ZISRAWSUBBLOCK":
                own = self.entry(place + SEGMENT.size + BLOCK.size)
                tile = self.tile(Entry(own.kind, place, own.part, own.compression, own.dimensions, own.nbytes))
                tiles += [tile] if tile else []
            place += SEGMENT.size + allocated
        return tuple(sorted(tiles))


def walk_czi(file: BinaryIO, name: str) -> CziLayout | Finding:
    """Return the layout of an open CZI, or why there is none."""
    try:
        return CziFile(file, name).layout()
    except BrokenCzi as fault:
        return fault.rule.broken(name, fault.found)
