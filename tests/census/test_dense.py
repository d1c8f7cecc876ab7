"""The dense form, asked what the validator of CZI's builder asks, by plain tiledbsoma, scipy and the file system.

The builder is on no package registry, so it cannot be run beside ours. Each test repeats one of the functions of its
`validate_soma`, over every value. What is of CZI's corpus alone is left out: an experiment for each of its five
organisms also where there are no cells, and its own version of the dataset schema.
"""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import tiledbsoma

from catchment.census.normalised import full_gene_assays
from catchment.config import CensusPlan

from .synthetic_census import CELL, HUMAN, MOUSE, Built, Made, build_census, gene_names, released

NAMES = {HUMAN: "homo_sapiens", MOUSE: "mus_musculus"}


def made(number: int, cells: int, genes: list[int], **more: Any) -> Made:
    counts = np.random.default_rng(number).poisson(1.5, (cells, len(genes)))
    counts[:, 0] += 1
    return Made(number, counts, genes, **more)


FULL_LENGTH = {"assay_ontology_term_id": ["EFO:0008931" if cell % 2 else "EFO:0009922" for cell in range(40)]}
GONE = made(1, 9, [1, 50, 60])
KEPT = [made(2, 30, [3, 9, 4, 7]), made(3, 40, [9, 8, 2, 3], obs=FULL_LENGTH), made(4, 5, [6, 5], organism=MOUSE)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A dense census after one with another dataset, at a place that is not the one it was written to."""
    workdir = tmp_path_factory.mktemp("dense") / "build"
    ledger = released(build_census(workdir, GONE, *KEPT))
    dense = build_census(workdir, *KEPT, ledger=ledger, choice=CensusPlan(dense_ids=True), folder="dense")
    moved = workdir.parent / "moved"
    shutil.move(dense.store, moved)
    return Built(dense.plan, dense.contributions, dense.census, moved, workdir)


@pytest.fixture(params=[HUMAN, MOUSE])
def part(built: Built, request: pytest.FixtureRequest) -> Part:
    """An organism's experiment, read whole."""
    return Part(built, request.param)


class Part:
    """One organism's experiment as data frames and matrices, and what it was made from."""

    def __init__(self, built: Built, organism: str) -> None:
        self.datasets = [one for one in KEPT if one.organism == organism]
        with tiledbsoma.open(str(built.soma)) as census:
            self.info = census["census_info"]["datasets"].read().concat().to_pandas()
            experiment = census["census_data"][NAMES[organism]]
            rna = experiment.ms["RNA"]
            self.obs = experiment.obs.read().concat().to_pandas()
            self.var = rna.var.read().concat().to_pandas()
            self.layers = {name: rna.X[name].read().tables().concat().to_pandas() for name in rna.X}
            self.shapes = {name: rna.X[name].shape for name in rna.X}
            self.presence = rna["feature_dataset_presence_matrix"].read().tables().concat().to_pandas()

    def matrix(self, layer: str) -> sp.csr_matrix:
        table = self.layers[layer]
        places = (table["soma_dim_0"], table["soma_dim_1"])
        return sp.coo_matrix((table["soma_data"].astype(np.float64), places), self.shapes[layer]).tocsr()

    def joinid(self, dataset: Made) -> int:
        return int(self.info.set_index("dataset_id").loc[dataset.dataset, "soma_joinid"])

    def columns(self, dataset: Made) -> list[int]:
        ids = self.var.set_index("feature_id")["soma_joinid"]
        return [int(ids[gene]) for gene in gene_names(dataset.organism, dataset.genes)]


def test_the_objects_and_their_metadata_are_there(built: Built) -> None:
    with tiledbsoma.open(str(built.soma)) as census:
        assert datetime.fromisoformat(census.metadata["created_on"])
        assert "git_commit_sha" in census.metadata
        datasets = census["census_info"]["datasets"].read().concat().to_pandas()
        assert {"summary", "summary_cell_counts", "organisms"} < set(census["census_info"])
        assert sorted(census["census_data"]) == sorted(NAMES.values())
    for name in ("collection_id", "collection_name", "dataset_title", "dataset_version_id", "dataset_id"):
        assert (datasets[name] != "").all()
    assert datasets["dataset_id"].is_unique
    assert datasets["dataset_version_id"].is_unique
    assert datasets["soma_joinid"].tolist() == list(range(len(KEPT)))


def test_axes_are_numbered_from_0_without_holes(part: Part) -> None:
    for frame in (part.obs, part.var):
        assert sorted(frame["soma_joinid"]) == list(range(len(frame)))
    assert set(part.obs["dataset_id"]) == {one.dataset for one in part.datasets}
    assert len(part.obs) == sum(len(one.counts) for one in part.datasets)
    assert set(part.var["feature_id"]) == {
        gene for one in part.datasets for gene in gene_names(one.organism, one.genes)
    }


def test_the_labels_of_each_dataset_are_its_own(part: Part) -> None:
    for one in part.datasets:
        own = part.obs[part.obs["dataset_id"] == one.dataset].sort_values("soma_joinid")
        for name, value in CELL.items():
            assert own[name].tolist() == list(one.obs.get(name, [value] * len(one.counts)))


def test_raw_equals_each_dataset_and_is_empty_outside_its_genes(part: Part) -> None:
    raw = part.matrix("raw").toarray()
    for one in part.datasets:
        rows = part.obs.loc[part.obs["dataset_id"] == one.dataset, "soma_joinid"].to_numpy()
        columns = part.columns(one)
        assert np.array_equal(raw[np.ix_(rows, columns)], one.counts)
        assert not np.delete(raw[rows], columns, axis=1).any()


def test_statistics_of_cells_are_those_of_their_counts(part: Part) -> None:
    obs = part.obs.set_index("soma_joinid").sort_index()
    statistics = obs[["raw_sum", "nnz", "raw_mean_nnz", "raw_variance_nnz", "n_measured_vars"]].astype(float)
    assert np.isfinite(statistics).all().all()
    assert (statistics >= 0).all().all()
    assert (obs["nnz"] > 0).all()
    stored = part.matrix("raw").toarray()
    for row, counts in enumerate(stored):
        own = counts[counts > 0]
        assert (obs["raw_sum"][row], obs["nnz"][row]) == (own.sum(), own.size)
        assert obs["raw_mean_nnz"][row] == pytest.approx(own.mean())
        assert obs["raw_variance_nnz"][row] == pytest.approx(own.var(ddof=1) if own.size > 1 else 0)


def test_no_layer_holds_a_place_twice_or_a_value_of_0(part: Part) -> None:
    assert set(part.layers) == {"raw", "normalized"}
    for table in part.layers.values():
        assert not table[["soma_dim_0", "soma_dim_1"]].duplicated().any()
        assert (table["soma_data"] > 0).all()
        assert table["soma_data"].dtype == np.float32


def test_normalised_values_are_recomputed(part: Part) -> None:
    obs = part.obs.sort_values("soma_joinid")
    raw, shares = part.matrix("raw").toarray(), part.matrix("normalized").toarray()
    assert np.array_equal(raw > 0, shares > 0)
    assert np.allclose(shares.sum(axis=1), 1, rtol=1e-6, atol=1e-4)
    lengths = part.var.sort_values("soma_joinid")["feature_length"].to_numpy()
    whole = obs["assay_ontology_term_id"].isin(full_gene_assays()).to_numpy()
    raw[whole] /= lengths
    assert np.allclose(shares, raw / raw.sum(axis=1, keepdims=True), rtol=2**-15, atol=0)


def test_presence_is_what_each_dataset_measured(part: Part) -> None:
    assert part.presence["soma_data"].all()
    assert not part.presence[["soma_dim_0", "soma_dim_1"]].duplicated().any()
    pairs = set(zip(part.presence["soma_dim_0"], part.presence["soma_dim_1"], strict=True))
    assert pairs == {(part.joinid(one), column) for one in part.datasets for column in part.columns(one)}


def test_counts_of_counts_agree(part: Part) -> None:
    nnz = {len(table) for table in part.layers.values()}
    assert nnz == {part.obs["nnz"].sum()} == {part.var["nnz"].sum()}
    assert set(part.shapes.values()) == {(len(part.obs), len(part.var))}
    measured = part.presence.groupby("soma_dim_0").size()
    cells = part.obs.groupby("dataset_id", observed=True).size()
    for one in part.datasets:
        own = part.obs.loc[part.obs["dataset_id"] == one.dataset, "n_measured_vars"]
        assert set(own) == {measured[part.joinid(one)]}
    by_joinid = pd.Series({part.joinid(one): cells[one.dataset] for one in part.datasets})
    expected = part.presence.assign(cells=part.presence["soma_dim_0"].map(by_joinid)).groupby("soma_dim_1")["cells"]
    assert part.var.set_index("soma_joinid")["n_measured_obs"].to_dict() == expected.sum().to_dict()


def test_every_array_is_one_fragment_and_none_has_a_bounding_box(built: Built) -> None:
    arrays = [folder.parent for folder in built.soma.rglob("__schema")]
    assert len(arrays) == 4 + 2 * 5
    for array in arrays:
        assert len(list((array / "__fragments").iterdir())) == 1, array
        assert len(list((array / "__commits").iterdir())) == 1, array
        with tiledbsoma.open(str(array)) as found:
            assert not [key for key in found.metadata if key.startswith("soma_dim_")]


def test_everything_lies_below_the_folder_of_the_census(built: Built) -> None:
    """It was moved before any of these tests read it: no member was addressed by where it was written."""
    assert not (Path(built.workdir) / "dense").exists()
    assert not [path for path in built.soma.rglob("*") if path.is_symlink()]
