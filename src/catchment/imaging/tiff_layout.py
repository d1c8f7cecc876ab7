"""The directories of a TIFF, read without a TIFF library: where its pixels lie, and whether they can lie there.

A reader given a hostile file may loop, allocate what a header declares, or hand back zeros for what is not there. This
walk runs before any reader, follows every directory once, and looks at offsets and counts only.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from catchment.imaging.rules import BROKEN_CHAIN, CUT_SHORT, NOT_READABLE, PIXELS_MISSING
from catchment.schema.records import Finding
from catchment.schema.rules import Rule

MAX_DIRECTORIES = 200_000
MAX_ENTRIES = 4_096
MAX_TEXT_BYTES = 64_000_000
SHOWN = 3

WIDTH, LENGTH, BITS, COMPRESSION, DESCRIPTION = 256, 257, 258, 259, 270
STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_COUNTS, PLANAR = 273, 277, 278, 279, 284
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_COUNTS, SUB_IFDS, DEPTH, TILE_DEPTH = 322, 323, 324, 325, 330, 32997, 32998
WANTED = frozenset(
    {WIDTH, LENGTH, BITS, COMPRESSION, STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_COUNTS, PLANAR}
    | {TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_COUNTS, SUB_IFDS, DEPTH, TILE_DEPTH}
)
# type -> (numpy code, bytes); types that no tag of ours may have are left out
NUMBERS = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}
UNCOMPRESSED = 1


class Damaged(Exception):
    """A directory that cannot be followed: the rule it breaks and what was found."""

    def __init__(self, rule: Rule, found: str) -> None:
        super().__init__(found)
        self.rule = rule
        self.found = found


@dataclass
class TiffLayout:
    """What the walk saw. `description` is the first directory's text; sizes in bytes, of decoded segments."""

    directories: int = 0
    largest_segment_bytes: int = 0
    pixel_bytes: int = 0
    description: bytes = b""
    compressions: set[int] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class Dialect:
    """How numbers are written in this file: byte order, classic or BigTIFF."""

    order: str
    big: bool

    def unpack(self, code: str, data: bytes) -> int:
        """Return one unsigned number."""
        return int(struct.unpack(self.order + code, data)[0])


class Walk:
    """One pass over the directories of an open TIFF; `layout` is what it saw."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.file = file
        self.name = name
        self.size = file.seek(0, os.SEEK_END)
        self.layout = TiffLayout()
        self.faults: dict[str, list[tuple[Rule, str, str]]] = {}
        self.children: list[int] = []

    def run(self) -> TiffLayout:
        """Follow every directory and sub-directory; faults of one kind are counted, the first ones named."""
        try:
            for offset in self.offsets():
                self.look_at(offset)
        except Damaged as damage:
            self.note(damage.rule, self.where(), damage.found)
        self.layout.findings = [self.summed_up(faults) for faults in self.faults.values()]
        return self.layout

    # --- following the chain -------------------------------------------------------------------------------------

    def offsets(self) -> Iterator[int]:
        """Yield the offset of every directory once, sub-directories after the one that names them.

        Two ways to one directory are fine (tifffile's pyramids have them); a way from a directory to itself is a loop.
        """
        self.dialect, first = self.header()
        entering: list[tuple[int, bool]] = [(first, True)]
        above: set[int] = set()
        done: set[int] = set()
        while entering:
            offset, enters = entering.pop()
            if not enters:
                above.remove(offset)
                done.add(offset)
                continue
            if offset in above:
                raise Damaged(BROKEN_CHAIN, f"a directory that leads back to an earlier one, at byte {offset:,}")
            if offset == 0 or offset in done:
                continue
            if self.layout.directories >= MAX_DIRECTORIES:
                raise Damaged(BROKEN_CHAIN, f"more than {MAX_DIRECTORIES:,} directories")
            above.add(offset)
            self.children = []
            yield offset
            entering += [(offset, False), (self.next_offset, True)]
            entering += [(child, True) for child in reversed(self.children)]

    def header(self) -> tuple[Dialect, int]:
        """Return the dialect and the offset of the first directory."""
        start = self.read(0, 16, short=True)
        order = {b"II": "<", b"MM": ">"}.get(start[:2])
        if order is None or len(start) < 8:
            raise Damaged(NOT_READABLE, f"a file that starts with {start[:4]!r}, not a TIFF")
        version = struct.unpack(order + "H", start[2:4])[0]
        if version == 42:
            return Dialect(order, False), struct.unpack(order + "I", start[4:8])[0]
        if version == 43 and len(start) == 16 and struct.unpack(order + "HH", start[4:8]) == (8, 0):
            return Dialect(order, True), struct.unpack(order + "Q", start[8:16])[0]
        raise Damaged(NOT_READABLE, f"TIFF version {version}, expected 42 or 43")

    def look_at(self, offset: int) -> None:
        """Read one directory, note what it says of its pixels, and where the next one is."""
        big = self.dialect.big
        count_bytes, entry_bytes, link = (8, 20, "Q") if big else (2, 12, "I")
        count = self.dialect.unpack("Q" if big else "H", self.read(offset, count_bytes))
        if not 0 < count <= MAX_ENTRIES:
            raise Damaged(BROKEN_CHAIN, f"a directory with {count:,} entries at byte {offset:,}")
        data = self.read(offset + count_bytes, count * entry_bytes)
        # some writers leave the last link out at the very end of the file
        after = self.read(offset + count_bytes + count * entry_bytes, struct.calcsize(link), short=True)
        self.next_offset = self.dialect.unpack(link, after) if len(after) == struct.calcsize(link) else 0
        tags: dict[int, npt.NDArray[Any]] = {}
        for entry in (data[i : i + entry_bytes] for i in range(0, len(data), entry_bytes)):
            code, kind = struct.unpack(self.dialect.order + "HH", entry[:4])
            if code in WANTED and kind in NUMBERS:
                tags[code] = self.numbers(entry, kind)
            elif code == DESCRIPTION and self.layout.directories == 0:
                self.layout.description = self.text(entry)
        self.children = [int(child) for child in tags.get(SUB_IFDS, ())]
        self.layout.directories += 1
        self.check_pixels(tags)

    def value_of(self, entry: bytes, item_bytes: int) -> bytes:
        """Return the bytes of an entry's value, from the entry itself or from where it points."""
        inline = 8 if self.dialect.big else 4
        code = "Q" if self.dialect.big else "I"
        length = self.dialect.unpack(code, entry[4 : 4 + inline]) * item_bytes
        if length <= inline:
            return entry[4 + inline : 4 + inline + length]
        return self.read(self.dialect.unpack(code, entry[4 + inline :]), length)

    def numbers(self, entry: bytes, kind: int) -> npt.NDArray[Any]:
        """Return the numbers of an entry."""
        dtype = np.dtype(self.dialect.order + NUMBERS[kind])
        return np.frombuffer(self.value_of(entry, dtype.itemsize), dtype)

    def text(self, entry: bytes) -> bytes:
        """Return the bytes of a text entry without the closing zero."""
        count = self.dialect.unpack("Q" if self.dialect.big else "I", entry[4 : 12 if self.dialect.big else 8])
        if count > MAX_TEXT_BYTES:
            raise Damaged(BROKEN_CHAIN, f"an image description of {count:,} bytes")
        return self.value_of(entry, 1).rstrip(b"\0")

    def read(self, offset: int, length: int, short: bool = False) -> bytes:
        """Return bytes of the file, never more than it has."""
        if not short and (offset < 0 or offset + length > self.size):
            found = f"headers up to byte {offset + length:,}, the file has {self.size:,}"
            raise Damaged(CUT_SHORT if offset + length > offset >= 0 else BROKEN_CHAIN, found)
        self.file.seek(min(offset, self.size))
        return self.file.read(length)

    # --- what a directory says of its pixels ---------------------------------------------------------------------

    def check_pixels(self, tags: dict[int, npt.NDArray[Any]]) -> None:
        """Hold offsets and byte counts of every segment against the file and against the declared size."""

        def first(code: int, default: int) -> int:
            value = tags.get(code)
            return int(value[0]) if value is not None and value.size else default

        width, length = first(WIDTH, 0), first(LENGTH, 0)
        if not width or not length:
            self.note(NOT_READABLE, self.where(), f"an image of {width} x {length} pixels")
            return
        samples, depth, separate = first(SAMPLES, 1), first(DEPTH, 1), first(PLANAR, 1) == 2
        bits = first(BITS, 1) * (1 if separate else samples)
        tiled = TILE_OFFSETS in tags or TILE_WIDTH in tags
        if tiled:
            size = first(TILE_WIDTH, width), first(TILE_LENGTH, length), first(TILE_DEPTH, 1)
        else:
            size = width, min(first(ROWS_PER_STRIP, length), length), 1
        if not all(size):
            self.note(NOT_READABLE, self.where(), f"tiles or strips of {size[0]} x {size[1]} pixels")
            return
        segment = -(-size[0] * bits // 8) * size[1] * size[2]
        grid = -(-width // size[0]) * -(-length // size[1]) * -(-depth // size[2])
        expected = grid * (samples if separate else 1)
        compression = first(COMPRESSION, UNCOMPRESSED)
        self.layout.compressions.add(compression)
        self.layout.largest_segment_bytes = max(self.layout.largest_segment_bytes, segment)
        self.layout.pixel_bytes += -(-width * bits // 8) * length * depth * (samples if separate else 1)
        offsets = tags.get(TILE_OFFSETS if tiled else STRIP_OFFSETS)
        counts = tags.get(TILE_COUNTS if tiled else STRIP_COUNTS)
        if offsets is None or (counts is None and compression != UNCOMPRESSED):
            self.note(PIXELS_MISSING, self.where(), "no offsets or byte counts of pixels")
            return
        if counts is None:
            counts = np.full(offsets.size, segment, np.uint64)
        self.check_segments(offsets, counts, expected)
        if compression == UNCOMPRESSED and counts.size >= expected:
            rest = length - (length - 1) // size[1] * size[1]
            last = segment if tiled else -(-size[0] * bits // 8) * rest
            short = int(np.count_nonzero(counts[:expected] < min(segment, last)))
            if short:
                self.note(CUT_SHORT, self.where(), f"{short:,} segments hold fewer bytes than their pixels take")

    def check_segments(self, offsets: npt.NDArray[Any], counts: npt.NDArray[Any], expected: int) -> None:
        """Note segments that are absent, empty, or reach beyond the end of the file."""
        if min(offsets.size, counts.size) < expected:
            found = f"{min(offsets.size, counts.size):,} of {expected:,} tiles or strips"
            self.note(PIXELS_MISSING, self.where(), found)
        both = min(offsets.size, counts.size)
        offsets, counts = offsets[:both].astype(np.uint64), counts[:both].astype(np.uint64)
        empty = int(np.count_nonzero((offsets == 0) | (counts == 0)))
        if empty:
            self.note(PIXELS_MISSING, self.where(), f"{empty:,} of {expected:,} tiles or strips are empty")
        end = np.uint64(self.size)
        beyond = (offsets > end) | (counts > end - np.minimum(offsets, end))
        if beyond.any():
            self.note(
                CUT_SHORT,
                self.where(),
                f"{int(beyond.sum()):,} of {expected:,} tiles or strips reach beyond the end at byte {self.size:,}",
            )

    def where(self) -> str:
        """Return the place in the file that messages name."""
        return f"{self.name}: image {max(self.layout.directories - 1, 0)}"

    def note(self, rule: Rule, where: str, found: str) -> None:
        """Keep a fault under its rule."""
        self.faults.setdefault(rule.code, []).append((rule, where, found))

    @staticmethod
    def summed_up(faults: list[tuple[Rule, str, str]]) -> Finding:
        """Return one finding for all faults of a rule: the first ones named, the rest counted."""
        rule, where, found = faults[0]
        also = ", ".join(place.rpartition(": ")[2] for _, place, _ in faults[1:SHOWN])
        more = f" (also {also}{', ...' if len(faults) > SHOWN else ''})" if also else ""
        return rule.broken(where, found + more, count=len(faults))


def walk(file: BinaryIO, name: str) -> TiffLayout:
    """Return the layout of an open TIFF, with a finding for each kind of fault in it."""
    return Walk(file, name).run()
