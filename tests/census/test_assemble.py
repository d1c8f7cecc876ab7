"""An assembled census, read by the field's client and by plain tiledbsoma, against the dense counts it came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cellxgene_census
import numpy as np
import pyarrow.parquet as pq
import pytest
import tiledbsoma

from catchment.census.assemble import assemble
from catchment.census.verify import verify
from catchment.config import CensusAssemble
from catchment.errors import BadInput
from catchment.soma import TILE, context
from tests import field_client

from .conftest import Build
from .synthetic_census import HUMAN, MOUSE, Built, Made, gene_names, record, three_datasets

ANNDATA_NAMES_ROWS = pytest.mark.filterwarnings("ignore:Transforming to str index")


def dense(built: Built, organism: str, layer: str = "raw") -> Any:
    """A layer as a dense matrix, by tiledbsoma's own reader."""
    with tiledbsoma.open(str(built.soma)) as census:
        array = census["census_data"][organism].ms["RNA"].X[layer]
        cells = array.read().tables().concat()
        found = np.zeros(array.shape)
        np.add.at(
            found, (cells["soma_dim_0"].to_numpy(), cells["soma_dim_1"].to_numpy()), cells["soma_data"].to_numpy()
        )
        return found


def expected_counts(datasets: list[Made]) -> Any:
    """The counts of datasets below each other, genes in order of their numbers."""
    numbers = sorted({number for made in datasets for number in made.genes})
    counts = np.zeros((sum(made.counts.shape[0] for made in datasets), len(numbers)))
    row = 0
    for made in datasets:
        for column, number in enumerate(made.genes):
            counts[row : row + made.counts.shape[0], numbers.index(number)] = made.counts[:, column]
        row += made.counts.shape[0]
    return counts


def frame(built: Built, path: str) -> Any:
    with tiledbsoma.open(f"{built.soma}/{path}") as found:
        return found.read().concat().to_pandas()


# --- the client --------------------------------------------------------------------------------------------------


@ANNDATA_NAMES_ROWS
def test_the_fields_client_gets_the_counts_of_the_cells_it_asks_for(built: Built, tmp_path: Path) -> None:
    human = [made for made in three_datasets() if made.organism == HUMAN]
    question = {"organism": "Homo sapiens", "obs_value_filter": "cell_type == 'hepatocyte'"}
    found = field_client.get_anndata(built.soma, tmp_path, **question)
    with cellxgene_census.open_soma(uri=str(built.soma), context=context()) as census:
        version = census["census_info"]["summary"].read().concat().to_pandas()
    kept = [0, 2, 3, 4, 5, 6]  # the second cell is a neuron
    assert found.obs["soma_joinid"].tolist() == kept
    assert found.var["feature_id"].tolist() == gene_names(HUMAN, range(1, 8))
    assert np.array_equal(found.X.toarray(), expected_counts(human)[kept])
    assert dict(zip(version["label"], version["value"], strict=True))["census_schema_version"] == "2.4.0"


@ANNDATA_NAMES_ROWS
def test_the_client_gets_genes_of_another_organism_and_a_layer(built: Built, tmp_path: Path) -> None:
    genes = "feature_name in ['gene 1', 'gene 4']"
    question = {"organism": "Mus musculus", "X_name": "normalized", "var_value_filter": genes}
    found = field_client.get_anndata(built.soma, tmp_path, **question)
    with cellxgene_census.open_soma(uri=str(built.soma), context=context()) as census:
        presence = cellxgene_census.get_presence_matrix(census, "Homo sapiens").toarray()
    counts = expected_counts([made for made in three_datasets() if made.organism == MOUSE])
    shares = (counts / counts.sum(axis=1, keepdims=True))[:, [0, 3]]
    assert np.allclose(found.X.toarray(), shares, rtol=2**-15, atol=0)
    assert presence.astype(int).tolist() == [[1, 1, 1, 1, 1, 0, 0], [0, 1, 0, 0, 0, 1, 1], [0] * 7]


# --- cells and genes ---------------------------------------------------------------------------------------------


def test_counts_are_those_of_the_datasets_without_stored_zeros(built: Built) -> None:
    for organism, name in ((HUMAN, "homo_sapiens"), (MOUSE, "mus_musculus")):
        counts = expected_counts([made for made in three_datasets() if made.organism == organism])
        assert np.array_equal(dense(built, name), counts)
        with tiledbsoma.open(f"{built.soma}/census_data/{name}/ms/RNA/X/raw") as array:
            assert array.nnz == np.count_nonzero(counts)


def test_obs_says_of_each_cell_where_it_is_from_and_what_it_counts(built: Built) -> None:
    obs = frame(built, "census_data/homo_sapiens/obs")
    counts = expected_counts([made for made in three_datasets() if made.organism == HUMAN])
    assert obs["dataset_id"].tolist() == ["CAT00000001A.D0001"] * 3 + ["CAT00000002A.D0001"] * 4
    assert obs["donor_id"].tolist() == ["donor-1"] * 3 + ["a", "b", "a", "ä ö"]
    assert obs["observation_joinid"].tolist() == ["1-0", "1-1", "1-2", "2-0", "2-1", "2-2", "2-3"]
    assert obs["is_primary_data"].tolist() == [True, False, *[True] * 5]
    assert obs["tissue_general"].unique().tolist() == ["liver"]
    assert obs["sex"].unique().tolist() == ["female"]
    assert obs["raw_sum"].tolist() == counts.sum(axis=1).tolist()
    assert obs["nnz"].tolist() == (counts > 0).sum(axis=1).tolist()
    for cell, row in enumerate(counts):
        stored = row[row > 0]
        assert obs["raw_mean_nnz"][cell] == pytest.approx(stored.mean())
        assert obs["raw_variance_nnz"][cell] == pytest.approx(stored.var(ddof=1))
    assert obs["n_measured_vars"].tolist() == [5] * 3 + [3] * 4


def test_var_says_of_each_gene_in_how_many_cells_it_counts(built: Built) -> None:
    var = frame(built, "census_data/homo_sapiens/ms/RNA/var")
    counts = expected_counts([made for made in three_datasets() if made.organism == HUMAN])
    assert var["nnz"].tolist() == (counts > 0).sum(axis=0).tolist()
    assert var["n_measured_obs"].tolist() == [3, 7, 3, 3, 3, 4, 4]
    assert var["feature_name"].tolist() == [f"gene {number}" for number in range(1, 8)]
    assert var["feature_length"].tolist() == [1000 + number for number in range(1, 8)]


def test_spike_ins_and_genes_of_a_virus_are_left_out(build: Build) -> None:
    var = {
        "feature_biotype": ["gene", "spike-in", "gene"],
        "feature_reference": [HUMAN, "NCBITaxon:32630", "NCBITaxon:2697049"],
    }
    made = Made(1, np.array([[5, 9, 9], [0, 9, 9]]), [3, 1, 2], var=var)
    one = build(made)
    assert dense(one, "homo_sapiens").tolist() == [[5], [0]]
    obs = frame(one, "census_data/homo_sapiens/obs")
    assert obs["raw_sum"].tolist() == [5, 0]
    assert obs["raw_mean_nnz"].tolist() == [5, 0]
    assert obs["n_measured_vars"].tolist() == [1, 1]
    verify(one.plan, one.census, one.store, one.workdir)


def test_an_experiment_none_of_whose_features_is_a_gene_has_cells_without_counts(build: Build) -> None:
    one = build(Made(1, np.array([[5]]), [3], var={"feature_biotype": ["spike-in"]}))
    assert dense(one, "homo_sapiens").tolist() == [[0]]
    assert frame(one, "census_data/homo_sapiens/obs")["nnz"].tolist() == [0]
    verify(one.plan, one.census, one.store, one.workdir)


def test_counts_of_full_length_assays_are_normalised_by_gene_length(build: Build) -> None:
    assays = {"assay_ontology_term_id": ["EFO:0008931", "EFO:0009922"]}
    var = {"feature_length": [100, 300]}
    one = build(Made(1, np.array([[2, 2], [2, 2]]), [1, 2], obs=assays, var=var))
    shares = dense(one, "homo_sapiens", "normalized")
    assert np.allclose(shares, [[0.75, 0.25], [0.5, 0.5]], rtol=2**-15, atol=0)
    assert np.all(shares.astype(np.float32).view(np.uint32) & 0xFF == 0)
    verify(one.plan, one.census, one.store, one.workdir)


def test_datasets_that_begin_inside_a_row_tile_are_one_fragment_each(build: Build) -> None:
    draw = np.random.default_rng(5)
    sizes = [3, TILE + 7, 2, TILE]
    datasets = [
        Made(number, draw.integers(0, 3, (cells, 4)) + np.array([1, 0, 0, 0]), draw.permutation(6)[:4].tolist())
        for number, cells in enumerate(sizes, 1)
    ]
    one = build(*datasets)
    assert np.array_equal(dense(one, "homo_sapiens"), expected_counts(datasets))
    for layer in ("raw", "normalized"):
        folder = one.soma / "census_data/homo_sapiens/ms/RNA/X" / layer / "__fragments"
        assert len(list(folder.iterdir())) == len(sizes)
    checks = verify(one.plan, one.census, one.store, one.workdir).checks
    assert checks["fragments"] == 8
    assert checks["cells"] == sum(sizes)


# --- tables ------------------------------------------------------------------------------------------------------


def test_the_tables_beside_the_soma_are_there(built: Built) -> None:
    assert pq.read_table(built.store / built.census.measurements)["modality"].to_pylist() == [
        "singlecell",
        "singlecell",
        "singlecell",
        "imaging",
    ]
    assert pq.read_table(built.store / built.census.ledger)["rows"].to_pylist() == [3, 4, 2, 0]
    assert built.census.cells == {"homo_sapiens": 7, "mus_musculus": 2}


def test_info_counts_cells_of_all_organisms(built: Built) -> None:
    counts = frame(built, "census_info/summary_cell_counts")
    neurons = counts[(counts["category"] == "cell_type") & (counts["label"] == "neuron")]
    assert neurons[["organism", "total_cell_count", "unique_cell_count"]].values.tolist() == [["Homo sapiens", 1, 0]]
    assert frame(built, "census_info/datasets")["dataset_total_cell_count"].tolist() == [3, 4, 2]


# --- as a whole --------------------------------------------------------------------------------------------------


def test_equal_datasets_make_an_equal_census_also_in_parallel(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    fourth = Made(4, np.array([[1, 2]]), [1, 2])
    made = []
    for name, threads in (("a", "1"), ("b", "2")):
        monkeypatch.setenv("CATCHMENT_THREADS", threads)
        made.append(build(*three_datasets(), fourth, name=name))
    assert made[0].census == made[1].census
    for table in (made[0].census.measurements, made[0].census.ledger):
        assert (made[0].store / table).read_bytes() == (made[1].store / table).read_bytes()


def test_another_count_makes_another_digest(build: Build, built: Built) -> None:
    first, *others = three_datasets()
    first.counts[0, 0] += 1
    assert build(first, *others).census.logical_digest != built.census.logical_digest


def test_the_normalised_layer_can_be_left_out(build: Build) -> None:
    one = build(Made(1, np.array([[1, 2]]), [1, 2]), normalized_layer=False)
    with tiledbsoma.open(str(one.soma)) as census:
        assert list(census["census_data"]["homo_sapiens"].ms["RNA"].X) == ["raw"]
    assert verify(one.plan, one.census, one.store, one.workdir).checks["shares"] == 0


@pytest.mark.parametrize("modalities", [[], ["imaging", "massspec"]])
def test_a_census_without_matrices_has_its_tables(build: Build, modalities: list[Any]) -> None:
    one = build(others=[record(number, modality) for number, modality in enumerate(modalities)])
    assert one.census.cells == {}
    with cellxgene_census.open_soma(uri=str(one.soma), context=context()) as census:
        assert sorted(census) == ["census_data", "census_info", "census_spatial_sequencing"]
        assert list(census["census_data"]) == []
        summary = census["census_info"]["summary"].read().concat().to_pandas()
    assert summary["value"].tolist()[3:] == ["0", "0"]
    assert pq.read_table(one.store / one.census.ledger).num_rows == len(modalities)
    assert verify(one.plan, one.census, one.store, one.workdir).checks["measurements"] == len(modalities)


def test_a_store_that_is_not_the_planned_one_is_refused(built: Built, tmp_path: Any) -> None:
    (first, *others) = built.plan.datasets
    wrong = built.plan.model_copy(update={"datasets": (first.model_copy(update={"rows": 4}), *others)})
    with pytest.raises(BadInput, match="D0001: obs has 3 rows, the plan says 4; run the plan step again"):
        assemble(wrong, built.contributions, built.workdir, tmp_path, CensusAssemble())
