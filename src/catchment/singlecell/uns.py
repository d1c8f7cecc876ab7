"""What a SOMA can carry of `uns`: numbers and texts as metadata, arrays of numbers, lists of texts; the rest by name.

As `tiledbsoma.io` writes them, so that its `to_anndata` finds them: a group is a collection, a list of texts a
dataframe with the column `values`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np
import pyarrow as pa

UNS = "ms/RNA/uns"
LIST_OF_TEXTS = {"soma_uns_outgest_hint": "array_1d"}
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,127}")
MAX_TEXT = 1 << 16
MAX_TEXTS = 1 << 20


@dataclass
class Uns:
    """Parts of uns, by their path in the SOMA; `left` are the paths in the file of what a SOMA cannot carry."""

    scalars: dict[str, dict[str, Any]] = field(default_factory=dict)
    arrays: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)


def uns_of(file: h5py.File) -> Uns:
    """Return what uns holds, from headers and single values."""
    found = Uns()
    if isinstance(file.get("uns"), h5py.Group):
        sort_group(found, file["uns"], "uns", UNS)
    elif "uns" in file:
        found.left.append("uns")
    return found


def sort_group(found: Uns, group: h5py.Group, path: str, target: str) -> None:
    """Put every member of a group where it belongs."""
    own = found.scalars.setdefault(target, {})
    for name in sorted(group):
        item, where, kept = group.get(name), f"{path}/{name}", f"{target}/{name}"
        if item is None:
            continue  # a link that leads nowhere
        if not NAME.fullmatch(name) or name.startswith("soma_"):
            found.left.append(where)
        elif isinstance(item, h5py.Group) and item.attrs.get("encoding-type", "dict") == "dict":
            sort_group(found, item, where, kept)
        elif not isinstance(item, h5py.Dataset) or item.dtype.names is not None:
            found.left.append(where)
        elif item.shape == ():
            value = scalar_of(item)
            if value is None:
                found.left.append(where)
            else:
                own[name] = value
        elif is_list_of_texts(item):
            found.texts[kept] = where
        elif item.shape and item.size > 0 and item.dtype.kind in "iuf" and item.dtype.itemsize <= 8:
            found.arrays[kept] = where
        else:
            found.left.append(where)


def scalar_of(item: h5py.Dataset) -> str | int | float | None:
    """Return a number or text as metadata can hold it; None for anything else, as an empty text or a true/false."""
    if h5py.check_string_dtype(item.dtype) is not None:
        try:
            value = item.asstr()[()]
        except UnicodeDecodeError:
            return None
        return value if 0 < len(value) <= MAX_TEXT and "\0" not in value else None
    if item.dtype.kind in "iu":
        number = int(item[()])
        return number if -(1 << 63) <= number < 1 << 63 else None
    return float(item[()]) if item.dtype.kind == "f" and item.dtype.itemsize <= 8 else None


def is_list_of_texts(item: h5py.Dataset) -> bool:
    """Tell whether a dataset is a list of texts that fits a dataframe."""
    if h5py.check_string_dtype(item.dtype) is None or len(item.shape) != 1 or not 0 < item.size <= MAX_TEXTS:
        return False
    try:
        item.asstr()[()]
    except UnicodeDecodeError:
        return False
    return True


def texts_table(item: h5py.Dataset) -> pa.Table:
    """Return a list of texts as a table."""
    values = pa.array(item.asstr()[()].tolist(), pa.large_string())
    return pa.table({"soma_joinid": np.arange(len(values), dtype=np.int64), "values": values})
