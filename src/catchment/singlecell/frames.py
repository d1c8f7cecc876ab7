"""Tables of an H5AD (obs, var) as Arrow: every column kind that anndata writes, read without anndata.

Text becomes `large_string`; categories become dictionaries with text values and keep their order flag; numbers and
true/false stay what they are. Missing values are nulls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import pyarrow as pa

from catchment.schema.records import Finding
from catchment.singlecell import arrow, rules
from catchment.singlecell.container import READ_FAULTS, is_damage
from catchment.singlecell.layout import text_of
from catchment.singlecell.rules import shown

MAX_TEXT = 1 << 20


@dataclass(frozen=True)
class Frame:
    """A table: the names of its rows, and its columns in the order of the file.

    Without a readable index (a finding of its own) it is not `named`: row numbers stand in.
    """

    names: list[str]
    columns: dict[str, pa.Array]
    named: bool = True


class ColumnUnfit(Exception):
    """Why a column cannot be read; the message says what was found."""


def read_frame(file: h5py.File, path: str, rows: int) -> tuple[Frame, tuple[Finding, ...]]:
    """Return the table at a path, which must have `rows` rows, and a finding for each column that cannot be read."""
    table = file[path]
    compound = isinstance(table, h5py.Dataset)
    index_name, names = compound_names(table) if compound else group_names(table)
    faults: list[tuple[str, str]] = []

    def column(name: str) -> pa.Array | None:
        try:
            return compound_column(file, table, name) if compound else group_column(table, name)
        except ColumnUnfit as unfit:
            faults.append((name, str(unfit)))
        except READ_FAULTS as error:
            if not is_damage(error):
                raise
            faults.append((name, f"unreadable: {shown(error)}"))
        return None

    index = column(index_name)
    columns = {name: column(name) for name in names}
    kept = {name: values for name, values in columns.items() if values is not None}
    findings = [rules.COLUMN_UNREADABLE.broken(f"{path}/{shown(name)}", found) for name, found in faults]
    columns_fitting = {name: values for name, values in kept.items() if len(values) == rows}
    same_as_index = rows if index is None else len(index)
    for name, values in {index_name: index, **kept}.items():
        if values is not None and len(values) != rows and (name == index_name or len(values) != same_as_index):
            where = f"{path}/{shown(name)}"
            findings.append(rules.SHAPES_DISAGREE.broken(where, f"{len(values):,} rows", expected=f"{rows:,} rows"))
    if index is not None and not (pa.types.is_large_string(index.type) and index.null_count == 0):
        where = f"{path}/{shown(index_name)}"
        findings.append(rules.COLUMN_UNREADABLE.broken(where, f"an index of {index.type}", expected="text"))
        index = None
    if index is None or len(index) != rows:
        return Frame([str(row) for row in range(rows)], columns_fitting, named=False), tuple(findings)
    return Frame(index.to_pylist(), columns_fitting), tuple(findings)


# --- tables as groups (anndata 0.7 and newer) --------------------------------------------------------------------


def group_names(table: h5py.Group) -> tuple[str, list[str]]:
    """Return the name of the index column, and those of the other columns in their order."""
    index = text_of(table.attrs["_index"]) or "_index"
    order = [text_of(name) for name in np.atleast_1d(table.attrs.get("column-order", []))]
    return index, [name for name in order if name is not None and name != index]


def group_column(table: h5py.Group, name: str) -> pa.Array:
    """Return one column of a table that is a group."""
    if name not in table:
        raise ColumnUnfit("listed in column-order, but not there")
    item = table[name]
    if isinstance(item, h5py.Dataset):
        if isinstance(item.attrs.get("categories"), h5py.Reference):  # anndata 0.7
            categories = table[item.attrs["categories"]]
            return categorical(item[()], plain_column(categories), bool(categories.attrs.get("ordered", False)))
        return plain_column(item)
    kind = text_of(item.attrs.get("encoding-type"))
    if kind == "categorical":
        codes = item["codes"]
        if codes.dtype.kind not in "iu" or len(codes.shape) != 1:
            raise ColumnUnfit("category codes that are no list of whole numbers")
        return categorical(codes[()], plain_column(item["categories"]), bool(item.attrs.get("ordered", False)))
    if kind in ("nullable-integer", "nullable-boolean", "nullable-string-array"):
        values, mask = plain_column(item["values"]), item["mask"][()]
        if mask.dtype != np.bool_ or mask.shape != (len(values),):
            raise ColumnUnfit("a mask that does not fit its values")
        return pa.array(values.to_pylist(), values.type, mask=mask)
    raise ColumnUnfit(f"encoding {shown(kind)!r}")


def plain_column(item: Any) -> pa.Array:
    """Return a one-dimensional dataset of numbers, true/false or text."""
    if not isinstance(item, h5py.Dataset) or len(item.shape or ()) != 1:
        raise ColumnUnfit("not a list of values")
    if h5py.check_string_dtype(item.dtype) is not None:
        return text_array(item.asstr()[()])
    return number_array(item[()])


def text_array(values: Any) -> pa.Array:
    """Return text as Arrow, refusing what is too long to be a value of a table."""
    longest = max(map(len, values), default=0)
    if longest > MAX_TEXT:
        raise ColumnUnfit(f"a text of {longest:,} characters")
    return arrow.text_array(list(values))


def number_array(values: Any) -> pa.Array:
    """Return numbers or true/false as Arrow; half-precision becomes float32, which holds it exactly."""
    if values.dtype.kind not in "biuf" or values.dtype.itemsize > 8:
        raise ColumnUnfit(f"values of type {shown(values.dtype)}")
    if values.dtype == np.float16:
        values = values.astype(np.float32)
    return arrow.number_array(values.astype(values.dtype.newbyteorder("=")))


def categorical(codes: Any, categories: pa.Array, ordered: bool) -> pa.Array:
    """Return a dictionary array of text; -1 is a missing value."""
    count = len(categories)
    if codes.size and (int(codes.min()) < -1 or int(codes.max()) >= count):
        wrong = np.flatnonzero((codes < -1) | (codes >= count))
        raise ColumnUnfit(f"category code {codes[wrong[0]]} of {count} categories (row {wrong[0]}; {wrong.size} such)")
    texts = as_text(categories)
    if categories.null_count or len(set(texts)) != count:
        raise ColumnUnfit("categories that are missing or occur twice")
    narrow = codes.astype(narrowest(count))
    indices = arrow.number_array(narrow, codes < 0)
    return pa.DictionaryArray.from_arrays(indices, arrow.text_array(texts), ordered=ordered)


def as_text(values: pa.Array) -> list[str]:
    """Return values as text, as Python prints them."""
    return [value if isinstance(value, str) else str(value) for value in values.to_pylist()]


def narrowest(count: int) -> type[np.signedinteger[Any]]:
    """Return the narrowest type for the codes of `count` categories."""
    return np.int8 if count < 1 << 7 else np.int16 if count < 1 << 15 else np.int32


# --- tables as compound datasets (before anndata 0.7) ------------------------------------------------------------


def compound_names(table: h5py.Dataset) -> tuple[str, list[str]]:
    """Return the name of the index field (the first, unless one is called so), and the others."""
    names = list(table.dtype.names)
    index = "index" if "index" in names else names[0]
    return index, [name for name in names if name != index]


def compound_column(file: h5py.File, table: h5py.Dataset, name: str) -> pa.Array:
    """Return one field of a table that is a compound dataset; its categories are kept in uns."""
    values = table[name]
    if values.ndim != 1:
        raise ColumnUnfit(f"{values.ndim} dimensions")
    if values.dtype.kind in "SO":
        return text_array([text_of(value) or "" for value in values.tolist()])
    kept = file.get(f"uns/{name}_categories") if "/" not in name else None
    if isinstance(kept, h5py.Dataset) and values.dtype.kind == "i":
        return categorical(values, plain_column(kept), ordered=False)
    return number_array(values)
