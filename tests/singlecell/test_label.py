"""The labelled H5AD: what the reference adds, copied without decoding, opened by anndata without a warning."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from catchment.config import SinglecellAdmit
from catchment.modalities import inspect_asset
from catchment.schema.records import Sample
from catchment.singlecell import MODALITY
from catchment.storage import Place, digest_file

from .conftest import COUNTS, GENES, Kitchen, valid_adata

# what `cellxgene-schema add-labels` 7.1.2 writes for `perturbed()`: made once, in an environment of its own
REFERENCE: dict[str, Any] = json.loads(Path(__file__).with_name("labelled_by_the_reference.json").read_text())


def perturbed() -> anndata.AnnData:
    """Return the valid dataset with every kind of term that has a label of its own, spike-ins and a virus."""
    adata = valid_adata()
    genes = [*GENES[:3], "ERCC-00002", "ENSSASG00005000002"]
    made = anndata.AnnData(X=adata.X, obs=adata.obs, var=pd.DataFrame(index=genes), uns=adata.uns, obsm=adata.obsm)
    made.var["feature_is_filtered"] = False
    made.obs["disease_ontology_term_id"] = pd.Categorical(
        ["PATO:0000461", "MONDO:0004604 || MONDO:0043004", "MONDO:0005002", "PATO:0000461"]
    )
    made.obs["experimental_condition_ontology_term_id"] = pd.Categorical(
        ["na", "CHEBI:15365 || EFO:0001702", "EFO:0002756", "anti-uniprot:Q99467 || uniprot:P01375"]
    )
    made.obs["genetic_perturbation_id"] = pd.Categorical(["g1", "na", "g1", "na"])
    made.obs["genetic_perturbation_strategy"] = pd.Categorical(
        ["control", "no perturbations", "control", "no perturbations"]
    )
    made.uns["genetic_perturbations"] = {
        "g1": {
            "role": "control",
            "protospacer_sequence": "ACGTACGTACGTACGTACGT",
            "protospacer_adjacent_motif": "3' NGG",
        }
    }
    made.obs["cluster"] = pd.Categorical(["a", "b", "a", "b"], categories=["a", "b", "nobody"])
    return made


def labelled(kitchen: Kitchen, path: Path, name: str = "labelled", **fields: Any) -> Path:
    """Label a file into a folder of its own."""
    place = Place(str(kitchen.folder / name))
    place.path.mkdir()
    return Path(MODALITY.label(kitchen.asset(path, **fields), place, SinglecellAdmit()).files[0].path)


def test_labels_are_those_of_the_reference(kitchen: Kitchen) -> None:
    adata = anndata.read_h5ad(labelled(kitchen, kitchen.h5ad(adata=perturbed())))
    for table in ("obs", "var"):
        for column, values in REFERENCE[table].items():
            assert getattr(adata, table)[column].astype(str).tolist() == values, column
    assert {key: str(adata.uns[key]) for key in REFERENCE["uns"]} == REFERENCE["uns"]


def test_a_category_that_no_cell_has_is_dropped(kitchen: Kitchen) -> None:
    adata = anndata.read_h5ad(labelled(kitchen, kitchen.h5ad(adata=perturbed())))
    assert adata.obs["cluster"].cat.categories.tolist() == ["a", "b"]
    assert adata.obs["cluster"].tolist() == ["a", "b", "a", "b"]


def test_all_else_is_what_it_was(kitchen: Kitchen) -> None:
    def enrich(adata: anndata.AnnData) -> None:
        adata.layers["scaled"] = np.arange(20, dtype=np.float64).reshape(4, 5)
        adata.obsp["near"] = sp.csr_matrix(np.eye(4))
        adata.varm["loadings"] = np.ones((5, 2))
        adata.uns["nested"] = {"deep": {"list": np.array(["a", "b"], dtype=object)}, "number": 3}
        adata.obs["age"] = pd.array([1, None, 3, 4], dtype="Int64")
        adata.obs["note"] = ["x", "y", "z", "w"]
        adata.raw = anndata.AnnData(X=adata.X.copy(), obs=adata.obs[[]], var=adata.var)

    before = anndata.read_h5ad(kitchen.h5ad(enrich))
    after = anndata.read_h5ad(labelled(kitchen, kitchen.folder / "cells.h5ad"))
    assert np.array_equal(after.X.toarray(), COUNTS)
    assert np.array_equal(after.raw.X.toarray(), COUNTS)
    assert np.array_equal(after.layers["scaled"], before.layers["scaled"])
    assert np.array_equal(after.obsp["near"].toarray(), np.eye(4))
    assert np.array_equal(after.varm["loadings"], before.varm["loadings"])
    assert np.array_equal(after.obsm["X_umap"], before.obsm["X_umap"])
    assert after.uns["nested"]["deep"]["list"].tolist() == ["a", "b"]
    assert after.uns["nested"]["number"] == 3
    pd.testing.assert_frame_equal(after.obs[list(before.obs)], before.obs)
    assert after.var.index.tolist() == after.raw.var.index.tolist() == GENES


def test_equal_files_get_equal_bytes(kitchen: Kitchen) -> None:
    path = kitchen.h5ad(adata=perturbed())
    assert digest_file(labelled(kitchen, path, "one")) == digest_file(labelled(kitchen, path, "two"))


def test_compressed_chunks_are_copied_as_they_are(kitchen: Kitchen) -> None:
    def compress(file: h5py.File) -> None:
        data = file["X/data"][()]
        del file["X/data"]
        file["X"].create_dataset("data", data=data, chunks=(4,), compression="gzip", compression_opts=1)

    path = kitchen.h5ad(after=compress)
    copy = labelled(kitchen, path)
    with h5py.File(path) as before, h5py.File(copy) as after:
        chunks = [
            [item.id.read_direct_chunk((at,)) for at in (0, 4, 8)] for item in (before["X/data"], after["X/data"])
        ]
    assert chunks[0] == chunks[1]


def test_what_the_submission_says_of_all_cells_is_in_the_labelled_file(kitchen: Kitchen) -> None:
    path = kitchen.h5ad(lambda adata: adata.obs.drop(columns=["tissue_ontology_term_id", "donor_id"], inplace=True))
    sample = Sample(id="s", accession="CAT00000001A.S0001", tissue_ontology_term_id="UBERON:0002107", donor_id="D9")
    adata = anndata.read_h5ad(labelled(kitchen, path, samples=(sample,), constants={"batch": "7"}))
    assert set(adata.obs["tissue"]) == {"liver"}
    assert set(adata.obs["donor_id"]) == {"D9"}
    assert set(adata.obs["batch"]) == {"7"}


def test_genes_are_named_by_the_column_that_holds_their_ids(kitchen: Kitchen) -> None:
    def by_symbol(adata: anndata.AnnData) -> None:
        adata.var["gene_ids"] = adata.var.index
        adata.var.index = adata.var.pop("feature_name").tolist()

    adata = anndata.read_h5ad(labelled(kitchen, kitchen.h5ad(by_symbol)))
    assert adata.var.index.tolist() == GENES
    assert adata.var["submitted_name"].tolist() == adata.var["feature_name"].tolist()


def test_what_is_labelled_converts_to_the_same_counts_and_labels(kitchen: Kitchen) -> None:
    path = kitchen.h5ad()
    first, _ = kitchen.convert(path, "first")
    second, _ = kitchen.convert(labelled(kitchen, path), "second")
    assert first.facts == second.facts  # type: ignore[union-attr]


@pytest.mark.real
def test_a_file_of_anndata_0_7_opens_without_a_warning(kitchen: Kitchen, shared: Path) -> None:
    path = shared / "singlecell/schema_cli/history/example_with_labels@2021-08-06.h5ad"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the file as it was sent does not open without one
        before = anndata.read_h5ad(path)
    after = anndata.read_h5ad(labelled(kitchen, path))
    assert (after.X != before.X).nnz == 0
    assert after.obs["batchA"].tolist() == before.obs["batchA"].tolist()
    assert after.uns["title"] == before.uns["title"]


def test_damage_that_only_copying_meets_is_a_finding(kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
    def meet_damage(source: h5py.File, layout: object, target: Path) -> None:
        source.copy("nowhere", source, "again")

    monkeypatch.setattr("catchment.singlecell.label.copy_h5ad", meet_damage)
    scratch = kitchen.folder / "scratch"
    scratch.mkdir()
    inspection = inspect_asset(kitchen.asset(kitchen.h5ad()), str(scratch), {"reading": "lenient"})
    assert [one.code for one in inspection.findings if one.level == "error"] == ["H5-007"]
    assert inspection.path is None
