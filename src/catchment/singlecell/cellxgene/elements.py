"""Values of an H5AD outside its tables and matrices, told apart by header as anndata would read them."""

from __future__ import annotations

from typing import Any, Literal

import h5py
import numpy as np

from catchment.singlecell.layout import text_of

Kind = Literal["text", "bool", "number", "array", "table", "sparse", "dict", "none", "other"]
GROUPS: dict[str, Kind] = {"dataframe": "table", "csr_matrix": "sparse", "csc_matrix": "sparse", "dict": "dict"}
MAX_ITEMS = 1_000_000


def kind_of(item: Any) -> Kind:
    """Return what anndata makes of a group or dataset; `none` for nothing at all."""
    if item is None or (isinstance(item, h5py.Dataset) and item.shape is None):
        return "none"
    encoding = text_of(item.attrs.get("encoding-type")) or ""
    if isinstance(item, h5py.Group):
        return GROUPS.get(encoding, "dict" if encoding in ("", "raw", "anndata") else "other")
    if item.shape != ():
        return "table" if item.dtype.names else "array"
    if h5py.check_string_dtype(item.dtype) is not None:
        return "text"
    return "bool" if item.dtype == np.bool_ else "number"


def text(item: Any) -> str:
    """Return the text of a dataset that holds one."""
    return text_of(item[()]) or ""


def texts(item: Any) -> list[str] | None:
    """Return the texts of a one-dimensional dataset; None where it holds something else, or too much."""
    if kind_of(item) != "array" or len(item.shape) != 1 or item.shape[0] > MAX_ITEMS:
        return None
    if h5py.check_string_dtype(item.dtype) is None and item.dtype.kind != "S":
        return None
    return [text_of(value) or "" for value in item[()].tolist()]


def keys(item: Any) -> list[str]:
    """Return the keys of a dictionary, but for links that lead nowhere; none for anything else."""
    if not isinstance(item, h5py.Group) or kind_of(item) != "dict":
        return []
    return [key for key in item if item.get(key) is not None]


def is_empty(item: Any) -> bool:
    """Tell whether a value is empty: no letters, no keys, no values."""
    kind = kind_of(item)
    if kind == "text":
        return text(item) == ""
    if kind == "array":
        return 0 in item.shape
    return kind == "dict" and len(item) == 0


def shown_kind(item: Any) -> str:
    """Return in words what a value is, as a message shows it."""
    kind = kind_of(item)
    if kind == "array":
        return f"an array of shape {item.shape} and type {item.dtype}"
    words = {"none": "nothing", "bool": "true/false", "dict": "a dictionary", "table": "a table", "other": "a group"}
    return words.get(kind, f"a {kind}" if kind != "sparse" else "a sparse matrix")


# --- tables, by header -------------------------------------------------------------------------------------------


def column_names(table: Any) -> list[str]:
    """Return the names of a table's columns in its order, the index left out; a name may occur twice."""
    if isinstance(table, h5py.Dataset):
        names = list(table.dtype.names or ())
        index = "index" if "index" in names else names[0] if names else ""
        return [name for name in names if name != index]
    if not isinstance(table, h5py.Group):
        return []
    order = [text_of(name) for name in np.atleast_1d(table.attrs.get("column-order", []))]
    return [name for name in order if name is not None]


def categories_of(table: Any, name: str) -> Any:
    """Return the dataset of a categorical column's categories; None for any other column."""
    if not isinstance(table, h5py.Group) or name not in table:
        return None
    item = table[name]
    if isinstance(item, h5py.Group):
        return item.get("categories") if text_of(item.attrs.get("encoding-type")) == "categorical" else None
    reference = item.attrs.get("categories")
    return table[reference] if isinstance(reference, h5py.Reference) else None


def nullable(table: Any, name: str) -> Any:
    """Return the mask of a nullable column; None for any other column."""
    item = table.get(name) if isinstance(table, h5py.Group) else None
    if isinstance(item, h5py.Group) and (text_of(item.attrs.get("encoding-type")) or "").startswith("nullable-"):
        return item.get("mask")
    return None
