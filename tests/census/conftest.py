"""Fixtures of the census's tests: a function that builds a census, and three datasets to build it from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catchment.census.assemble import assemble
from catchment.census.plan import plan
from catchment.config import CensusSettings
from catchment.schema.records import Normalised
from catchment.soma import logical_digest

from .synthetic_census import MOUSE, Built, Made, record, write_soma

Build = Callable[..., Built]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Return a function that writes datasets, plans and assembles a census of them and of records without a matrix."""

    def run(*datasets: Made, others: Sequence[Normalised] = (), name: str = "one", **settings: Any) -> Built:
        workdir = tmp_path / name
        workdir.mkdir()
        records = list(others)
        for made in datasets:
            blank = record(made.number, organisms=(made.organism,), cells=made.counts.shape[0])
            path = workdir / blank.dataset.store / "counts.soma"
            write_soma(made, path)
            product = blank.dataset.product.model_copy(update={"logical_digest": logical_digest(str(path))})
            dataset = blank.dataset.model_copy(update={"product": product})
            records.append(blank.model_copy(update={"dataset": dataset}))
        planned = plan(records, [])
        contributions = {one.dataset.dataset: one for one in records}
        scratch = workdir / "scratch"
        scratch.mkdir()
        census = assemble(planned, contributions, workdir, scratch, CensusSettings(**settings))
        store = scratch.rename(workdir / "census")
        return Built(planned, contributions, census, store, workdir)

    return run


@pytest.fixture
def three() -> tuple[Made, ...]:
    """Return three datasets of two organisms with overlapping genes in unlike orders."""
    counts = np.random.default_rng(7)
    types = {"cell_type": ["hepatocyte", "neuron", "hepatocyte"], "is_primary_data": [True, False, True]}
    types["cell_type_ontology_term_id"] = ["CL:0000182", "CL:0000540", "CL:0000182"]
    return (
        Made(1, counts.integers(0, 4, (3, 5)) + np.eye(3, 5, dtype=int), [5, 3, 1, 4, 2], obs=types),
        Made(2, counts.integers(0, 9, (4, 3)) + 1, [7, 2, 6], obs={"donor_id": ["a", "b", "a", "ä ö"]}),
        Made(3, counts.integers(0, 3, (2, 4)) + np.eye(2, 4, dtype=int), [4, 3, 2, 1], organism=MOUSE),
    )
