"""What the steps to come need for a matrix of this size, told from headers."""

from __future__ import annotations

from math import ceil

from pydantic import JsonValue

from catchment.schema.records import Description, Resources

TILE_ROWS = 2048
# measured: 50,000 cells of 1,930 values each (3.9 million values a tile) peak at 970 MB and take 45 s of CPU time
BASE_MB = 450
BYTES_PER_VALUE_OF_A_TILE = 170
BYTES_PER_CELL = 4_000
SECONDS_TO_START, SECONDS_PER_MILLION_VALUES = 20, 1.0


def estimate(description: Description) -> Resources:
    """Return memory, CPU time and row tiles of the conversion of an H5AD.

    A sparse array is written a row tile at a time, all its values in memory; dense layers go by in small blocks.
    """
    cells, genes = description.shape
    layers = description.facts.get("layers")
    parts = [description.facts, *(layers.values() if isinstance(layers, dict) else ())]
    sizes = [size_of(part, cells * genes) for part in parts]
    by_tile = [size for part, size in zip(parts[1:], sizes[1:], strict=True) if not is_dense(part)]
    tiles = max(1, ceil(cells / TILE_ROWS))
    in_a_tile = max([sizes[0], *by_tile]) / tiles
    return Resources(
        memory_mb=ceil(BASE_MB + (in_a_tile * BYTES_PER_VALUE_OF_A_TILE + cells * BYTES_PER_CELL) / 1e6),
        seconds=ceil(SECONDS_TO_START + sum(sizes) / 1e6 * SECONDS_PER_MILLION_VALUES),
        pieces=tiles,
    )


def size_of(part: JsonValue, otherwise: int) -> int:
    """Return the number of values that a part of the description says it stores."""
    nnz = part.get("nnz") if isinstance(part, dict) else None
    return nnz if isinstance(nnz, int) else otherwise


def is_dense(part: JsonValue) -> bool:
    """Tell whether a part of the description is a dense matrix."""
    return isinstance(part, dict) and part.get("encoding") == "dense"
