"""Arrays out of MS-Numpress: numbers as whole numbers, their predictions left out, in half bytes. Pure.

Layout after Teleman et al., Mol. Cell. Proteomics 13 (2014) 1537: a big-endian double by which the numbers were
multiplied (not in `positive integer`), then little-endian whole numbers or half bytes. A number in half bytes starts
with a head: up to 8, how many leading zeros were left out; above, how many leading 0xf besides 8. The others follow,
lowest first. All three lose digits when they are written; nothing is lost here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from catchment.massspec import rules
from catchment.massspec.faults import Broken

Floats = NDArray[np.float64]
SCALE_BYTES = 8
HALVES = 8  # of a 32-bit number
# a number takes nine half bytes at most; two in full and the scale stand before those of a linear prediction
MAX_BYTES_EACH, MAX_BYTES_AHEAD = 5, 16


def linear(data: bytes) -> Floats:
    """Return numbers of which each was predicted from the two before it (MS:1002312).

    Raises
    ------
    Broken
        Where the bytes end within a number, or cannot be numbers.
    """
    scale = scale_of(data)
    ahead = np.frombuffer(data[SCALE_BYTES : SCALE_BYTES + 8], "<i4", min(2, (len(data) - SCALE_BYTES) // 4))
    if len(ahead) < 2:
        if len(data) not in (SCALE_BYTES, SCALE_BYTES + 4):
            raise Broken(rules.BAD_COMPRESSION, f"{len(data):,} bytes of MS-Numpress, which end within a number")
        return ahead / scale
    # what was left over when going on as before: the second differences of the numbers
    surprises = half_byte_numbers(data[SCALE_BYTES + 8 :])
    first, second = int(ahead[0]), int(ahead[1])
    steps = np.cumsum(np.concatenate([[second - first], surprises]))
    with np.errstate(over="ignore"):  # to infinity, which the reader refuses
        return np.concatenate([[first], first + np.cumsum(steps)]) / scale


def positive_integers(data: bytes) -> Floats:
    """Return numbers that were rounded to whole ones (MS:1002313)."""
    return half_byte_numbers(data).astype(np.float64)


def short_logged(data: bytes) -> Floats:
    """Return numbers whose logarithms were rounded to 16 bits (MS:1002314)."""
    scale = scale_of(data)
    if len(data) % 2:
        raise Broken(rules.BAD_COMPRESSION, f"{len(data):,} bytes of MS-Numpress, which end within a number")
    with np.errstate(over="ignore"):
        # the reference takes exp() - 1, not expm1()
        return np.exp(np.frombuffer(data, "<u2", offset=SCALE_BYTES) / scale) - 1.0


def scale_of(data: bytes) -> float:
    """Return the number by which all were multiplied."""
    if len(data) < SCALE_BYTES:
        raise Broken(rules.BAD_COMPRESSION, f"{len(data):,} bytes of MS-Numpress, which has a head of {SCALE_BYTES}")
    scale = float(struct.unpack(">d", data[:SCALE_BYTES])[0])
    if not 0 < scale < np.inf:
        raise Broken(rules.BAD_COMPRESSION, f"MS-Numpress with {scale:g} as the factor of its numbers")
    return scale


def half_byte_numbers(data: bytes) -> NDArray[np.int64]:
    """Return whole 32-bit numbers out of half bytes, the high half of each byte first."""
    packed = np.frombuffer(data, np.uint8)
    halves = np.empty(2 * len(packed) + HALVES, np.uint8)
    halves[0 : 2 * len(packed) : 2], halves[1 : 2 * len(packed) : 2] = packed >> 4, packed & 0xF
    halves[2 * len(packed) :] = 0
    left_out = np.where(halves <= HALVES, halves, halves - HALVES)
    # where each number starts is known only from the one before it
    steps, place, end = (1 + HALVES - left_out).astype(np.uint8).tobytes(), 0, 2 * len(packed)
    heads = []
    while place < end:
        heads.append(place)
        place += steps[place]
    if heads and heads[-1] == end - 1 and halves[end - 1] == 0:
        heads.pop()  # half a byte that fills the last byte up
    elif place > end:
        raise Broken(rules.BAD_COMPRESSION, "MS-Numpress that ends within a number")
    starts = np.array(heads, np.int64)
    given = HALVES - left_out[starts]
    numbers = np.zeros(len(starts), np.uint32)
    for number in range(HALVES):
        filled = np.where(halves[starts] > HALVES, 0xF, 0).astype(np.uint32)
        own = np.where(number < given, halves[starts + 1 + number], filled)
        numbers |= own.astype(np.uint32) << np.uint32(4 * number)
    return numbers.view(np.int32).astype(np.int64)


DECODERS: dict[str, Callable[[bytes], Floats]] = {
    "MS:1002312": linear,
    "MS:1002313": positive_integers,
    "MS:1002314": short_logged,
}
# the same, in one zlib stream
INSIDE_ZLIB = {"MS:1002746": "MS:1002312", "MS:1002747": "MS:1002313", "MS:1002748": "MS:1002314"}
