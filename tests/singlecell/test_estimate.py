"""What a conversion needs, from headers alone."""

from __future__ import annotations

from typing import Any

import pytest

from catchment.config import SinglecellConvert
from catchment.schema.records import Description
from catchment.singlecell.estimate import estimate, memory_mb_of, values_within


def described(cells: int, genes: int, **facts: Any) -> Description:
    return Description(
        format="h5ad",
        reader="h5py",
        reader_version="3",
        axes=("obs", "var"),
        shape=(cells, genes),
        dtype="float32",
        facts=facts,
    )


def test_memory_is_above_what_was_measured_and_not_far() -> None:
    needs = estimate(described(100_000, 33_000, nnz=266_935_313))
    assert 826 < needs.memory_mb < 1_000
    assert 51 < needs.seconds < 200
    assert needs.pieces == 49
    few = estimate(described(20_000, 33_000, nnz=53_189_612))
    assert 730 < few.memory_mb < 900


def test_tiles_that_hold_too_much_are_divided() -> None:
    dense = estimate(described(100_000, 60_000, encoding="dense", nnz=6_000_000_000))
    assert dense.memory_mb <= SinglecellConvert().memory_mb + 100
    assert memory_mb_of(values_within(700)) == pytest.approx(700, rel=1e-6)


def test_memory_follows_the_values_of_a_tile_not_the_cells() -> None:
    small, large = (
        estimate(described(10_000, 30_000, nnz=20_000_000)),
        estimate(described(100_000, 30_000, nnz=200_000_000)),
    )
    assert large.memory_mb < 1.5 * small.memory_mb


def test_a_dense_layer_costs_time_not_memory() -> None:
    plain = estimate(described(10_000, 30_000, nnz=20_000_000))
    layered = estimate(
        described(10_000, 30_000, nnz=20_000_000, layers={"data": {"encoding": "dense", "nnz": 300_000_000}})
    )
    assert layered.memory_mb == plain.memory_mb
    assert layered.seconds > plain.seconds
