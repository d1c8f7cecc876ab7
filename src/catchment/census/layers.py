"""A layer's array as its parts are kept: fragments that any array of the same settings takes over by a link.

TileDB never changes a written file, and a fragment names the schema it was written with. So every part of a layer is
written with one schema, under one fixed name that sorts before any other; an array that links it, and the fragments,
has their cells. The array's own schema, with its true shape, is the latest and the one that readers see.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import tiledbsoma

from catchment.errors import CatchmentError
from catchment.soma import TILE, MatrixWriter, RowTile, context, matrix_options, read_tile
from catchment.storage import digest_json, files_below, link

SCHEMAS, LINKED = "__schema", ("__schema", "__fragments", "__commits")
# TileDB takes the schema whose name comes last: `__<milliseconds>_<milliseconds>_<128 bits>`; this one is of 2001
EARLY = "__1000000000000_1000000000000_"
ROWS, COLUMNS = 1 << 40, 1 << 21  # room for every census; columns as many as a key of a row tile has room for


def create_part(path: Path, zstd_level: int) -> None:
    """Create the empty array that a part of a layer is written into."""
    options = matrix_options(zstd_level)
    create_layer(path, (ROWS, COLUMNS), zstd_level)
    found = [file for file in (path / SCHEMAS).iterdir() if file.is_file()]
    if len(found) != 1:
        raise CatchmentError(
            f"{path}: found {len(found)} schemas, expected one; tiledbsoma is not of the pinned version"
        )
    found[0].rename(path / SCHEMAS / f"{EARLY}{digest_json([options, ROWS, COLUMNS])[:32]}")


def create_layer(path: Path, shape: tuple[int, int], zstd_level: int) -> None:
    """Create an empty sparse float32 array of its final shape."""
    options = matrix_options(zstd_level)
    array = tiledbsoma.SparseNDArray.create(
        str(path), type=pa.float32(), shape=shape, platform_config=options, context=context()
    )
    array.close()


def link_parts(parts: Iterable[Path], layer: Path) -> None:
    """Take the fragments of parts over into a layer, by links."""
    for part in parts:
        for folder in LINKED:
            for file in files_below(part / folder):
                target = layer / file.relative_to(part)
                if not target.exists():  # parts share their schema
                    link(file, target)


def join_parts(parts: Iterable[Path], joined: Path, spare: Path, shape: tuple[int, int], zstd_level: int) -> None:
    """Write the cells of many parts as one fragment, a row tile at a time; `spare` is a folder to work in."""
    create_layer(spare, shape, zstd_level)
    link_parts(parts, spare)
    create_part(joined, zstd_level)
    with tiledbsoma.SparseNDArray.open(str(spare), context=context()) as array, MatrixWriter(str(joined)) as writer:
        for first in range(0, shape[0], TILE):
            writer.write_tile(first, read_tile(array, first, min(first + TILE, shape[0])))


# --- digests -----------------------------------------------------------------------------------------------------


def tile_digest(tile: RowTile, first: int) -> str:
    """Return the digest of the cells that one dataset has in one row tile; `first` is the first of its rows there."""
    digest = hashlib.sha256(f"{first}\0{tile.keys.size}\0".encode())
    digest.update(tile.keys.data)
    digest.update(np.ascontiguousarray(tile.values).data)
    return digest.hexdigest()


def layer_digest(tiles: Iterable[str]) -> str:
    """Return the digest of a layer from those of its tiles, in order of their rows.

    It is the same however the layer was cut into parts, and whether they were written now or taken over.
    """
    digest = hashlib.sha256()
    for tile in tiles:
        digest.update(bytes.fromhex(tile))
    return digest.hexdigest()
