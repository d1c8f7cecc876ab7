"""An H5AD of our own: copied from a submitted one without its matrices ever being decoded, then edited in place.

What is copied goes by HDF5 objects (compressed chunks stay as they are), so time is that of a file copy and memory
does not grow with the file. What anndata wrote before 0.8 gets the encoding of today on the way.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from catchment.singlecell.arrow import codes_of
from catchment.singlecell.frames import Frame, narrowest, read_frame
from catchment.singlecell.layout import Layout, text_of
from catchment.singlecell.rules import shown

# encoding-type, encoding-version: what anndata 0.8 and later write
ANNDATA, RAW, TABLE, DICT = ("anndata", "0.1.0"), ("raw", "0.1.0"), ("dataframe", "0.2.0"), ("dict", "0.1.0")
ARRAY, TEXTS, TEXT = ("array", "0.2.0"), ("string-array", "0.2.0"), ("string", "0.2.0")
NUMBER, RECORDS, CATEGORICAL = ("numeric-scalar", "0.2.0"), ("rec-array", "0.2.0"), ("categorical", "0.2.0")
OPTIONAL_INTEGER, OPTIONAL_BOOLEAN = ("nullable-integer", "0.1.0"), ("nullable-boolean", "0.1.0")
# the parts of an AnnData; the two with a dot are those of raw before 0.7
PARTS = ("X", "layers", "obsm", "varm", "obsp", "varp", "uns", "raw")
OLD_PARTS = {"raw.X": "raw/X", "raw.varm": "raw/varm"}
COMPRESSED_ABOVE = 1024  # values; below, gzip makes more bytes than it saves
UTF8 = h5py.string_dtype()


@contextlib.contextmanager
def editable(path: Path) -> Iterator[h5py.File]:
    """Yield an H5AD of our own, which exists, for changes."""
    with h5py.File(path, "r+", locking=False) as file:
        yield file


def copy_h5ad(source: h5py.File, layout: Layout, target: Path) -> None:
    """Copy an H5AD of any age into a new file, in the encoding of today; matrices go by their compressed chunks.

    Equal sources give equal bytes: no times are written.
    """
    with h5py.File(target, "x", locking=False) as file:
        mark(file, ANNDATA)
        for name in PARTS:
            if name in source and not (name == "raw" and not isinstance(source[name], h5py.Group)):
                source.copy(source[name], file, name)
        for old, new in OLD_PARTS.items():
            if old in source:
                source.copy(source[old], file, new)
        for name in sorted({layout.obs, layout.var, layout.x_var}):
            copy_table(source, name, file, name.replace("raw.", "raw/"), rows_of(layout, name))
        for name in file:
            modernise(file[name])
        if "raw" in file:
            mark(file["raw"], RAW)


def rows_of(layout: Layout, table: str) -> int:
    """Return how many rows a table of a layout has; -1 for the genes of X where they are not those of the counts."""
    if table == layout.obs:
        return layout.raw.shape[0]
    return layout.raw.shape[1] if table == layout.var else -1


def mark(item: Any, encoding: tuple[str, str]) -> None:
    """Say how an object is to be read."""
    item.attrs["encoding-type"], item.attrs["encoding-version"] = encoding


def modernise(item: Any) -> None:
    """Mark an object, and all below it, that anndata wrote before it marked everything."""
    if text_of(item.attrs.get("encoding-type")) is None:
        encoding = encoding_of(item)
        if encoding is not None:
            mark(item, encoding)
    if isinstance(item, h5py.Group):
        for name in item:
            below = item.get(name)
            if below is not None:  # a soft link may lead nowhere
                modernise(below)


def encoding_of(item: Any) -> tuple[str, str] | None:
    """Return how an unmarked object is to be read; None where anndata has no word for it."""
    if isinstance(item, h5py.Group):
        kind = text_of(item.attrs.get("h5sparse_format"))
        if kind is None:
            return None if "shape" in item.attrs else DICT
        item.attrs["shape"] = item.attrs["h5sparse_shape"]
        return f"{kind}_matrix", "0.1.0"
    if not isinstance(item, h5py.Dataset) or item.shape is None:
        return None
    if item.dtype.names:
        return RECORDS
    if h5py.check_string_dtype(item.dtype) is not None:
        return TEXTS if item.shape else TEXT
    return (ARRAY if item.shape else NUMBER) if item.dtype.kind in "biuf" else None


# --- tables ------------------------------------------------------------------------------------------------------


def copy_table(source: h5py.File, name: str, file: h5py.File, target: str, rows: int) -> None:
    """Copy a table: as it is where it is written as today, else column by column."""
    table = source[name]
    old = isinstance(table, h5py.Dataset) or text_of(table.attrs.get("encoding-version")) != TABLE[1]
    if target in file:
        del file[target]
    if not old:
        source.copy(table, file, target)
        return
    count = rows if rows >= 0 else len(table) if isinstance(table, h5py.Dataset) else len(table[index_name(table)])
    frame, _ = read_frame(source, name, count)
    write_table(file, target, frame)


def index_name(table: h5py.Group) -> str:
    """Return the name of the column that names a table's rows."""
    return text_of(table.attrs.get("_index")) or "_index"


def column_order(table: h5py.Group) -> list[str]:
    """Return the names of a table's columns in their order."""
    return [name for name in map(text_of, np.atleast_1d(table.attrs.get("column-order", []))) if name is not None]


def write_table(file: h5py.File, path: str, frame: Frame) -> h5py.Group:
    """Write a table, and return it."""
    table = file.create_group(path)
    mark(table, TABLE)
    table.attrs["_index"] = "_index"
    write_texts(table, "_index", frame.names)
    set_order(table, [])
    put_columns(table, frame.columns)
    return table


def set_order(table: h5py.Group, names: list[str]) -> None:
    """Write the order of a table's columns."""
    table.attrs.create("column-order", np.array(names, dtype=object), dtype=UTF8)


def put_columns(table: h5py.Group, columns: Mapping[str, pa.Array]) -> None:
    """Write columns into a table: each in the place of the one that has its name, else at the end."""
    order = column_order(table)
    for name, values in columns.items():
        if name in table:
            del table[name]
        write_column(table, name, values)
    set_order(table, order + [name for name in columns if name not in order])


def drop_columns(table: h5py.Group, names: list[str]) -> None:
    """Take columns out of a table."""
    order = column_order(table)
    for name in names:
        if name in order:
            del table[name]
    set_order(table, [name for name in order if name not in names])


def set_index(table: h5py.Group, names: list[str], former: str) -> None:
    """Name a table's rows anew; the names they had become the column `former`."""
    index = index_name(table)
    order = column_order(table)
    while former in order:
        former += "_"
    if index != former:
        table.move(index, former)
    new = "_index" if "_index" not in (*order, former) else "row_names"
    write_texts(table, new, names)
    table.attrs["_index"] = new
    set_order(table, [*order, former])


def drop_unused_categories(table: h5py.Group) -> None:
    """Take categories that no row has out of a table (CELLxGENE schema 7.1.0: dropped at labelling)."""
    for name in column_order(table):
        item = table[name]
        if text_of(item.attrs.get("encoding-type")) != CATEGORICAL[0]:
            continue
        codes, categories = item["codes"][()], item["categories"]
        used = np.unique(codes[codes >= 0])
        if used.size == categories.shape[0]:
            continue
        lookup = np.full(categories.shape[0] + 1, -1)
        lookup[used] = np.arange(used.size)
        kept = categories[()][used]
        encoding, kind = dict(categories.attrs), categories.dtype
        del item["codes"], item["categories"]
        write_numbers(item, "codes", lookup[codes].astype(narrowest(used.size)))
        item.create_dataset("categories", data=kept, dtype=kind).attrs.update(encoding)


# --- columns -----------------------------------------------------------------------------------------------------


def write_column(table: h5py.Group, name: str, values: pa.Array) -> None:
    """Write one column as anndata does; text with missing values becomes categories, which any reader knows."""
    if pa.types.is_large_string(values.type) and values.null_count:
        values = values.dictionary_encode()
    if pa.types.is_dictionary(values.type):
        write_categories(table, name, values)
    elif pa.types.is_large_string(values.type):
        write_texts(table, name, values.to_pylist())
    elif values.null_count and not pa.types.is_floating(values.type):
        group = table.create_group(name)
        mark(group, OPTIONAL_BOOLEAN if pa.types.is_boolean(values.type) else OPTIONAL_INTEGER)
        write_numbers(group, "values", values.fill_null(pa.scalar(0).cast(values.type)).to_numpy(zero_copy_only=False))
        write_numbers(group, "mask", values.is_null().to_numpy(zero_copy_only=False))
    else:
        write_numbers(table, name, values.to_numpy(zero_copy_only=False))


def write_categories(table: h5py.Group, name: str, values: pa.DictionaryArray) -> None:
    """Write a column of categories."""
    group = table.create_group(name)
    mark(group, CATEGORICAL)
    group.attrs["ordered"] = bool(values.type.ordered)
    texts = values.dictionary.to_pylist()
    write_numbers(group, "codes", codes_of(values).astype(narrowest(len(texts))))
    write_texts(group, "categories", texts)


def write_texts(group: h5py.Group, name: str, texts: list[str]) -> None:
    """Write a list of text."""
    mark(group.create_dataset(name, data=np.array(texts, dtype=object), dtype=UTF8, shape=(len(texts),)), TEXTS)


def write_numbers(group: h5py.Group, name: str, values: npt.NDArray[Any]) -> None:
    """Write a list of numbers or of true and false."""
    options = {"compression": "gzip", "shuffle": True} if values.size > COMPRESSED_ABOVE else {}
    mark(group.create_dataset(name, data=values, **options), ARRAY)


# --- uns ---------------------------------------------------------------------------------------------------------


def put_text(file: h5py.File, key: str, text: str) -> None:
    """Write a text of uns."""
    put_scalar(file, key, text, TEXT, UTF8)


def put_flag(file: h5py.File, key: str, value: bool) -> None:
    """Write a true or false of uns."""
    put_scalar(file, key, value, NUMBER, np.dtype(np.bool_))


def put_scalar(file: h5py.File, key: str, value: Any, encoding: tuple[str, str], dtype: Any) -> None:
    """Write one value of uns."""
    uns = file.require_group("uns")
    mark(uns, DICT)
    if key in uns:
        del uns[key]
    mark(uns.create_dataset(shown(key), data=value, dtype=dtype), encoding)
