"""A loom becomes an H5AD with every count, whatever the blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pytest

from catchment.config import SinglecellAdmit
from catchment.schema.records import Description, Preparation, Unreadable
from catchment.singlecell import MODALITY, loom
from catchment.storage import Place

from .conftest import COUNTS, GENES, SYMBOLS, Kitchen

CELLS = ["c0", "c1", "c2", "c3"]


def write_loom(path: Path, **parts: Any) -> Path:
    """Write the tiny counts as loompy does; `parts` replace what it would write."""
    own = {
        "matrix": COUNTS.T,
        "col_attrs/CellID": np.array(CELLS, "S"),
        "col_attrs/patient": np.array(["P1", "P1", "P2", "P2"], "S"),
        "col_attrs/embedding": np.zeros((4, 2)),
        "row_attrs/Gene": np.array(SYMBOLS, "S"),
        "row_attrs/Accession": np.array(GENES, "S"),
        **parts,
    }
    with h5py.File(path, "w") as file:
        for name, values in own.items():
            if values is not None:
                file[name] = values
        file.require_group("layers")["spliced"] = COUNTS.T
    return path


def prepare(kitchen: Kitchen, path: Path) -> Preparation | Unreadable:
    place = Place(str(kitchen.folder / "out"))
    place.path.mkdir()
    return MODALITY.prepare(kitchen.asset(path), place, SinglecellAdmit())


@pytest.mark.parametrize("block_values", [1, 12, 1000])
def test_a_loom_becomes_an_h5ad_with_every_count(
    kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch, block_values: int
) -> None:
    monkeypatch.setattr(loom, "BLOCK_VALUES", block_values)
    path = write_loom(kitchen.folder / "cells.loom")
    described = MODALITY.describe(kitchen.asset(path))
    assert isinstance(described, Description)
    assert (described.format, described.shape) == ("loom", (4, 5))
    outcome = prepare(kitchen, path)
    assert isinstance(outcome, Preparation)
    adata = anndata.read_h5ad(outcome.asset.files[0].path)
    assert np.array_equal(adata.X.toarray(), COUNTS)
    assert (adata.obs_names.tolist(), adata.var_names.tolist()) == (CELLS, GENES)
    assert adata.obs["patient"].tolist() == ["P1", "P1", "P2", "P2"]
    assert adata.var["Gene"].tolist() == SYMBOLS
    assert [(finding.code, finding.found) for finding in outcome.findings] == [("AD-017", "'spliced'")]


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"col_attrs/CellID": None}, "AD-009"),
        ({"col_attrs/CellID": np.array(["c0"], "S")}, "AD-002"),
        ({"matrix": np.zeros(3)}, "AD-010"),
    ],
)
def test_a_loom_that_contradicts_itself_is_told(kitchen: Kitchen, parts: dict[str, Any], code: str) -> None:
    outcome = prepare(kitchen, write_loom(kitchen.folder / "cells.loom", **parts))
    assert [finding.code for finding in outcome.findings] == [code]
