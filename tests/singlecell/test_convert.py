"""H5AD -> SOMA and back: every count, column, category, layer and embedding, read by tiledbsoma and anndata."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp
import tiledbsoma
import xxhash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from catchment import soma, vocabulary
from catchment.config import SinglecellNormalise
from catchment.modalities import Conversion, convert_asset
from catchment.schema.records import Description, Product, Unreadable
from catchment.singlecell import MODALITY, convert
from catchment.singlecell.normalise import normalised
from catchment.singlecell.readback import read_back
from catchment.soma_digest import logical_digest
from catchment.storage import Place

from .conftest import COUNTS, GENES, SYMBOLS, Kitchen, with_raw, with_x

GUARANTEED = [
    "assay_ontology_term_id",
    "assay",
    "cell_type_ontology_term_id",
    "cell_type",
    "development_stage_ontology_term_id",
    "development_stage",
    "disease_ontology_term_id",
    "disease",
    "donor_id",
    "is_primary_data",
    "observation_joinid",
    "self_reported_ethnicity_ontology_term_id",
    "self_reported_ethnicity",
    "sex_ontology_term_id",
    "sex",
    "suspension_type",
    "tissue_ontology_term_id",
    "tissue",
    "tissue_type",
]


def done(result: tuple[Product | Unreadable, Place]) -> tuple[Product, Path]:
    product, place = result
    assert isinstance(product, Product), product
    assert product.findings == ()
    return product, place.path / product.path


def matrix(root: tiledbsoma.Experiment, name: str) -> np.ndarray:
    """Return a layer as a dense matrix, read by tiledbsoma; a coordinate that occurs twice fails."""
    array = root.ms["RNA"].X[name]
    if isinstance(array, tiledbsoma.DenseNDArray):
        return array.read().to_numpy()
    table = array.read().tables().concat()
    dense = np.zeros(array.shape, np.float32)
    rows, columns = table["soma_dim_0"].to_numpy(), table["soma_dim_1"].to_numpy()
    assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) == len(rows)
    dense[rows, columns] = table["soma_data"].to_numpy()
    assert (table["soma_data"].to_numpy() != 0).all()
    return dense


def obs_of(path: Path) -> pd.DataFrame:
    with tiledbsoma.open(str(path)) as root:
        return root.obs.read().concat().to_pandas()


def test_every_count_survives(kitchen: Kitchen) -> None:
    _, path = done(kitchen.convert(kitchen.h5ad()))
    with tiledbsoma.open(str(path)) as root:
        raw = root.ms["RNA"].X["raw"]
        assert raw.schema.field("soma_data").type == pa.float32()
        assert raw.shape == (4, 5)
        np.testing.assert_array_equal(matrix(root, "raw"), COUNTS)
        assert root.metadata["organism_ontology_term_id"] == "NCBITaxon:9606"
        assert root.metadata["title"] == "Four cells"
        assert root.metadata["catchment_layout"] == "3"


@settings(max_examples=9, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    counts=hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 3)),
    form=st.sampled_from([np.asarray, sp.csr_matrix, sp.csc_matrix]),
    dtype=st.sampled_from(["float32", "int32", "float64"]),
)
def test_any_matrix_makes_the_round_trip(
    kitchen: Kitchen, counts: np.ndarray, form: Callable[..., Any], dtype: str
) -> None:
    values = counts.astype(dtype)
    names = [f"ENSG{number:011d}" for number in range(counts.shape[1])]
    adata = anndata.AnnData(
        X=form(values),
        obs=pd.DataFrame(index=[f"c{row}" for row in range(counts.shape[0])]),
        var=pd.DataFrame(index=names),
        uns={"organism_ontology_term_id": "NCBITaxon:9606"},
    )
    shutil.rmtree(kitchen.folder / "out", ignore_errors=True)
    _, path = done(kitchen.convert(kitchen.h5ad(adata=adata)))
    with tiledbsoma.open(str(path)) as root:
        np.testing.assert_array_equal(matrix(root, "raw"), counts)


def test_a_matrix_of_several_tiles_survives_in_both_directions(kitchen: Kitchen) -> None:
    rng = np.random.default_rng(3)
    dense = rng.poisson(0.02, (4100, 2100)).astype(np.float32)
    adata = anndata.AnnData(
        X=sp.csr_matrix(dense),
        obs=pd.DataFrame(index=[f"c{row}" for row in range(4100)]),
        var=pd.DataFrame(index=[f"ENSG{number:011d}" for number in range(2100)]),
        layers={"dense": dense, "sparse": sp.csr_matrix(dense), "columns": sp.csc_matrix(dense)},
        uns={"organism_ontology_term_id": "NCBITaxon:9606"},
    )
    _, path = done(kitchen.convert(kitchen.h5ad(adata=adata)))
    with tiledbsoma.open(str(path)) as root:
        assert isinstance(root.ms["RNA"].X["dense"], tiledbsoma.DenseNDArray)
        for name in ("raw", "dense", "sparse", "columns"):
            np.testing.assert_array_equal(matrix(root, name), dense)


def test_rows_that_hold_much_make_lower_tiles(kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
    dense = np.random.default_rng(4).poisson(0.01, (70, 4200)).astype(np.float32)
    adata = anndata.AnnData(
        X=sp.csr_matrix(dense),
        obs=pd.DataFrame(index=[f"c{row}" for row in range(70)]),
        var=pd.DataFrame(index=[f"ENSG{number:011d}" for number in range(4200)]),
        layers={"dense": dense, "real": sp.csr_matrix(dense / 3)},
        uns={"organism_ontology_term_id": "NCBITaxon:9606"},
    )
    monkeypatch.setattr(convert, "values_within", lambda memory_mb: 900 if memory_mb == 1000 else 0)
    _, path = done(kitchen.convert(kitchen.h5ad(adata=adata)))
    with tiledbsoma.open(str(path)) as root:
        assert soma.tile_rows_of(root.ms["RNA"].X["raw"]) == 16
        np.testing.assert_array_equal(matrix(root, "raw"), dense)
        np.testing.assert_array_equal(matrix(root, "real"), (dense / 3).astype(np.float32))


def test_stored_zeros_and_disorder_do_not_reach_the_soma(kitchen: Kitchen) -> None:
    x = sp.csr_matrix(
        (np.array([3, 1, 0, 2], np.float32), np.array([4, 0, 1, 2]), np.array([0, 2, 4, 4, 4])), shape=(4, 5)
    )
    _, path = done(kitchen.convert(kitchen.h5ad(lambda adata: with_x(adata, x))))
    with tiledbsoma.open(str(path)) as root:
        assert root.ms["RNA"].X["raw"].nnz == 3
        np.testing.assert_array_equal(matrix(root, "raw"), x.toarray())


def test_normalised_x_layers_and_embeddings_are_kept(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> None:
        with_raw(adata)
        adata.layers["scaled"] = np.arange(20, dtype=np.float64).reshape(4, 5) / 7
        adata.layers["spliced"] = sp.csr_matrix(COUNTS.astype(np.int64) << 40)
        adata.obsm["X_pca"] = np.arange(12, dtype=np.float64).reshape(4, 3) / 7

    path = kitchen.h5ad(edit)
    written = anndata.read_h5ad(path)
    product, soma_path = done(kitchen.convert(path))
    assert (product.facts["layers"], product.facts["obsm"]) == (["data", "scaled", "spliced"], ["X_pca", "X_umap"])
    with tiledbsoma.open(str(soma_path)) as root:
        np.testing.assert_array_equal(matrix(root, "raw"), COUNTS)
        np.testing.assert_array_equal(matrix(root, "data"), written.X.toarray())
        np.testing.assert_array_equal(matrix(root, "scaled"), written.layers["scaled"])
        spliced = root.ms["RNA"].X["spliced"].read().coos((4, 5)).concat().to_scipy()
        assert spliced.dtype == np.int64
        np.testing.assert_array_equal(spliced.toarray(), written.layers["spliced"].toarray())
        for name in ("X_pca", "X_umap"):
            kept = root.ms["RNA"].obsm[name].read().to_numpy()
            assert kept.dtype == written.obsm[name].dtype
            np.testing.assert_array_equal(kept, written.obsm[name])


@pytest.mark.parametrize("dense", [True, False])
def test_an_x_of_fewer_genes_is_kept_at_the_genes_it_has(kitchen: Kitchen, dense: bool) -> None:
    def edit(adata: anndata.AnnData) -> anndata.AnnData:
        with_raw(adata)
        subset = adata[:, [3, 1]].copy()
        if dense:
            subset.X = subset.X.toarray()
        return subset

    _, path = done(kitchen.convert(kitchen.h5ad(edit)))
    expected = np.zeros_like(COUNTS)
    expected[:, [3, 1]] = np.log1p(COUNTS[:, [3, 1]])
    with tiledbsoma.open(str(path)) as root:
        np.testing.assert_array_equal(matrix(root, "raw"), COUNTS)
        np.testing.assert_array_equal(matrix(root, "data"), expected)


def test_every_curator_column_survives_with_its_type(kitchen: Kitchen) -> None:
    columns = {
        "whole": np.array([1, -2, 3, 4], np.int16),
        "real": np.array([0.5, np.nan, -1.5, 2.0]),
        "small": np.array([0.5, 1.0, 2.0, 4.0], np.float16),
        "flag": np.array([True, False, True, False]),
        "text": ["a", "", "ü", "b"],
        "maybe": pd.array([1, None, 3, 4], "Int32"),
        "perhaps": pd.array([True, None, False, True], "boolean"),
        "cluster": pd.Categorical(["x", None, "y", "x"], categories=["y", "x", "unused"], ordered=True),
        "number": pd.Categorical([3, 1, 3, 1]),
        "none": pd.Categorical([None, None, None, None], categories=["never"]),
    }

    def edit(adata: anndata.AnnData) -> None:
        for name, values in columns.items():
            adata.obs[name] = values

    _, path = done(kitchen.convert(kitchen.h5ad(edit)))
    with tiledbsoma.open(str(path)) as root:
        table = root.obs.read().concat()
    kinds = {name: table.schema.field(name).type for name in columns}
    assert (kinds["whole"], kinds["real"], kinds["small"]) == (pa.int16(), pa.float64(), pa.float32())
    assert (kinds["flag"], kinds["text"], kinds["maybe"]) == (pa.bool_(), pa.large_string(), pa.int32())
    assert kinds["cluster"].ordered
    rows = {name: table[name].to_pylist() for name in columns}
    assert rows["whole"] == [1, -2, 3, 4]
    assert rows["text"] == ["a", "", "ü", "b"]
    assert rows["flag"] == [True, False, True, False]
    assert rows["maybe"] == [1, None, 3, 4]
    assert rows["perhaps"] == [True, None, False, True]
    assert rows["cluster"] == ["x", None, "y", "x"]
    assert rows["number"] == ["3", "1", "3", "1"]
    assert rows["none"] == [None] * 4
    assert table["cluster"].combine_chunks().dictionary.to_pylist() == ["y", "x"]
    np.testing.assert_array_equal(table["real"].to_numpy(), columns["real"])
    np.testing.assert_array_equal(table["small"].to_numpy(), columns["small"])


def test_guaranteed_columns_are_there_with_labels_of_the_pinned_ontologies(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> None:
        adata.obs["disease_ontology_term_id"] = pd.Categorical(["MONDO:0005233 || MONDO:0100096"] * 4)
        adata.obs["tissue"] = pd.Categorical(["Leber"] * 4)

    obs = obs_of(done(kitchen.convert(kitchen.h5ad(edit)))[1])
    assert list(obs["soma_joinid"]) == [0, 1, 2, 3]
    assert list(obs["obs_id"]) == ["c0", "c1", "c2", "c3"]
    assert set(GUARANTEED) <= set(obs.columns)
    assert obs["is_primary_data"].dtype == bool
    assert list(obs["cell_type"]) == ["hepatocyte", "Kupffer cell", "hepatocyte", "T cell"]
    assert set(obs["disease"]) == {"non-small cell lung carcinoma || COVID-19"}
    assert set(obs["tissue"]) == {"liver"}
    for name in ("assay", "cell_type", "development_stage", "sex", "tissue"):
        for term, label in zip(obs[f"{name}_ontology_term_id"], obs[name], strict=True):
            assert vocabulary.label(term) == label


def test_guaranteed_columns_are_there_whatever_the_input(kitchen: Kitchen) -> None:
    obs = obs_of(done(kitchen.convert(kitchen.h5ad(lambda adata: clear(adata))))[1])
    assert set(GUARANTEED) <= set(obs.columns)
    assert set(obs["tissue"]) == {"unknown"}
    assert set(obs["suspension_type"]) == {"na"}
    assert not obs["is_primary_data"].any()


def clear(adata: anndata.AnnData) -> None:
    adata.obs = adata.obs[[]]


def test_constants_fill_columns_and_the_file_wins(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> None:
        del adata.obs["donor_id"], adata.obs["is_primary_data"]

    constants = {"donor_id": "H9", "is_primary_data": True, "tissue_type": "organoid", "batch": "b1"}
    obs = obs_of(done(kitchen.convert(kitchen.h5ad(edit), constants=constants))[1])
    assert set(obs["donor_id"]) == {"H9"}
    assert obs["is_primary_data"].all()
    assert set(obs["tissue_type"]) == {"tissue"}
    assert set(obs["batch"]) == {"b1"}


def test_a_cell_line_is_filled_with_na_row_by_row(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> None:
        adata.obs["tissue_type"] = pd.Categorical(["tissue", "cell line", "tissue", "cell line"])
        del adata.obs["donor_id"], adata.obs["sex_ontology_term_id"]

    obs = obs_of(done(kitchen.convert(kitchen.h5ad(edit)))[1])
    assert list(obs["donor_id"]) == list(obs["sex"]) == ["unknown", "na", "unknown", "na"]


def test_observation_joinid_is_base85_of_the_big_endian_hash_of_the_name(kitchen: Kitchen) -> None:
    obs = obs_of(done(kitchen.convert(kitchen.h5ad()))[1])
    # XXH3_64 of the name, as the canonical (big-endian) digest of the reference implementation
    expected = [base64.b85encode(xxhash.xxh3_64_digest(name.encode())).decode() for name in ("c0", "c1", "c2", "c3")]
    assert list(obs["observation_joinid"]) == expected


def test_reserved_columns_are_kept_under_another_name(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> None:
        adata.obs["soma_joinid"] = [9, 8, 7, 6]
        adata.obs["obs_id"] = ["w", "x", "y", "z"]

    obs = obs_of(done(kitchen.convert(kitchen.h5ad(edit)))[1])
    assert list(obs["submitted_soma_joinid"]) == [9, 8, 7, 6]
    assert list(obs["submitted_obs_id"]) == ["w", "x", "y", "z"]


def test_genes_have_ids_names_and_what_is_known_of_them(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> None:
        adata.var["feature_length"] = pd.Categorical(adata.var["feature_length"])  # as CELLxGENE writes it
        adata.var["highly_variable"] = [True, False, True, False, True]

    _, path = done(kitchen.convert(kitchen.h5ad(edit)))
    with tiledbsoma.open(str(path)) as root:
        var = root.ms["RNA"].var.read().concat().to_pandas()
    assert list(var["var_id"]) == GENES
    assert list(var["feature_name"]) == SYMBOLS
    assert list(var["feature_length"]) == [956, 2000, 900, 1100, 1200]
    assert set(var["feature_reference"]) == {"NCBITaxon:9606"}
    assert set(var["feature_biotype"]) == {"gene"}
    assert set(var["feature_type"]) == {"protein_coding"}
    assert list(var["highly_variable"]) == [True, False, True, False, True]


def test_genes_whose_ids_are_a_column_are_named_by_the_annotation(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> None:
        adata.var = pd.DataFrame({"gene_ids": ["ERCC-00002", *GENES[1:]]}, index=["spike", *SYMBOLS[1:]])

    _, path = done(kitchen.convert(kitchen.h5ad(edit)))
    with tiledbsoma.open(str(path)) as root:
        var = root.ms["RNA"].var.read().concat().to_pandas()
    assert list(var["var_id"]) == ["ERCC-00002", *GENES[1:]]
    assert list(var["feature_name"]) == ["ERCC-00002 (spike-in control)", *SYMBOLS[1:]]
    assert list(var["feature_length"]) == [1061, 679, 932, 727, 864]
    assert list(var["feature_biotype"]) == ["spike-in", *["gene"] * 4]
    assert list(var["feature_reference"]) == ["NCBITaxon:32630", *["NCBITaxon:9606"] * 4]


# --- damage ------------------------------------------------------------------------------------------------------


def test_what_reads_back_differently_is_an_error(kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []

    def keep(uri: str, written):
        kept.append((uri, written))
        return read_back(uri, written)

    monkeypatch.setattr(convert, "read_back", keep)
    done(kitchen.convert(kitchen.h5ad()))
    uri, written = kept[0]
    root = Path(uri)
    with tiledbsoma.open(str(root / "ms/RNA/X/raw"), "w") as array:
        array.write(pa.table({"soma_dim_0": [1], "soma_dim_1": [1], "soma_data": pa.array([6], pa.float32())}))
    with tiledbsoma.open(str(root / "ms/RNA/obsm/X_umap"), "w") as array:
        array.write((slice(0, 0), slice(0, 0)), pa.Tensor.from_numpy(np.array([[99]], np.float32)))
    with tiledbsoma.open(str(root / "ms/RNA/var"), "w") as frame:
        other = written.tables["ms/RNA/var"].set_column(2, "feature_name", pa.array(["x"] * 5, pa.large_string()))
        frame.write(other.cast(soma.soma_schema(other)))
    _, findings = read_back(uri, written)
    assert {finding.code for finding in findings} == {"SOMA-002"}
    places = {finding.where for finding in findings}
    assert places == {"ms/RNA/X/raw", "ms/RNA/obsm/X_umap", "ms/RNA/var/feature_name"}


def test_a_wrong_enumeration_is_found(kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
    fill = soma.fill_dataframe

    def mislabelled(uri: str, table: pa.Table, threads: int = 2) -> None:
        if "assay" in table.column_names:
            values = table["assay"].combine_chunks()
            other = pa.DictionaryArray.from_arrays(values.indices, pa.array(["other"], pa.large_string()))
            table = table.set_column(table.column_names.index("assay"), "assay", other)
        fill(uri, table, threads)

    monkeypatch.setattr(soma, "fill_dataframe", mislabelled)
    product, _ = kitchen.convert(kitchen.h5ad())
    assert isinstance(product, Product)
    assert [(f.code, f.where) for f in product.findings] == [("SOMA-002", "obs/assay")]


def test_a_layer_that_contradicts_itself_is_refused(kitchen: Kitchen) -> None:
    def after(file) -> None:
        file["X/indices"][0] = 99

    product, _ = kitchen.convert(kitchen.h5ad(with_raw, after))
    assert isinstance(product, Unreadable)
    assert [(f.code, f.where) for f in product.findings] == [("AD-001", "X")]


def test_a_file_that_should_never_have_been_admitted_is_refused(kitchen: Kitchen) -> None:
    product, _ = kitchen.convert(kitchen.h5ad(lambda adata: adata.uns.clear()))
    assert isinstance(product, Unreadable)
    assert [finding.code for finding in product.findings] == ["OBS-009"]


# --- identity ----------------------------------------------------------------------------------------------------


def test_the_same_file_gives_the_same_digest_and_side_cars(kitchen: Kitchen) -> None:
    path = kitchen.h5ad(with_raw)
    (one, one_path), (two, two_path) = done(kitchen.convert(path, "one")), done(kitchen.convert(path, "two"))
    assert one == two
    for side_car in one.side_cars.values():
        assert (one_path.parent / side_car).read_bytes() == (two_path.parent / side_car).read_bytes()


def test_another_count_column_or_embedding_gives_another_digest(kitchen: Kitchen) -> None:
    def one_count(adata: anndata.AnnData) -> anndata.AnnData:
        counts = COUNTS.copy()
        counts[3, 4] += 1
        return with_x(adata, sp.csr_matrix(counts))

    def one_column(adata: anndata.AnnData) -> None:
        adata.obs["donor_id"] = pd.Categorical(["H1", "H1", "H1", "H2"])

    def one_embedding(adata: anndata.AnnData) -> None:
        adata.obsm["X_umap"][0, 0] += 1

    edits = [None, one_count, one_column, one_embedding]
    digests = {done(kitchen.convert(kitchen.h5ad(edit), str(n)))[0].logical_digest for n, edit in enumerate(edits)}
    assert len(digests) == 4


def test_a_soma_can_be_moved(kitchen: Kitchen) -> None:
    product, path = done(kitchen.convert(kitchen.h5ad()))
    moved = path.parent.rename(kitchen.folder / "elsewhere") / product.path
    assert logical_digest(str(moved)) == product.logical_digest


def test_conversion_runs_in_a_confined_child(kitchen: Kitchen) -> None:
    from catchment.isolation import Limits, call

    asset = kitchen.asset(kitchen.h5ad())
    described = MODALITY.describe(asset)
    assert isinstance(described, Description)
    scratch = kitchen.folder / "scratch"
    scratch.mkdir()
    conversion = call(convert_asset, asset, described, str(scratch), {}, limits=Limits(memory_mb=3000))
    assert isinstance(conversion, Conversion)
    assert conversion.product is not None
    assert conversion.metrics["n_cells"] == 4


def test_the_thumbnail_is_a_small_picture(kitchen: Kitchen) -> None:
    from PIL import Image

    product, path = done(kitchen.convert(kitchen.h5ad()))
    with Image.open(path.parent / product.side_cars["thumbnail"]) as picture:
        assert (picture.format, picture.size) == ("PNG", (256, 256))
        assert len(picture.getcolors()) == 3  # paper, bars, axis


# --- what follows ------------------------------------------------------------------------------------------------


def test_size_factors_are_totals_over_the_target_and_one_for_empty_cells(kitchen: Kitchen) -> None:
    counts = COUNTS.copy()
    counts[1] = 0
    product, path = done(kitchen.convert(kitchen.h5ad(lambda adata: with_x(adata, sp.csr_matrix(counts)))))
    store = Place(str(path.parent))
    place = Place(str(kitchen.folder))
    dataset = kitchen.dataset(product, store)
    asset = kitchen.asset(kitchen.folder / "cells.h5ad")
    derived = MODALITY.normalise(dataset, asset, store, place, SinglecellNormalise(target_sum=100))
    assert (derived.recipe["method"], derived.recipe["target_sum"]) == ("log1p_cptt", 100.0)
    assert derived.recipe["layer"] == "ms/RNA/X/raw"
    table = pq.read_table(place.path / derived.side_cars["size_factors"])
    assert table["soma_joinid"].to_pylist() == [0, 1, 2, 3]
    assert table["size_factor"].to_pylist() == [0.06, 1.0, 0.06, 0.08]


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
def test_the_normalised_view_equals_scanpys(kitchen: Kitchen) -> None:
    import scanpy

    rng = np.random.default_rng(5)
    counts = rng.negative_binomial(1, 0.4, (50, 40)).astype(np.float32)
    counts[9] = 0
    adata = anndata.AnnData(
        X=sp.csr_matrix(counts),
        obs=pd.DataFrame(index=[f"c{row}" for row in range(50)]),
        var=pd.DataFrame(index=[f"ENSG{number:011d}" for number in range(40)]),
        uns={"organism_ontology_term_id": "NCBITaxon:9606"},
    )
    path = kitchen.h5ad(adata=adata)
    product, soma_path = done(kitchen.convert(path))
    store, place = Place(str(soma_path.parent)), Place(str(kitchen.folder))
    derived = MODALITY.normalise(
        kitchen.dataset(product, store), kitchen.asset(path), store, place, SinglecellNormalise()
    )
    assert list(derived.side_cars) == ["size_factors", "features"]  # no second matrix
    features = pq.read_table(place.path / derived.side_cars["features"])
    assert features["feature_id"].to_pylist() == list(adata.var_names)
    assert set(features["kind"].to_pylist()) == {"gene"}
    factors = pq.read_table(place.path / derived.side_cars["size_factors"])["size_factor"].to_numpy()
    with tiledbsoma.open(str(soma_path)) as root:
        raw = root.ms["RNA"].X["raw"].read().coos((50, 40)).concat().to_scipy()
    reference = adata.copy()
    reference.X = reference.X.astype(np.float64)
    scanpy.pp.normalize_total(reference, target_sum=derived.recipe["target_sum"])
    scanpy.pp.log1p(reference)
    np.testing.assert_allclose(normalised(raw, factors).toarray(), reference.X.toarray(), rtol=1e-12)


def test_contribution_has_distinct_terms_and_counts(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> None:
        adata.obs["disease_ontology_term_id"] = pd.Categorical(
            ["MONDO:0005233 || MONDO:0100096", "PATO:0000461", "PATO:0000461", "MONDO:0100096"],
            categories=["MONDO:0005233 || MONDO:0100096", "PATO:0000461", "MONDO:0100096", "MONDO:0004975"],
        )

    path = kitchen.h5ad(edit)
    product, soma_path = done(kitchen.convert(path))
    store = Place(str(soma_path.parent))
    contribution = MODALITY.contribute(kitchen.dataset(product, store), kitchen.asset(path), store)
    assert contribution.terms["disease_ontology_term_id"] == ("MONDO:0005233", "MONDO:0100096", "PATO:0000461")
    assert contribution.terms["organism_ontology_term_id"] == ("NCBITaxon:9606",)
    assert contribution.terms["tissue_type"] == ("tissue",)
    assert contribution.counts == {"cells": 4, "genes": 5}
    assert (contribution.analyte, contribution.title) == ("RNA", "Four cells")
    (measurement,) = contribution.measurements
    assert (measurement.kind, measurement.count, measurement.unit) == ("matrix", 4, "cells")
