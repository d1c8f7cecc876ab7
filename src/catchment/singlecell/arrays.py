"""Matrices and embeddings of an H5AD as SOMA arrays: filled row block by row block, each block digested.

A block has the same bounds when it is written and when it is read back.
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
from catchment.singlecell.blocks import Block, Rows, one_ahead, read_indptr
from catchment.singlecell.layout import Matrix, Unfit
from catchment.singlecell.matrix import canonical, indptr_fault
from catchment.singlecell.quality import Quality
from catchment.singlecell.rules import shown

DenseBlock = npt.NDArray[Any]


def kept_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type in which numbers are kept: their own, but half precision as float32, above 64 bits as float64."""
    if dtype.kind == "f" and dtype.itemsize not in (4, 8):
        return np.dtype(np.float32) if dtype.itemsize < 4 else np.dtype(np.float64)
    return dtype.newbyteorder("=")


# --- sparse ------------------------------------------------------------------------------------------------------


def rows_of(file: h5py.File, matrix: Matrix) -> Rows:
    """Return the rows of a matrix that can be read by rows.

    Raises
    ------
    Unfit
        Where the matrix contradicts itself.
    """
    if matrix.encoding != "dense":
        fault = indptr_fault(read_indptr(file, matrix), matrix.nnz)
        if fault is not None:
            raise Unfit(rules.SPARSE_BROKEN.broken(f"{shown(matrix.path)}/indptr", fault))
    return Rows(file, matrix)


def tile_rows(rows: Rows, most_values: int) -> int:
    """Return how many rows a tile of the array has: 2048, or fewer (a power of 2) where they hold too many values."""
    height = soma.TILE
    while height > 1 and rows.values_in(height) > most_values:
        height //= 2
    return height


def write_sparse(
    rows: Rows,
    uri: str,
    height: int,
    dtype: np.dtype[Any],
    columns: Any = None,
    quality: Quality | None = None,
    zeros: bool = False,
) -> dict[int, str]:
    """Fill a sparse array from a matrix, in one pass, and return the digest of each row tile by its first row.

    Parameters
    ----------
    height
        rows of a tile of the array.
    dtype
        the array's type.
    columns
        the array's column of each of the matrix's; None where they are the same.
    quality
        what is told every block.
    zeros
        whether a stored 0 is kept.

    Raises
    ------
    Unfit
        Where the matrix contradicts itself.
    """
    digests = {}
    with soma.MatrixWriter(uri) as writer:
        for block in one_ahead(clean_blocks(rows, height, columns, quality, zeros)):
            tile = soma.csr_tile(block.indptr, block.indices, block.data.astype(dtype, copy=False))
            digests[block.first] = digest_of_tile(tile)
            writer.write_tile(block.first, tile)
    return digests


def clean_blocks(
    rows: Rows, height: int, columns: Any = None, quality: Quality | None = None, zeros: bool = False
) -> Iterator[Block]:
    """Yield a matrix by whole row tiles, in canonical form, after `quality` has seen them."""
    count = rows.matrix.shape[0]
    for first in range(0, count, height):
        block = placed(rows.block(first, min(first + height, count)), rows.matrix, columns, zeros)
        if quality is not None:
            quality.add(block)
        yield block


def placed(block: Block, matrix: Matrix, columns: Any, zeros: bool = False) -> Block:
    """Return a block in canonical form, at the columns of the array.

    Raises
    ------
    Unfit
        Where a column number is out of range, or a row has a column twice.
    """
    rising = is_rising(block)
    ends = outermost(block) if rising else block.indices
    if ends.size and (ends.min() < 0 or ends.max() >= matrix.shape[1]):
        found = f"column numbers {ends.min()} to {ends.max()} in rows {block.first} to {block.last - 1}"
        raise Unfit(rules.SPARSE_BROKEN.broken(shown(matrix.path), found))
    if columns is not None:
        block = Block(block.first, block.last, block.indptr, columns[block.indices], block.data)
        rising = is_rising(block)
    if rising and (zeros or np.count_nonzero(block.data) == block.data.size):
        return block
    wide = Block(block.first, block.last, block.indptr, block.indices.astype(np.int64), block.data)
    clean = canonical(wide, zeros)
    if np.any((np.diff(clean.indices) == 0) & (np.diff(clean.rows) == 0)):
        found = f"a gene twice in a cell, rows {block.first} to {block.last - 1}"
        raise Unfit(rules.SPARSE_BROKEN.broken(shown(matrix.path), found))
    return clean


def is_rising(block: Block) -> bool:
    """Tell whether columns rise within every row."""
    falls = block.indices[1:] <= block.indices[:-1]
    between_rows = np.unique(block.indptr[1:-1])
    between_rows = between_rows[(between_rows > 0) & (between_rows < block.indices.size)] - 1
    return int(np.count_nonzero(falls)) == int(np.count_nonzero(falls[between_rows]))


def outermost(block: Block) -> npt.NDArray[Any]:
    """Return the first and the last column of each row that has any: the lowest and the highest, where columns rise."""
    starts, ends = block.indptr[:-1], block.indptr[1:]
    filled = ends > starts
    columns: npt.NDArray[Any] = block.indices[np.concatenate((starts[filled], ends[filled] - 1))]
    return columns


def digest_of_tile(tile: soma.RowTile) -> str:
    """Return the digest of a row tile: equal where every value is in its place."""
    digest = xxhash.xxh3_128()
    for part in (tile.keys, tile.values):
        digest.update(np.ascontiguousarray(part).view(np.uint8).data)
    return digest.hexdigest()


# --- dense -------------------------------------------------------------------------------------------------------


def write_dense(item: h5py.Dataset, uri: str, shape: tuple[int, ...], columns: Any = None) -> dict[int, str]:
    """Fill a dense array from a dataset and return the digest of each block of rows (`columns`: see `write_sparse`)."""
    digests = {}
    dtype = kept_type(item.dtype)
    rest = tuple(slice(0, size - 1) for size in shape[1:])
    with tiledbsoma.DenseNDArray.open(uri, "w", context=soma.context()) as array:
        for first, last in soma.dense_blocks(shape):
            values = item[first:last].astype(dtype)
            if columns is not None:
                values, own = np.zeros((last - first, *shape[1:]), dtype), values
                values[:, columns] = own
            values = np.ascontiguousarray(values)
            array.write((slice(first, last - 1), *rest), pa.Tensor.from_numpy(values))
            digests[first] = digest_of_values(values)
    return digests


def digest_of_values(values: DenseBlock) -> str:
    """Return the digest of a block of a dense array."""
    return xxhash.xxh3_128_hexdigest(np.ascontiguousarray(values).view(np.uint8).data)
