"""How large the pieces of a dataset are: by the memory given and the counts that it stores, never by its bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from catchment.census.pieces import PIECE_ROWS, rows_of_a_piece, tile_counts
from catchment.census.plan import plan
from catchment.config import CensusAssemble
from catchment.soma import TILE

from .build_child import STORE, write_work
from .synthetic_census import Made, write_datasets

ROOT = Path(__file__).parents[2]
CELLS, GENES = TILE, 2_500


def test_more_memory_is_more_counts_up_to_what_one_worker_has() -> None:
    counts = {memory_mb: tile_counts(CensusAssemble(memory_mb=memory_mb)) for memory_mb in (600, 800, 1_000, 64_000)}
    assert counts == {600: 1_489_361, 800: 5_744_680, 1_000: 10_000_000, 64_000: 10_000_000}


@pytest.mark.parametrize(
    ("counts_a_cell", "most", "rows"),
    [
        (1_000, 10_000_000, PIECE_ROWS),
        (4_882, 10_000_000, PIECE_ROWS),
        (4_883, 10_000_000, TILE // 2),  # a row tile has more than the most
        (1_000, 1_489_361, TILE // 2),
        (30_000, 1_489_361, 64),
        (60_000, 1_489_361, 64),  # never fewer
    ],
)
def test_a_piece_has_as_many_rows_as_its_counts_allow(counts_a_cell: int, most: int, rows: int) -> None:
    assert rows_of_a_piece(counts_a_cell * 5_000, 5_000, most) == rows


def test_a_dataset_without_cells_or_counts_is_one_piece() -> None:
    assert rows_of_a_piece(0, 0, 1) == rows_of_a_piece(0, 9, 1) == PIECE_ROWS


@pytest.mark.slow
def test_a_worker_stays_below_the_memory_it_is_given(tmp_path: Path) -> None:
    # every place counts: five million in one row tile
    made = Made(1, np.ones((CELLS, GENES), np.float32) + np.arange(GENES) % 7, list(range(GENES)))
    records = write_datasets(tmp_path, made)
    write_work(tmp_path, plan(records, []), {record.dataset.dataset: record for record in records})
    command = [sys.executable, "-m", "tests.census.build_child", str(tmp_path), '{"memory_mb": 600}']
    environment = {**os.environ, "CATCHMENT_THREADS": "2"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) <= 600
    pieces = pq.read_table(tmp_path / STORE / "pieces.parquet")
    assert pieces["rows"].to_pylist() == [512] * 4
    assert pieces["counts"].to_pylist() == [512 * GENES] * 4
