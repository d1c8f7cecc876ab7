"""Arrays of numbers out of the text that mzML keeps them in. Pure.

base64 of little-endian values or of MS-Numpress, plain or as one zlib stream. Nothing is inflated beyond what its
declaration allows.
"""

from __future__ import annotations

import binascii
import zlib
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from catchment.massspec import rules
from catchment.massspec.faults import Broken
from catchment.massspec.numpress import DECODERS, INSIDE_ZLIB, MAX_BYTES_AHEAD, MAX_BYTES_EACH

Floats = NDArray[np.float64]
Numbers = NDArray[Any]

TYPES: dict[str, np.dtype[Any]] = {
    "MS:1000519": np.dtype("<i4"),
    "MS:1000521": np.dtype("<f4"),
    "MS:1000522": np.dtype("<i8"),
    "MS:1000523": np.dtype("<f8"),
    # of imzML, some of them obsolete
    "IMS:1000141": np.dtype("<i4"),
    "IMS:1000142": np.dtype("<i8"),
    "IMS:1100000": np.dtype("<i1"),
    "IMS:1100001": np.dtype("<i2"),
}
TEXT_TYPE = "MS:1001479"
ZLIB, UNCOMPRESSED = "MS:1000574", "MS:1000576"
# zstandard and delta-coded compressions of psi-ms 4.1; xz, lz4 and zstd of imzML
OTHER_COMPRESSIONS = frozenset(
    [f"MS:{number}" for number in (*range(1003088, 1003091), *range(1003780, 1003786))]
    + [f"IMS:{number}" for number in range(1005001, 1005004)]
)
INFLATE_STEP = 1 << 16
# what XML calls so
WHITE_SPACE = dict.fromkeys(map(ord, " \t\r\n"))


class Encoding(NamedTuple):
    """How an array is kept: type of its values (None for text), whether in zlib, and in which MS-Numpress if any."""

    dtype: np.dtype[Any] | None
    zlib: bool
    numpress: str = ""


@lru_cache(maxsize=1_000)
def encoding_of(accessions: tuple[str, ...]) -> Encoding:
    """Return how an array with these terms is kept.

    An array that names no compression is read as uncompressed; its length then tells whether that was right.

    Raises
    ------
    Broken
        Where the encoding is not stated or cannot be read here.
    """
    terms = set(accessions)
    if other := sorted(terms & OTHER_COMPRESSIONS):
        raise Broken(rules.ENCODING_UNSUPPORTED, f"compression {other[0]}")
    numpress = sorted(terms & {*DECODERS, *INSIDE_ZLIB})
    if len(numpress) > 1 or (numpress and TEXT_TYPE in terms):
        raise Broken(rules.ENCODING_UNSUPPORTED, f"compressions {' and '.join(numpress)} at once")
    if numpress:
        # its numbers come out as doubles, whichever type is stated
        inside = INSIDE_ZLIB.get(numpress[0])
        return Encoding(np.dtype("<f8"), inside is not None or ZLIB in terms, inside or numpress[0])
    types = [dtype for term, dtype in TYPES.items() if term in terms]
    if len(types) != 1 and TEXT_TYPE not in terms:
        raise Broken(rules.ENCODING_UNSUPPORTED, f"{len(types)} types of number stated, expected one")
    return Encoding(types[0] if types else None, ZLIB in terms)


def decode(text: str, encoding: Encoding, length: int, max_bytes: int | None) -> Numbers:
    """Return the `length` values in an array's text.

    Raises
    ------
    Broken
        Where the text is not base64, not zlib, of another length, or larger than `max_bytes`.
    """
    dtype = encoding.dtype or np.dtype("u1")
    require_room(length, length * dtype.itemsize, max_bytes)
    return values_in(from_base64(text), encoding, length)


def require_room(length: int, size: int, max_bytes: int | None) -> None:
    """Refuse to make room for values that take more bytes than a spectrum may have."""
    if max_bytes is not None and size > max_bytes:
        raise Broken(rules.SPECTRUM_TOO_LARGE, f"{length:,} values declared ({size:,} bytes)")


def values_in(data: bytes, encoding: Encoding, length: int) -> Numbers:
    """Return the `length` values that some bytes hold.

    Raises
    ------
    Broken
        Where they are not zlib, or hold another number of values.
    """
    dtype = encoding.dtype or np.dtype("u1")
    expected = length * dtype.itemsize
    if encoding.numpress:
        most = MAX_BYTES_AHEAD + MAX_BYTES_EACH * length
        data, size = inflate(data, most) if encoding.zlib and data else (data, len(data))
        if size > most:
            raise Broken(rules.LENGTH_DIFFERS, f"{size:,} bytes of MS-Numpress", expected=f"{length:,} values")
        values = DECODERS[encoding.numpress](data) if data else np.zeros(0)
        if len(values) != length:
            raise Broken(rules.LENGTH_DIFFERS, f"{len(values):,} values", expected=f"{length:,} values")
        return values
    data, size = inflate(data, expected) if encoding.zlib and data else (data, len(data))
    if size != expected:
        found = f"{size / dtype.itemsize:,g} values of {dtype.itemsize} bytes"
        raise Broken(rules.LENGTH_DIFFERS, found, expected=f"{length:,} values")
    return np.frombuffer(data, dtype)


def from_base64(text: str) -> bytes:
    """Return the bytes that base64 text stands for; white space in it counts for nothing."""
    try:
        return binascii.a2b_base64(text, strict_mode=True) if text else b""
    except (binascii.Error, ValueError) as error:
        tight = text.translate(WHITE_SPACE)
        if len(tight) < len(text):
            return from_base64(tight)
        raise Broken(rules.BAD_BASE64, str(error)) from None


def inflate(data: bytes, expected: int) -> tuple[bytes, int]:
    """Return what a zlib stream holds and how many bytes that is.

    At most `expected` bytes and one more are kept; a stream that holds far more is not inflated to its end.
    """
    stream = zlib.decompressobj()
    try:
        inside = stream.decompress(data, expected + 1)
        size = len(inside)
        while not stream.eof and (more := stream.decompress(stream.unconsumed_tail, INFLATE_STEP)):
            size += len(more)
            if size > 2 * expected + INFLATE_STEP:
                found = f"an array that inflates to {size:,} bytes and more, {expected:,} declared"
                raise Broken(rules.SPECTRUM_TOO_LARGE, found)
    except zlib.error as error:
        raise Broken(rules.BAD_COMPRESSION, str(error)) from None
    if not stream.eof:
        raise Broken(rules.BAD_COMPRESSION, f"a zlib stream that ends after {size:,} bytes")
    return inside, size
