"""The census in the hands of its consumers: the field's clients open it as they open any census, holes and all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from tests import field_client

from .synthetic_census import Built, Made, build_census, gene_names, released

HUMAN = "NCBITaxon:9606"
GENES = 40


def made(number: int, cells: int) -> Made:
    draw = np.random.default_rng(number)
    counts = draw.poisson(draw.gamma(0.5, 4, GENES), (cells, GENES))
    counts[:, 0] += 1
    types = ["neuron" if cell % 3 else "hepatocyte" for cell in range(cells)]
    return Made(number, counts, list(range(1, GENES + 1)), obs={"cell_type": types})


WITHDRAWN, FIRST, SECOND = made(1, 7), made(2, 60), made(3, 50)


@pytest.fixture(scope="module")
def census(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A census of which the first dataset was withdrawn: its rows are a hole."""
    workdir = tmp_path_factory.mktemp("consumers") / "build"
    before = build_census(workdir, WITHDRAWN, FIRST, SECOND)
    return build_census(workdir, FIRST, SECOND, ledger=released(before), folder="second")


COUNTS = np.concatenate([FIRST.counts, SECOND.counts])
ROWS = np.arange(7, 117)
NEURONS = np.array([cell % 3 > 0 for one in (FIRST, SECOND) for cell in range(len(one.counts))])

ASK = """
import cellxgene_census, tiledbsoma
from cellxgene_census.experimental.pp import mean_variance
found = {}
with cellxgene_census.open_soma(uri=uri) as census:
    obs = cellxgene_census.get_obs(census, "Homo sapiens", value_filter="cell_type == 'neuron'",
                                   column_names=["soma_joinid", "dataset_id", "raw_sum"])
    found["obs"] = obs["soma_joinid"].tolist(), obs["raw_sum"].tolist(), sorted(set(obs["dataset_id"].astype(str)))
    var = cellxgene_census.get_var(census, "Homo sapiens", coords=[1, 3])
    found["var"] = var["feature_id"].tolist(), var["nnz"].tolist()
    presence = cellxgene_census.get_presence_matrix(census, "Homo sapiens")
    found["presence"] = presence.toarray().sum(axis=1).tolist()
    human = census["census_data"]["homo_sapiens"]
    neurons = tiledbsoma.AxisQuery(value_filter="cell_type == 'neuron'")
    with human.axis_query("RNA", obs_query=neurons) as query:
        table = query.X("raw").tables().concat()
        found["query"] = query.n_obs, query.n_vars, float(table["soma_data"].to_numpy().sum())
        statistics = mean_variance(query, layer="raw", axis=0, calculate_mean=True, calculate_variance=True)
        found["means"] = statistics["mean"].tolist(), statistics["variance"].tolist()
"""
HIGHLY_VARIABLE = """
import cellxgene_census
from cellxgene_census.experimental.pp import get_highly_variable_genes
with cellxgene_census.open_soma(uri=uri) as census:
    genes = get_highly_variable_genes(census, organism="Homo sapiens", n_top_genes=10, flavor="seurat_v3", span=0.9)
    found = genes[["means", "variances"]].to_numpy().T.tolist(), int(genes["highly_variable"].sum())
"""
LOADER = """
import numpy as np, tiledbsoma, tiledbsoma_ml
with tiledbsoma.Experiment.open(uri + "/census_data/homo_sapiens") as human:
    with human.axis_query("RNA", obs_query=tiledbsoma.AxisQuery(value_filter="cell_type == 'neuron'")) as query:
        data = tiledbsoma_ml.ExperimentDataset(query, layer_name="raw", obs_column_names=["soma_joinid"],
                                               batch_size=16, shuffle=True, seed=1)
        loader = tiledbsoma_ml.experiment_dataloader(data)
        batches = [(np.asarray(x), obs["soma_joinid"].tolist()) for x, obs in loader]
rows = [row for _, own in batches for row in own]
sums = {row: float(total) for x, own in batches for row, total in zip(own, np.atleast_2d(x).sum(axis=1))}
found = sorted(sums), [sums[row] for row in sorted(sums)], rows != sorted(rows)
"""


def python_with(*modules: str) -> str:
    """Return an interpreter that has some modules: heavy ones live in an environment of their own."""
    python = os.environ.get("CATCHMENT_CONSUMERS_PYTHON", sys.executable)
    text = "; ".join(f"import {name}" for name in modules)
    if subprocess.run([python, "-c", text], capture_output=True, timeout=240).returncode != 0:
        pytest.skip(f"{', '.join(modules)} not installed in {python}; name one in CATCHMENT_CONSUMERS_PYTHON")
    return python


def test_the_fields_client_reads_cells_genes_presence_and_statistics(census: Built) -> None:
    found = field_client.ask(ASK, census.soma)
    neurons = COUNTS[NEURONS]
    rows, sums, datasets = found["obs"]
    assert rows == ROWS[NEURONS].tolist()
    assert sums == neurons.sum(axis=1).tolist()
    assert datasets == [FIRST.dataset, SECOND.dataset]
    assert found["var"] == [gene_names(HUMAN, [2, 4]), (COUNTS > 0).sum(axis=0)[[1, 3]].tolist()]
    assert found["presence"] == [0, GENES, GENES]
    assert found["query"] == [len(neurons), GENES, neurons.sum()]
    means, variances = found["means"]
    assert np.allclose(means, neurons.mean(axis=0), rtol=1e-6)
    assert np.allclose(variances, neurons.var(axis=0, ddof=1), rtol=1e-5)


@pytest.mark.filterwarnings("ignore:Transforming to str index")
def test_the_fields_client_gets_anndata_across_a_hole(census: Built, tmp_path: Path) -> None:
    question = {"organism": "Homo sapiens", "obs_value_filter": f"dataset_id == '{SECOND.dataset}'"}
    found = field_client.get_anndata(census.soma, tmp_path, **question)
    assert found.obs["soma_joinid"].tolist() == ROWS[60:].tolist()
    assert np.array_equal(sp.csr_matrix(found.X).toarray(), SECOND.counts)


def test_highly_variable_genes_are_those_of_the_counts(census: Built) -> None:
    (means, variances), chosen = field_client.ask(HIGHLY_VARIABLE, census.soma)
    assert np.allclose(means, COUNTS.mean(axis=0), rtol=1e-6)
    assert np.allclose(variances, COUNTS.var(axis=0, ddof=1), rtol=1e-5)
    assert chosen == 10


@pytest.mark.long
def test_the_pytorch_loader_gives_every_cell_once(census: Built) -> None:
    rows, sums, shuffled = field_client.ask(LOADER, census.soma, python_with("torch", "tiledbsoma_ml"))
    assert rows == ROWS[NEURONS].tolist()
    assert sums == COUNTS[NEURONS].sum(axis=1).tolist()
    assert shuffled
