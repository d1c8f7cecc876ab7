"""The logical digest of a SOMA: what it holds, whatever the bytes it is kept in.

TileDB names fragments by time and UUID, so two SOMAs of one content differ in every file name; they agree here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import tiledbsoma

from catchment.soma import context, dense_blocks, read_tile, tile_rows_of
from catchment.tiles import TILE, RowTile

# rows of a dataframe that are digested at a time
BLOCK_ROWS = 1 << 16

# when something was built says nothing of what it holds: names of metadata, and `label` in a table of label and value
TIMES = ("created_on", "census_build_date")
# what tiledbsoma says of scenes: coordinates, what brings one onto the other, how large a spot is
OF_SPACE = ("soma_coordinate_space", "soma_scene_registry_", "soma_geometry")


# a row tile of a sparse matrix, a block of a dense array, or rows of a dataframe in order of `soma_joinid`
Block: TypeAlias = RowTile | npt.NDArray[Any] | Any
Watch: TypeAlias = Callable[[str, int, Block], None]


def logical_digest(
    uri: str, threads: int = 2, known: Mapping[str, str] | None = None, watch: Watch | None = None
) -> str:
    """Return the digest of what a SOMA holds, times left out (`TIMES`).

    Every object's path, type, metadata, schema, and values in order of coordinates. TileDB names fragments by time and
    UUID: two SOMAs of one content differ in every file name, and agree here.

    Parameters
    ----------
    known
        by path, the digest of the values of a matrix that was drawn while they were written; its values are not read
        again.
    watch
        is shown every block that is read: path of the array (without a leading `/`), its first row, and the block. One
        reading so serves a comparison as well.

    Raises
    ------
    TypeError
        For a kind of object that it cannot digest: nothing is left out in silence.
    """
    digest = hashlib.sha256()
    with tiledbsoma.open(uri, context=context(threads)) as root:
        for path, item in walk(root):
            digest.update(f"{path}\0{item.soma_type}\0{metadata_text(item)}\0".encode())
            if path in (known or {}):
                digest.update(f"{item.shape}\0{item.schema.field('soma_data').type}\0{(known or {})[path]}\0".encode())
                continue
            for first, block in update_with_values(digest, path, item):
                if watch is not None:
                    watch(path.removeprefix("/"), first, block)
    return digest.hexdigest()


def update_with_values(digest: hashlib._Hash, path: str, item: Any) -> Iterator[tuple[int, Block]]:
    """Add what an object holds, and yield each block with its first row; nothing of a collection."""
    if isinstance(item, tiledbsoma.DataFrame):
        yield from update_with_table(digest, item)
    elif isinstance(item, tiledbsoma.PointCloudDataFrame):
        yield from update_with_points(digest, item)
    elif isinstance(item, tiledbsoma.SparseNDArray) and item.ndim == 2:
        yield from update_with_matrix(digest, item)
    elif isinstance(item, tiledbsoma.DenseNDArray):
        yield from update_with_dense(digest, item)
    elif not isinstance(item, COLLECTIONS):
        raise TypeError(f"{path}: no digest of {item.soma_type}")


COLLECTIONS = (
    tiledbsoma.Collection,
    tiledbsoma.Experiment,
    tiledbsoma.Measurement,
    tiledbsoma.Scene,
    tiledbsoma.MultiscaleImage,
)


def walk(collection: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield path and object of everything below a collection, in order of the paths."""
    yield path or "/", collection
    for name in sorted(collection):
        item = collection[name]
        below = f"{path}/{name}"
        if isinstance(item, COLLECTIONS):
            yield from walk(item, below)
        else:
            yield below, item


def metadata_text(item: Any) -> str:
    """Return an object's own metadata as JSON: without times, and of TileDB-SOMA's own keys only those of space."""
    kept = (key for key in item.metadata if key.startswith(OF_SPACE) or not (key.startswith("soma_") or key in TIMES))
    own = {key: item.metadata[key] for key in kept}
    return json.dumps(own, sort_keys=True, default=str)


def update_with_table(digest: hashlib._Hash, frame: tiledbsoma.DataFrame) -> Iterator[tuple[int, pa.Table]]:
    """Add a dataframe that is indexed by `soma_joinid`, a block of rows at a time; columns in order of their names."""
    first, last = frame.domain[0]
    digest.update(f"{frame.count}\0".encode())
    for start in range(first, last + 1, BLOCK_ROWS):
        block = frame.read(coords=(slice(start, min(start + BLOCK_ROWS - 1, last)),)).concat().sort_by("soma_joinid")
        if {"label", "value"} <= set(block.column_names):
            block = block.filter(pc.invert(pc.is_in(block["label"], pa.array(TIMES, pa.large_string()))))
        for name in sorted(block.column_names):
            column = block[name].combine_chunks()
            if pa.types.is_dictionary(column.type):
                column = column.dictionary_decode()
            digest.update(f"{name}\0{column.type}\0".encode())
            update_with_column(digest, column)
        yield start, block


def update_with_points(digest: hashlib._Hash, points: tiledbsoma.PointCloudDataFrame) -> Iterator[tuple[int, pa.Table]]:
    """Add a point cloud, as a dataframe: it has no order of its own, and few bytes a point."""
    table = points.read().concat().sort_by("soma_joinid")
    digest.update(f"{table.num_rows}\0".encode())
    for start in range(0, max(table.num_rows, 1), BLOCK_ROWS):
        block = table.slice(start, BLOCK_ROWS)
        for name in sorted(block.column_names):
            column = block[name].combine_chunks()
            digest.update(f"{name}\0{column.type}\0".encode())
            update_with_column(digest, column)
        yield start, block


def update_with_column(digest: hashlib._Hash, column: pa.Array) -> None:
    """Add a column: which values are there, how long each is where lengths differ, and the values."""
    digest.update(np.packbits(np.asarray(column.is_null())).tobytes())
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    if pa.types.is_large_string(column.type) or pa.types.is_large_binary(column.type):
        column = pc.fill_null(column, "" if pa.types.is_large_string(column.type) else b"")
        digest.update(pc.binary_length(column).to_numpy().tobytes())
        offsets = np.frombuffer(column.buffers()[1], np.int64)[column.offset : column.offset + len(column) + 1]
        if column.buffers()[2] is not None:
            digest.update(memoryview(column.buffers()[2])[int(offsets[0]) : int(offsets[-1])])
    else:
        digest.update(np.ascontiguousarray(pc.fill_null(column, 0).to_numpy(zero_copy_only=False)).tobytes())


def update_with_matrix(digest: hashlib._Hash, array: tiledbsoma.SparseNDArray) -> Iterator[tuple[int, RowTile]]:
    """Add a sparse matrix: shape and type, then places and values in global order, a row tile at a time."""
    height = array.shape[0]
    rows = min(tile_rows_of(array), TILE)
    digest.update(f"{array.shape}\0{array.schema.field('soma_data').type}\0".encode())
    for first in range(0, height, rows):
        tile = read_tile(array, first, min(first + rows, height))
        digest.update(f"{first}\0{tile.keys.size}\0".encode())
        digest.update(tile.keys.data)
        digest.update(np.ascontiguousarray(tile.values).data)
        yield first, tile


def update_with_dense(digest: hashlib._Hash, array: tiledbsoma.DenseNDArray) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """Add a dense array: shape and type, then its values in row-major order, a block along the first axis at a time."""
    digest.update(f"{array.shape}\0{array.schema.field('soma_data').type}\0".encode())
    for first, end in dense_blocks(array.shape):
        block = np.ascontiguousarray(array.read((slice(first, end - 1),)).to_numpy())
        digest.update(block.data)
        yield first, block
