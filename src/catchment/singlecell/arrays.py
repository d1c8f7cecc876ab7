"""Matrices and embeddings of an H5AD as SOMA arrays: created empty, filled row block by row block, each block digested.

Sparse arrays are float32 and filled in whole row tiles, dense ones in whole tiles of rows too, so that a block has the
same bounds when it is written and when it is read back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tiledbsoma
import xxhash

from catchment import soma
from catchment.singlecell import rules
from catchment.singlecell.blocks import Block, blocks, read_indptr
from catchment.singlecell.layout import Matrix, Unfit
from catchment.singlecell.matrix import Sums, canonical, indptr_fault
from catchment.singlecell.rules import shown

DENSE_VALUES = 1 << 22  # written at a time
NO_BOUND = 1 << 62


# --- sparse ------------------------------------------------------------------------------------------------------


def write_sparse(
    file: h5py.File, matrix: Matrix, uri: str, width: int, columns: Any = None, sums: Sums | None = None
) -> list[str]:
    """Fill a sparse array from a matrix, in one pass, and return the digest of each row tile.

    `columns` gives the array's column for each of the matrix's, `width` the number of the array's; `sums` are added to.

    Raises
    ------
    Unfit
        Where the matrix contradicts itself.
    """
    if matrix.encoding == "csr":
        fault = indptr_fault(read_indptr(file, matrix), matrix.nnz)
        if fault is not None:
            raise Unfit(rules.SPARSE_BROKEN.broken(f"{shown(matrix.path)}/indptr", fault))
    digests = []
    with soma.MatrixWriter(uri) as writer:
        for block in tiles(file, matrix):
            clean = placed(block, matrix, columns)
            if sums is not None:
                sums.add(clean)
            digests.append(digest_of(clean))
            writer.write(clean.rows, clean.indices, clean.data.astype(np.float32))
    return digests


def tiles(file: h5py.File, matrix: Matrix) -> Iterator[Block]:
    """Yield a matrix by whole row tiles, each put together from blocks of bounded size where it is dense."""
    if matrix.encoding == "csr":
        yield from blocks(file, matrix, soma.TILE, NO_BOUND)
        return
    parts: list[Block] = []
    for block in blocks(file, matrix, soma.TILE):
        parts.append(block)
        if block.last % soma.TILE == 0 or block.last == matrix.shape[0]:
            yield joined(parts)
            parts = []


def joined(parts: list[Block]) -> Block:
    """Return blocks that follow each other as one."""
    if len(parts) == 1:
        return parts[0]
    counts = np.concatenate([np.diff(part.indptr) for part in parts])
    return Block(
        parts[0].first,
        parts[-1].last,
        np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        np.concatenate([part.indices for part in parts]),
        np.concatenate([part.data for part in parts]),
    )


def placed(block: Block, matrix: Matrix, columns: Any) -> Block:
    """Return a block in canonical form, at the columns of the array.

    Raises
    ------
    Unfit
        Where a column number is out of range, or a row has a column twice.
    """
    indices = block.indices
    if indices.size and (indices.min() < 0 or indices.max() >= matrix.shape[1]):
        found = f"column numbers {indices.min()} to {indices.max()} in rows {block.first} to {block.last - 1}"
        raise Unfit(rules.SPARSE_BROKEN.broken(shown(matrix.path), found))
    if columns is not None:
        block = Block(block.first, block.last, block.indptr, columns[indices], block.data)
    clean = canonical(block)
    if np.any((np.diff(clean.indices) == 0) & (np.diff(clean.rows) == 0)):
        found = f"a gene twice in a cell, rows {block.first} to {block.last - 1}"
        raise Unfit(rules.SPARSE_BROKEN.broken(shown(matrix.path), found))
    return clean


def digest_of(block: Block) -> str:
    """Return the digest of a canonical block as float32: equal where every value is in its place."""
    digest = xxhash.xxh3_128()
    for part in (block.indptr, block.indices.astype(np.int64), block.data.astype(np.float32)):
        digest.update(np.ascontiguousarray(part).view(np.uint8).data)
    return digest.hexdigest()


def read_sparse(array: tiledbsoma.SparseNDArray) -> Iterator[str]:
    """Yield the digest of each row tile of a sparse array as it reads back; a stored zero or duplicate changes it."""
    import scipy.sparse as sp

    rows, width = array.shape
    for first in range(0, rows, soma.TILE):
        last = min(first + soma.TILE, rows)
        table = array.read((slice(first, last - 1),)).tables().concat()
        row, column, data = (table[name].to_numpy() for name in ("soma_dim_0", "soma_dim_1", "soma_data"))
        order = sp.csr_matrix((np.arange(row.size), (row - first, column)), shape=(last - first, width))
        if order.nnz != row.size:
            yield "duplicates"
            continue
        order.sort_indices()
        yield digest_of(
            Block(first, last, order.indptr.astype(np.int64), order.indices.astype(np.int64), data[order.data])
        )


# --- dense -------------------------------------------------------------------------------------------------------


def dense_options(shape: tuple[int, ...], zstd_level: int) -> dict[str, Any]:
    """Return the array settings of a dense array: tiles of rows, whole or 2048 columns wide."""
    extents = (dense_tile(shape), min(shape[1], soma.TILE))
    dims = {f"soma_dim_{axis}": {"tile": extent, "filters": []} for axis, extent in enumerate(extents)}
    zstd = {"_type": "ZstdFilter", "level": zstd_level}
    attrs = {"soma_data": {"filters": ["ByteShuffleFilter", zstd]}}
    return {"tiledb": {"create": {"dims": dims, "attrs": attrs}}}


def dense_tile(shape: tuple[int, ...]) -> int:
    """Return the rows of a tile of a dense array."""
    return min(shape[0], 256 if shape[1] > 256 else soma.TILE)


def dense_blocks(shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Yield first and last row of blocks of whole tiles with a bounded number of values."""
    tile = dense_tile(shape)
    rows = tile * max(1, DENSE_VALUES // (tile * shape[1]))
    for first in range(0, shape[0], rows):
        yield first, min(first + rows, shape[0])


def kept_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type in which an embedding is kept: its own, half-precision as float32."""
    return np.dtype(np.float32) if dtype == np.float16 else dtype.newbyteorder("=")


def write_dense(item: h5py.Dataset, uri: str, dtype: Any, width: int, columns: Any = None) -> list[str]:
    """Fill a dense array from a dataset and return the digest of each block of rows (`columns`: see `write_sparse`)."""
    digests = []
    with tiledbsoma.DenseNDArray.open(uri, "w", context=soma.context()) as array:
        for first, last in dense_blocks((item.shape[0], width)):
            values = item[first:last].astype(dtype)
            if columns is not None:
                values, own = np.zeros((last - first, width), dtype), values
                values[:, columns] = own
            values = np.ascontiguousarray(values)
            array.write((slice(first, last - 1), slice(0, width - 1)), pa.Tensor.from_numpy(values))
            digests.append(digest_of_values(values))
    return digests


def digest_of_values(values: npt.NDArray[Any]) -> str:
    """Return the digest of a block of a dense array."""
    return xxhash.xxh3_128_hexdigest(np.ascontiguousarray(values).view(np.uint8).data)


def read_dense(array: tiledbsoma.DenseNDArray) -> Iterator[str]:
    """Yield the digest of each block of rows of a dense array as it reads back."""
    for first, last in dense_blocks(array.shape):
        tensor = array.read((slice(first, last - 1), slice(0, array.shape[1] - 1)))
        yield digest_of_values(tensor.to_numpy())
