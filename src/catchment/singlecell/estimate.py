"""What the steps to come need for a matrix of this size, told from headers."""

from __future__ import annotations

from math import ceil

from pydantic import JsonValue

from catchment.schema.records import Description, Resources

TILE_ROWS = 2048
# measured on synthetic 10x-like data (1,880 values a cell): see the module's benchmark
BASE_MB = 500
BYTES_PER_VALUE_OF_A_TILE = 170
BYTES_PER_CELL = 4_000
SECONDS_PER_MILLION_VALUES = 1.0


def estimate(description: Description) -> Resources:
    """Return memory, CPU time and row tiles of the conversion of an H5AD."""
    cells, genes = description.shape
    layers = description.facts.get("layers")
    parts = [description.facts, *(layers.values() if isinstance(layers, dict) else ())]
    values = [size_of(part, cells * genes) for part in parts]
    tiles = max(1, ceil(cells / TILE_ROWS))
    in_a_tile = max(values) / tiles
    memory = BASE_MB + (in_a_tile * BYTES_PER_VALUE_OF_A_TILE + cells * BYTES_PER_CELL) / 1e6
    return Resources(
        memory_mb=ceil(memory),
        seconds=ceil(20 + sum(values) / 1e6 * SECONDS_PER_MILLION_VALUES),
        pieces=tiles,
    )


def size_of(part: JsonValue, otherwise: int) -> int:
    """Return the number of values that a part of the description says it stores."""
    nnz = part.get("nnz") if isinstance(part, dict) else None
    return nnz if isinstance(nnz, int) else otherwise
