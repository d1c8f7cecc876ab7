"""The index of a sorted fragments file, as tabix makes it: which bytes hold the fragments of a stretch of the genome.

Source: the tabix format (samtools.github.io/hts-specs/tabix.pdf), with bins and windows of the SAM specification, 5.3.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catchment.singlecell.fragments.bgzf import BLOCK_BYTES, Blocks

MAGIC = b"TBI\x01"
HEADER = struct.Struct("<8i")
# counts from 0 and leaves the end out, as BED does; columns of name, start and end; comments start with #; none skipped
OF_BED = (0x10000, 1, 2, 3, ord("#"), 0)
WINDOW_BITS = 14
# (first number, bits of its width) of the bins of each level, the finest first
LEVELS = ((4681, 14), (585, 17), (73, 20), (9, 23), (1, 26))
MAX_INDEX_BYTES = 64 << 20

Integers = npt.NDArray[np.int64]


def bins(start: Integers, stop: Integers) -> Integers:
    """Return the number of the smallest bin that holds each fragment (`stop` is not part of it)."""
    found = np.zeros(len(start), np.int64)
    settled = np.zeros(len(start), bool)
    for first, bits in LEVELS:
        fits = ~settled & (start >> bits == (stop - 1) >> bits)
        found[fits] = first + (start[fits] >> bits)
        settled |= fits
    return found


class Reference:
    """What the index says of one chromosome; places are bytes of the unpacked text."""

    def __init__(self) -> None:
        self.chunks: list[Integers] = []  # bin, first byte, byte after the last
        self.windows: list[Integers] = []  # the first byte of a fragment in each window
        self.last_window = -1

    def add(self, start: Integers, stop: Integers, edges: Integers) -> None:
        """Note sorted fragments whose lines stand between `edges` (one more than there are fragments)."""
        number = bins(start, stop)
        order = np.argsort(number, kind="stable")
        first, last, sorted_bins = edges[:-1][order], edges[1:][order], number[order]
        # a new piece of a bin where more than a block of others lies between
        apart = (np.diff(sorted_bins) != 0) | (first[1:] // BLOCK_BYTES > last[:-1] // BLOCK_BYTES)
        begins = np.concatenate([[0], np.flatnonzero(apart) + 1])
        ends = np.concatenate([begins[1:], [len(order)]]) - 1
        self.chunks.append(np.stack([sorted_bins[begins], first[begins], last[ends]], axis=1))
        reached = np.maximum.accumulate((stop - 1) >> WINDOW_BITS)
        new = np.arange(self.last_window + 1, max(self.last_window, int(reached[-1])) + 1)
        self.windows.append(edges[np.searchsorted(reached, new)])
        self.last_window = max(self.last_window, int(reached[-1]))

    def packed(self, offsets: Integers) -> bytes:
        """Return the chromosome's part of the index; `offsets` are where blocks start in the packed file."""
        chunks = np.concatenate(self.chunks)
        chunks = chunks[np.lexsort([chunks[:, 1], chunks[:, 0]])]
        firsts, counts = np.unique(chunks[:, 0], return_counts=True)
        parts = [struct.pack("<i", len(firsts))]
        at = virtual(chunks[:, 1:], offsets)
        place = 0
        for number, count in zip(firsts.tolist(), counts.tolist(), strict=True):
            parts.append(struct.pack("<Ii", number, count) + at[place : place + count].tobytes())
            place += count
        windows = virtual(np.concatenate(self.windows), offsets)
        return b"".join([*parts, struct.pack("<i", len(windows)), windows.tobytes()])


def virtual(places: Integers, offsets: Integers) -> npt.NDArray[np.uint64]:
    """Return places in the text as the index gives them: where the block starts, and how far into it."""
    found: npt.NDArray[np.uint64] = ((offsets[places // BLOCK_BYTES] << 16) | (places % BLOCK_BYTES)).astype("<u8")
    return found


def write_index(path: Path, names: Sequence[str], references: Sequence[Reference], offsets: Sequence[int]) -> None:
    """Write the index of a packed file; `offsets` are where its blocks start, and where its last one ends."""
    listed = b"".join(name.encode() + b"\0" for name in names)
    starts = np.array(offsets, np.int64)
    with path.open("wb") as file:
        blocks = Blocks(file)
        blocks.write(MAGIC + HEADER.pack(len(names), *OF_BED, len(listed)) + listed)
        for reference in references:
            blocks.write(reference.packed(starts))
        blocks.finish()


def index_fault(path: Path, packed_bytes: int, names: set[str]) -> str | None:
    """Return why an index cannot be that of a file of so many bytes with these chromosomes; None where it can."""
    try:
        with gzip.open(path) as stream:
            data = stream.read(MAX_INDEX_BYTES)
        if not data.startswith(MAGIC):
            return f"content that starts with {data[:4]!r}"
        count, *_, listed = HEADER.unpack_from(data, len(MAGIC))
        first = len(MAGIC) + HEADER.size
        own = set(data[first : first + listed].decode().split("\0")) - {""}
        if own != names or count != len(own):
            return f"an index of {len(own):,} chromosomes; the file has {len(names):,} or others"
        furthest = last_place(data, first + listed, count) >> 16
    except (OSError, EOFError, zlib.error, struct.error, UnicodeDecodeError, ValueError) as error:
        return f"an index that cannot be read ({type(error).__name__})"
    return (
        f"an index of at least {furthest:,} bytes; the file has {packed_bytes:,}" if furthest > packed_bytes else None
    )


def last_place(data: bytes, place: int, count: int) -> int:
    """Return the furthest place that an index points at, from the bins of its `count` chromosomes."""
    furthest = 0
    for _ in range(count):
        (number_of_bins,) = struct.unpack_from("<i", data, place)
        place += 4
        for _ in range(number_of_bins):
            number, chunks = struct.unpack_from("<Ii", data, place)
            ends = np.frombuffer(data, "<u8", 2 * chunks, place + 8)[1::2]
            place += 8 + 16 * chunks
            if number < 37450:  # the bin beyond the last holds counts, not places
                furthest = max(furthest, *ends.tolist(), 0)
        (windows,) = struct.unpack_from("<i", data, place)
        place += 4 + 8 * windows
    return furthest
