"""Arrow arrays from Python's texts and numpy's numbers, without pandas.

`pyarrow.array` loads pandas the first time it is handed a Python object, to learn whether that is one of pandas' own: a
third of a second, a fifth of what a small file costs. Arrays made of buffers need no such question.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def text_array(values: Sequence[str]) -> pa.Array:
    """Return texts as `large_string`.

    Raises
    ------
    UnicodeEncodeError
        Where a text holds half of a surrogate pair.
    """
    joined = "".join(values)
    encoded = joined.encode()
    own = values if len(encoded) == len(joined) else [value.encode() for value in values]
    ends = np.cumsum(np.fromiter(map(len, own), np.int64, len(own)))
    offsets = np.concatenate((np.zeros(1, np.int64), ends))
    return pa.Array.from_buffers(
        pa.large_string(), len(values), [None, pa.py_buffer(offsets), pa.py_buffer(encoded)], null_count=0
    )


def number_array(values: npt.NDArray[Any], missing: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """Return numbers or true/false (in the machine's byte order) as Arrow; null where `missing` says so."""
    bits = np.packbits(values, bitorder="little") if values.dtype == np.bool_ else np.ascontiguousarray(values)
    present = None
    if missing is not None and missing.any():
        present = pa.py_buffer(np.packbits(~missing, bitorder="little"))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), values.size, [present, pa.py_buffer(bits)])


def codes_of(values: pa.DictionaryArray) -> npt.NDArray[np.int64]:
    """Return the codes of a dictionary; -1 where there is no value."""
    indices = values.indices
    present, stored = indices.buffers()
    span = slice(indices.offset, indices.offset + len(indices))
    codes = np.frombuffer(stored or b"", indices.type.to_pandas_dtype())[span].astype(np.int64)
    if indices.null_count:
        bits = np.unpackbits(np.frombuffer(present, np.uint8), bitorder="little")
        codes[bits[span] == 0] = -1
    return codes
