"""What the steps to come need for a matrix of this size, told from headers."""

from __future__ import annotations

from math import ceil

from pydantic import JsonValue

from catchment.config import SinglecellConvert
from catchment.schema.records import Description, Resources

TILE_ROWS = 2048
# measured: 100,000 cells of 2,670 values each (5.5 million values a tile) peak at 826 MB and take 51 s of CPU time,
# 20,000 of them at 730 MB, and at 491 MB in tiles of 512 rows (1.4 million values)
BASE_MB = 500
BYTES_PER_VALUE_OF_A_TILE = 56
BYTES_PER_CELL = 1_000
SECONDS_TO_START, SECONDS_PER_MILLION_VALUES = 20, 0.3


def estimate(description: Description) -> Resources:
    """Return memory, CPU time and row tiles of the conversion of an H5AD.

    A sparse array is written a row tile at a time, all its values in memory; dense layers go by in small blocks. A tile
    that holds more than a conversion has room for at its usual setting is divided.
    """
    cells, genes = description.shape
    layers = description.facts.get("layers")
    parts = [description.facts, *(layers.values() if isinstance(layers, dict) else ())]
    sizes = [size_of(part, cells * genes) for part in parts]
    by_tile = [size for part, size in zip(parts[1:], sizes[1:], strict=True) if not is_dense(part)]
    tiles = max(1, ceil(cells / TILE_ROWS))
    in_a_tile = max([sizes[0], *by_tile]) / tiles
    return Resources(
        memory_mb=ceil(memory_mb_of(min(in_a_tile, VALUES_OF_A_TILE)) + cells * BYTES_PER_CELL / 1e6),
        seconds=ceil(SECONDS_TO_START + sum(sizes) / 1e6 * SECONDS_PER_MILLION_VALUES),
        pieces=tiles,
    )


def memory_mb_of(values: float) -> float:
    """Return what a conversion takes where a tile holds so many values."""
    return BASE_MB + values * BYTES_PER_VALUE_OF_A_TILE / 1e6


def values_within(memory_mb: int) -> int:
    """Return how many values a tile may hold so that a conversion keeps to so much memory."""
    return int((memory_mb - BASE_MB) * 1e6 / BYTES_PER_VALUE_OF_A_TILE)


VALUES_OF_A_TILE = values_within(SinglecellConvert().memory_mb)


def size_of(part: JsonValue, otherwise: int) -> int:
    """Return the number of values that a part of the description says it stores."""
    nnz = part.get("nnz") if isinstance(part, dict) else None
    return nnz if isinstance(nnz, int) else otherwise


def is_dense(part: JsonValue) -> bool:
    """Tell whether a part of the description is a dense matrix."""
    return isinstance(part, dict) and part.get("encoding") == "dense"
