"""TileDB-SOMA as both the datasets and the census write it: array settings, streamed reading and writing.

Cells reach TileDB in its global order (row tile, column tile, row, column), one fragment a writer: measured four times
faster than letting TileDB sort them. Streaming several batches into one fragment goes through
`tiledbsoma.pytiledbsoma.ManagedQuery`, which is private: `tiledbsoma==2.3.*` is pinned, and only this file uses it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from math import prod
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tiledbsoma
from tiledbsoma import pytiledbsoma

from catchment.tiles import (
    LEFT_OUT,
    TILE,
    TILE_BITS,
    Cells,
    Float32,
    Int64,
    RowTile,
    UInt32,
    column_keys,
    csr_tile,
    global_keys,
    global_order,
    is_rising,
    joined_tile,
    pieces,
    rising_order,
    row_tile,
)

__all__ = [  # what callers take from here, also where `tiles` defines it
    "LEFT_OUT",
    "TILE",
    "Cells",
    "Float32",
    "Int64",
    "MatrixWriter",
    "RowTile",
    "UInt32",
    "column_keys",
    "context",
    "create_dataframe",
    "csr_tile",
    "dense_blocks",
    "dense_options",
    "fill_dataframe",
    "global_keys",
    "global_order",
    "is_rising",
    "matrix_options",
    "read_parts",
    "read_tile",
    "rising_order",
    "row_tile",
    "soma_schema",
    "tile_rows_of",
    "value_type",
]

CAPACITY = 1 << 16
BUFFER_BYTES = 1 << 24
DENSE_VALUES = 1 << 22  # of a dense array, read or written at a time

# TileDB's own checks of every written cell double the cost of a write; `MatrixWriter` makes them on whole arrays
UNCHECKED = {"sm.check_global_order": "false", "sm.check_coord_oob": "false", "sm.check_coord_dups": "false"}


def context(threads: int = 2, more: Mapping[str, str] | None = None) -> tiledbsoma.SOMATileDBContext:
    """Return a TileDB context bounded in threads and memory: one for each setting in a process.

    By default TileDB starts as many threads as the machine has cores, twice, and tiledbsoma reads every column through
    a buffer of 1 GiB. Each context has thread pools of its own, and tiledbsoma 2.3.0 has been seen to crash where many
    came and went.
    """
    return kept_context(threads, tuple(sorted((more or {}).items())))


@cache
def kept_context(threads: int, more: tuple[tuple[str, str], ...]) -> tiledbsoma.SOMATileDBContext:
    """Return the context of a setting."""
    return tiledbsoma.SOMATileDBContext(
        tiledb_config={
            "sm.compute_concurrency_level": threads,
            "sm.io_concurrency_level": threads,
            "soma.init_buffer_bytes": BUFFER_BYTES,
            **dict(more),
        }
    )


def matrix_options(zstd_level: int, tile_rows: int = TILE) -> dict[str, Any]:
    """Return the array settings of a count matrix: tiles 2048 columns wide and the filters of CZI's census."""
    zstd = {"_type": "ZstdFilter", "level": zstd_level}
    return {
        "tiledb": {
            "create": {
                "capacity": CAPACITY,
                "dims": {
                    "soma_dim_0": {"tile": tile_rows, "filters": [zstd]},
                    "soma_dim_1": {"tile": TILE, "filters": ["ByteShuffleFilter", zstd]},
                },
                "attrs": {"soma_data": {"filters": ["ByteShuffleFilter", zstd]}},
                "cell_order": "row-major",
                "tile_order": "row-major",
                "allows_duplicates": True,
            }
        }
    }


def tile_rows_of(array: tiledbsoma.SparseNDArray) -> int:
    """Return the rows of a tile of a sparse matrix."""
    return int(json.loads(array.schema_config_options().dims)["soma_dim_0"]["tile"])


def dense_options(shape: tuple[int, ...], zstd_level: int) -> dict[str, Any]:
    """Return the array settings of a dense array: tiles of rows, whole or 2048 columns wide."""
    extents = (dense_tile(shape), *(min(size, TILE) for size in shape[1:]))
    dims = {f"soma_dim_{axis}": {"tile": extent, "filters": []} for axis, extent in enumerate(extents)}
    zstd = {"_type": "ZstdFilter", "level": zstd_level}
    attrs = {"soma_data": {"filters": ["ByteShuffleFilter", zstd]}}
    return {"tiledb": {"create": {"dims": dims, "attrs": attrs}}}


def dense_tile(shape: tuple[int, ...]) -> int:
    """Return the rows of a tile of a dense array: few where rows are long, so that whole tiles fit a block."""
    width = prod(shape[1:])
    rows = 256 if width > 256 else TILE
    while rows > 1 and rows * width > DENSE_VALUES:
        rows //= 2
    return min(shape[0], rows)


def dense_blocks(shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Yield first and last row of blocks of whole tiles of a dense array, with a bounded number of values."""
    tile = dense_tile(shape)
    rows = tile * max(1, DENSE_VALUES // max(tile * prod(shape[1:]), 1))
    for first in range(0, shape[0], rows):
        yield first, min(first + rows, shape[0])


def read_parts(array: Any, first: int, end: int) -> Iterator[Cells]:
    """Yield rows, columns and values of the cells stored in rows `first` to `end` - 1 of a sparse matrix, as read."""
    for table in array.read((slice(first, end - 1),)).tables():
        rows, columns, values = (table[name].combine_chunks() for name in ("soma_dim_0", "soma_dim_1", "soma_data"))
        yield rows.to_numpy(), columns.to_numpy(), values.to_numpy(zero_copy_only=False)


def read_tile(array: tiledbsoma.SparseNDArray, first: int, end: int) -> RowTile:
    """Return the cells stored in rows `first` to `end` - 1 of a sparse matrix, all of one row tile, in global order.

    Rows are counted from `first`. A stored 0 is a cell as any other; a place stored twice leaves two equal keys.
    """
    keys: list[UInt32] = []
    values: list[npt.NDArray[Any]] = []
    for rows, columns, own_values in read_parts(array, first, end):
        own = np.empty(rows.size, np.uint32)
        for piece in pieces(rows.size):
            key = columns[piece] >> TILE_BITS
            key <<= TILE_BITS
            key |= rows[piece] - first
            key <<= TILE_BITS
            key |= columns[piece] & (TILE - 1)
            own[piece] = key
        keys.append(own)
        values.append(own_values)
    return joined_tile(keys, values) if keys else RowTile(np.empty(0, np.uint32), np.empty(0, value_type(array)))


def value_type(array: Any) -> np.dtype[Any]:
    """Return the type of an array's values."""
    kind: np.dtype[Any] = np.dtype(array.schema.field("soma_data").type.to_pandas_dtype())
    return kind


# --- writing -----------------------------------------------------------------------------------------------------


class MatrixWriter:
    """Writes one sparse matrix as a single fragment from batches that follow each other in global order.

    Whole row tiles do; so do parts of one that are in global order themselves.
    """

    def __init__(self, uri: str, threads: int = 2) -> None:
        self._array = tiledbsoma.SparseNDArray.open(uri, "w", context=context(threads, UNCHECKED))
        self._type = self._array.schema.field("soma_data").type
        self._query: Any = None
        self._pending: pa.RecordBatch | None = None
        self._last_key = self._last_row = -1

    def write(self, rows: Int64, columns: Int64, values: npt.NDArray[Any]) -> None:
        """Add cells, in any order; all of them come after those before. `write_tile` costs a third of this.

        Raises
        ------
        ValueError
            Where they do not, or where one lies outside the array.
        """
        if rows.size == 0:
            return
        rows, columns = rows.astype(np.int64, copy=False), columns.astype(np.int64, copy=False)
        self._check_places(rows, columns)
        width = self._array.shape[1]
        keys = global_keys(rows, columns, width)
        if keys.min() <= self._last_key:
            raise ValueError(f"a batch begins at or before the last cell of the batch before it (row {rows.min()})")
        self._last_key = int(keys.max())
        order = global_order(keys, rows, columns, width)
        if order is not None:
            rows, columns, values = rows[order], columns[order], values[order]
        self._add(rows, columns, values)

    def write_tile(self, tile_row: int, tile: RowTile) -> None:
        """Add the cells of one row tile (of the array's own height), whose first row is `tile_row`.

        Row tiles follow each other; a writer that is given some is given no cells in another way.

        Raises
        ------
        ValueError
            Where they do not, where a cell lies outside the array, or where the tile is not in global order.
        """
        if tile.keys.size == 0:
            return
        first_row = tile_row + int(((tile.keys >> TILE_BITS) & (TILE - 1)).min())
        if first_row <= self._last_row:
            raise ValueError(f"a row tile begins at or before the last row of the one before it (row {first_row})")
        if not is_rising(tile.keys):
            raise ValueError(f"the cells of the row tile at row {tile_row} are not in global order")
        for rows, columns, values in tile.batches():
            rows += tile_row
            self._check_places(rows, columns)
            self._last_row = max(self._last_row, int(rows.max()))
            self._add(rows, columns, values)

    def _check_places(self, rows: Int64, columns: Int64) -> None:
        height, width = self._array.shape
        if min(rows.min(), columns.min()) < 0 or rows.max() >= height or columns.max() >= width:
            raise ValueError(f"a cell lies outside {height} rows and {width} columns")

    def _add(self, rows: Int64, columns: Int64, values: npt.NDArray[Any]) -> None:
        batch = pa.record_batch(
            {
                "soma_dim_0": pa.array(rows, pa.int64()),
                "soma_dim_1": pa.array(columns, pa.int64()),
                "soma_data": pa.array(values, self._type),
            }
        )
        if self._pending is not None:
            self._submit(self._pending, last=False)
        self._pending = batch

    def _submit(self, batch: pa.RecordBatch, last: bool) -> None:
        if self._query is None:
            self._query = pytiledbsoma.ManagedQuery(self._array._handle)
            self._query.set_layout(pytiledbsoma.ResultOrder.globalorder)
        if last:
            self._query.submit_and_finalize_batch(batch)
        else:
            self._query.submit_batch(batch)

    def __enter__(self) -> MatrixWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._pending is not None:
            self._submit(self._pending, last=True)
        self._array.close()


def soma_schema(table: pa.Table) -> pa.Schema:
    """Return a table's schema as SOMA keeps it: large strings, also inside dictionaries."""

    def widened(kind: pa.DataType) -> pa.DataType:
        if pa.types.is_dictionary(kind):
            return pa.dictionary(kind.index_type, widened(kind.value_type), kind.ordered)
        return pa.large_string() if pa.types.is_string(kind) else kind

    return pa.schema([pa.field(field.name, widened(field.type)) for field in table.schema])


def create_dataframe(parent: Any, name: str, table: pa.Table, rows: int | None = None) -> str:
    """Create an empty dataframe fit for `table` (which has `soma_joinid` 0..n-1) and return its address.

    `rows` where the dataframe will hold more than this table. Write with `fill_dataframe` after the parent is closed:
    tiledbsoma 2.3.0 loses every enumeration of a dataframe written through the handle that created it, without an
    error.
    """
    last = max((table.num_rows if rows is None else rows) - 1, 0)
    frame = parent.add_new_dataframe(name, schema=soma_schema(table), domain=[(0, last)])
    return str(frame.uri)


def fill_dataframe(uri: str, table: pa.Table, threads: int = 2) -> None:
    """Write all rows of a dataframe (one of `create_dataframe`, or a point cloud), or a block of them."""
    if table.num_rows == 0:
        return
    frame: Any
    with tiledbsoma.open(uri, "w", context=context(threads)) as frame:
        frame.write(table.cast(soma_schema(table)).combine_chunks())
