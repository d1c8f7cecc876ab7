"""Peaks of one frame out of `analysis.tdf_bin`.

A frame is two little-endian words (its bytes, its scans) and a zstd block. Inflated, the block is 4-byte words whose
bytes lie in four planes, the lowest first: a word for each scan, then two for each peak. The word of scan `n + 1` is
twice the number of peaks of scan `n` (the first says nothing, the last scan has the rest); a peak is the distance in
time-of-flight indices from the one before it in its scan (from -1 for the first), and its intensity in counts.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from catchment.massspec import rules
from catchment.massspec.faults import Broken, shown
from catchment.massspec.mobility import Indices
from catchment.massspec.readers.tdf_tables import Frame

HEAD = struct.Struct("<II")
BYTES_OF_A_PEAK = 8


@dataclass(frozen=True)
class Peaks:
    """The peaks of a frame, by scan and then by time of flight: arrays of equal length."""

    scan: Indices
    tof: Indices
    counts: Indices

    def between(self, begin: int, end: int) -> Peaks:
        """Return the peaks of a range of scans; `end` is not in it."""
        first, stop = np.searchsorted(self.scan, (begin, end))
        return Peaks(self.scan[first:stop], self.tof[first:stop], self.counts[first:stop])


def read_peaks(file: IO[bytes], size: int, frame: Frame, samples: int) -> Peaks:
    """Return the peaks of a frame.

    Parameters
    ----------
    size
        Bytes of the file.
    samples
        Time-of-flight indices that the digitizer has.

    Raises
    ------
    Broken
        Where the bytes are not what the frame's row declares.
    """
    where = f"frame {frame.id}"
    if frame.peaks == 0:
        empty = np.zeros(0, np.int64)
        return Peaks(empty, empty, empty)
    file.seek(min(frame.offset, size))
    head = file.read(HEAD.size)
    length, scans = HEAD.unpack(head) if len(head) == HEAD.size else (0, 0)
    if length < HEAD.size or frame.offset + length > size:
        found = f"{length:,} bytes at byte {frame.offset:,} of {size:,}"
        raise Broken(rules.TDF_DAMAGED, found, where=where, expected="a frame inside analysis.tdf_bin")
    if scans != frame.scans:
        raise Broken(rules.TDF_DAMAGED, f"{scans:,} scans, {frame.scans:,} declared", where=where)
    expected = 4 * scans + BYTES_OF_A_PEAK * frame.peaks
    try:
        data = pa.Codec("zstd").decompress(file.read(length - HEAD.size), expected, asbytes=True)
    except (OSError, pa.ArrowException) as error:
        found = f"a zstd block that does not hold {frame.peaks:,} peaks ({shown(str(error))})"
        raise Broken(rules.TDF_DAMAGED, found, where=where) from None
    return peaks_of(words_of(data), scans, samples, where)


def words_of(data: bytes) -> NDArray[np.int64]:
    """Return the words whose bytes lie in four planes."""
    planes = np.frombuffer(data, np.uint8).reshape(4, -1)
    words: NDArray[Any] = np.ascontiguousarray(planes.T).view("<u4").ravel()
    return words.astype(np.int64)


def peaks_of(words: NDArray[np.int64], scans: int, samples: int, where: str) -> Peaks:
    """Return the peaks in the words of a frame."""
    body = words[scans:]
    counted = words[1:scans] // 2
    rest = len(body) // 2 - int(counted.sum())
    if rest < 0 or (words[1:scans] % 2).any():
        raise Broken(rules.TDF_DAMAGED, "scans with more peaks than the frame has", where=where)
    of_scan = np.append(counted, rest)
    steps, counts = body[0::2], body[1::2]
    travelled = np.cumsum(steps)
    first = np.cumsum(of_scan) - of_scan  # of each scan, the position of its first peak
    before = np.concatenate(([0], travelled))[first]
    tof = travelled - np.repeat(before, of_scan) - 1
    if len(tof) and (steps.min() < 1 or int(tof.max()) > samples):
        found = f"time-of-flight indices up to {int(tof.max()):,}, or out of order"
        raise Broken(rules.TDF_DAMAGED, found, where=where, expected=f"rising indices up to {samples:,}")
    return Peaks(np.repeat(np.arange(scans), of_scan), tof, counts)
