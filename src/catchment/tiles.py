"""Cells of a matrix in TileDB's global order (row tile, column tile, row, column): keys, sorting, row tiles. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

TILE_BITS = 11
TILE = 1 << TILE_BITS
BATCH_CELLS = 1 << 20
PIECE_CELLS = 1 << 17  # worked on at a time: fits a processor's cache

Int64 = npt.NDArray[np.int64]
UInt32 = npt.NDArray[np.uint32]
Float32 = npt.NDArray[np.float32]
Cells = tuple[Int64, Int64, Any]


def rising_order(keys: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Return the stable permutation that sorts keys of 0 or more: a radix sort by 16 bits, least significant first.

    On 4 million cells of a row tile three times faster than `lexsort`, twice as fast as sorting 64-bit words.
    """
    order = np.argsort(keys.astype(np.uint16), kind="stable")
    for shift in range(16, int(keys.max(initial=0)).bit_length(), 16):
        order = order[np.argsort((keys[order] >> shift).astype(np.uint16), kind="stable")]
    return order


def is_rising(keys: npt.NDArray[Any]) -> bool:
    """Tell whether each key is higher than the one before it."""
    return bool(np.all(keys[1:] > keys[:-1]))


def global_keys(rows: Int64, columns: Int64, width: int) -> Int64:
    """Return numbers that rise in TileDB's global order (row tile, column tile, row, column) of a matrix so wide."""
    across = ((width - 1) >> TILE_BITS) + 1
    tiles = (rows >> TILE_BITS) * across + (columns >> TILE_BITS)
    return (((tiles << TILE_BITS) + (rows & (TILE - 1))) << TILE_BITS) + (columns & (TILE - 1))


def global_order(keys: Int64, rows: Int64, columns: Int64, width: int) -> npt.NDArray[np.intp] | None:
    """Return the permutation that brings cells into the order of their global keys; None where they have it already.

    Cells that arrive row by row with rising columns need only a stable sort by tile.
    """
    if is_rising(keys):
        return None
    lowest = keys.min()
    if is_rising(rows * width + columns):
        return rising_order((keys >> 2 * TILE_BITS) - (lowest >> 2 * TILE_BITS))
    return rising_order(keys - lowest)


@dataclass(frozen=True)
class RowTile:
    """Cells of one row tile of a matrix, in global order, eight bytes each.

    `keys`: column tile, row within the row tile, column within the column tile (10, 11 and 11 bits).
    """

    keys: UInt32
    values: npt.NDArray[Any]

    def batches(self) -> Iterator[Cells]:
        """Yield rows (within the tile), columns and values, a bounded number of cells at a time."""
        for first in range(0, self.keys.size, BATCH_CELLS):
            keys = self.keys[first : first + BATCH_CELLS]
            rows, columns = np.empty(keys.size, np.int64), np.empty(keys.size, np.int64)
            for piece in pieces(keys.size):
                own = keys[piece]
                rows[piece] = (own >> TILE_BITS) & (TILE - 1)
                columns[piece] = (own >> 2 * TILE_BITS << TILE_BITS) | (own & (TILE - 1))
            yield rows, columns, self.values[first : first + BATCH_CELLS]


def pieces(cells: int) -> Iterator[slice]:
    """Yield slices of cells that a processor's cache holds: a chain of operations on one costs half as much."""
    for first in range(0, cells, PIECE_CELLS):
        yield slice(first, min(first + PIECE_CELLS, cells))


LEFT_OUT = np.uint32((1 << 32) - 1)


def column_keys(columns: Int64) -> UInt32:
    """Return what a column adds to a key of a `RowTile`; `LEFT_OUT` for a column below 0.

    Raises
    ------
    ValueError
        For a matrix of two million columns or more: its keys need more than 32 bits.
    """
    if columns.max(initial=0) >> TILE_BITS >= (1 << 32 - 2 * TILE_BITS) - 1:
        raise ValueError(f"column {columns.max()}: a key has room for {(1 << 32 - TILE_BITS) - TILE} columns")
    keys = ((columns >> TILE_BITS) << 2 * TILE_BITS) + (columns & (TILE - 1))
    return np.where(columns < 0, int(LEFT_OUT), keys).astype(np.uint32)


def row_tile(parts: Iterable[Cells], keys_of: UInt32, first_row: int = 0, zeros: bool = True) -> RowTile:
    """Return cells of one row tile in global order, without those whose column is left out.

    Parameters
    ----------
    parts
        rows, columns and values, as they were read.
    keys_of
        `column_keys` of the place of each column.
    first_row
        what is added to every row.
    zeros
        whether a stored 0 is kept.
    """
    kept_keys: list[UInt32] = []
    kept_values: list[npt.NDArray[Any]] = []
    for rows, columns, values in parts:
        for piece in pieces(rows.size):
            keys = keys_of[columns[piece]]
            kept = keys != LEFT_OUT
            if not zeros:
                kept &= values[piece] != 0
            keys |= (((rows[piece] + first_row) & (TILE - 1)) << TILE_BITS).astype(np.uint32)
            everything = bool(kept.all())
            kept_keys.append(keys if everything else keys[kept])
            kept_values.append(values[piece] if everything else values[piece][kept])
    return joined_tile(kept_keys, kept_values)


def joined_tile(keys: list[UInt32], values: list[npt.NDArray[Any]]) -> RowTile:
    """Return parts of a row tile as one in global order; empties the lists, so that memory holds the cells once."""
    if not keys:
        return RowTile(np.empty(0, np.uint32), np.empty(0, np.float32))
    tile = RowTile(np.concatenate(keys), np.concatenate(values))
    keys.clear()
    values.clear()
    return tile if is_rising(tile.keys) else in_key_order(tile.keys, tile.values)


def csr_tile(row_starts: Int64, columns: npt.NDArray[Any], values: npt.NDArray[Any]) -> RowTile:
    """Return the cells of up to 2048 rows in global order, from CSR whose columns rise within each row.

    A counting sort by column tile, stable, so rows and columns stay in order within each: three times faster than a
    radix sort. A key and a value of 32 bits move as one word.
    """
    from scipy.sparse import csr_matrix

    cells = columns.size
    tiles, keys = np.empty(cells, np.int32), np.empty(cells, np.uint32)
    starts = np.repeat(np.arange(row_starts.size - 1, dtype=np.uint32) << np.uint32(TILE_BITS), np.diff(row_starts))
    for piece in pieces(cells):
        own = columns[piece].astype(np.uint32, copy=False)
        np.right_shift(own, TILE_BITS, out=tiles[piece], casting="unsafe")
        keys[piece] = (own & (TILE - 1)) | starts[piece]
    del starts
    shape, ends = (1, int(tiles.max(initial=0)) + 1), np.array([0, cells])
    if values.itemsize == keys.itemsize:
        words = as_words(keys, values)
        ordered = csr_matrix((words, tiles, ends), shape=shape, copy=False).tocsc()
        del words
        keys, values = from_words(ordered.data, values.dtype)
    else:
        ordered = csr_matrix((np.arange(cells), tiles, ends), shape=shape, copy=False).tocsc()
        keys, values = keys[ordered.data], values[ordered.data]
    for tile, (first, end) in enumerate(zip(ordered.indptr[:-1], ordered.indptr[1:], strict=True)):
        keys[first:end] |= np.uint32(tile << 2 * TILE_BITS)
    return RowTile(keys, values)


def as_words(keys: UInt32, values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return each key (high) and its value of 32 bits (low) as one word."""
    words = np.empty(keys.size, np.int64)
    for piece in pieces(keys.size):
        words[piece] = keys[piece].astype(np.int64) << 32 | values[piece].view(np.uint32)
    return words


def from_words(words: npt.NDArray[np.int64], dtype: np.dtype[Any]) -> tuple[UInt32, npt.NDArray[Any]]:
    """Return the keys and values that `as_words` put together."""
    keys, values = np.empty(words.size, np.uint32), np.empty(words.size, np.uint32)
    for piece in pieces(words.size):
        keys[piece] = words[piece] >> 32
        values[piece] = words[piece].astype(np.uint32)
    return keys, values.view(dtype)


def in_key_order(keys: UInt32, values: npt.NDArray[Any]) -> RowTile:
    """Return cells sorted by key.

    Where a value has 32 bits too, key and value are sorted as one word: as fast as a radix sort, a third of its memory.
    """
    if values.itemsize != keys.itemsize:
        order = np.argsort(keys, kind="stable")
        return RowTile(keys[order], values[order])
    words = as_words(keys, values).view(np.uint64)
    words.sort()
    return RowTile(*from_words(words.view(np.int64), values.dtype))
