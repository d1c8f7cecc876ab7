"""Arrays of numbers out of the text that mzML keeps them in. Pure.

base64 of little-endian values, plain or as one zlib stream. Nothing is inflated beyond what its declaration allows.
"""

from __future__ import annotations

import binascii
import zlib
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catchment.massspec import rules
from catchment.massspec.faults import Broken

Floats = NDArray[np.float64]
Numbers = NDArray[Any]

TYPES: dict[str, np.dtype[Any]] = {
    "MS:1000519": np.dtype("<i4"),
    "MS:1000521": np.dtype("<f4"),
    "MS:1000522": np.dtype("<i8"),
    "MS:1000523": np.dtype("<f8"),
}
TEXT_TYPE = "MS:1001479"
ZLIB, UNCOMPRESSED = "MS:1000574", "MS:1000576"
# MS-Numpress (alone and before zlib), zstandard and delta-coded compressions of psi-ms 4.1
OTHER_COMPRESSIONS = frozenset(
    [f"MS:{number}" for number in (*range(1002312, 1002315), *range(1002746, 1002749), *range(1003088, 1003091))]
    + [f"MS:{number}" for number in range(1003780, 1003786)]
)
INFLATE_STEP = 1 << 16
# what XML calls so
WHITE_SPACE = dict.fromkeys(map(ord, " \t\r\n"))


@lru_cache(maxsize=1_000)
def type_of(accessions: tuple[str, ...]) -> tuple[np.dtype[Any] | None, bool]:
    """Return the type of an array's values (None for text) and whether it is compressed.

    An array that names no compression is read as uncompressed; its length then tells whether that was right.

    Raises
    ------
    Broken
        Where the encoding is not stated or cannot be read here.
    """
    terms = set(accessions)
    if other := sorted(terms & OTHER_COMPRESSIONS):
        raise Broken(rules.ENCODING_UNSUPPORTED, f"compression {other[0]}")
    types = [dtype for term, dtype in TYPES.items() if term in terms]
    if len(types) != 1 and TEXT_TYPE not in terms:
        raise Broken(rules.ENCODING_UNSUPPORTED, f"{len(types)} types of number stated, expected one")
    return types[0] if types else None, ZLIB in terms


def decode(text: str, dtype: np.dtype[Any], compressed: bool, length: int, max_bytes: int | None) -> Numbers:
    """Return the `length` values in an array's text.

    Raises
    ------
    Broken
        Where the text is not base64, not zlib, of another length, or larger than `max_bytes`.
    """
    expected = length * dtype.itemsize
    if max_bytes is not None and expected > max_bytes:
        raise Broken(rules.SPECTRUM_TOO_LARGE, f"{length:,} values declared ({expected:,} bytes)")
    data = from_base64(text)
    data, size = inflate(data, expected) if compressed and data else (data, len(data))
    if size != expected:
        values = f"{size / dtype.itemsize:,g} values of {dtype.itemsize} bytes"
        raise Broken(rules.LENGTH_DIFFERS, values, expected=f"{length:,} values")
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
