"""A recipe makes an author's file fit the schema; what it does not cover is listed, never guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from catchment.config import SinglecellAdmit
from catchment.schema.records import ColumnRecipe, Curation, Description, Finding, Preparation
from catchment.singlecell import MODALITY, gene_reference
from catchment.storage import Place, digest_file

from .conftest import COUNTS, GENES, SYMBOLS, Kitchen
from .test_tenx import write_h5


def authors(adata: anndata.AnnData) -> anndata.AnnData:
    """Return the tiny dataset as its author would have it: own columns, symbols, counts in a layer."""
    obs = pd.DataFrame(
        {
            "celltype": pd.Categorical(["Hepatocyte", "Kupffer", "Hepatocyte", "T cell"]),
            "patient": ["P1", "P2", "P1", "P2"],
            "primary": ["yes", "no", "yes", "no"],
        },
        index=["P1_AAAC", "P2_AAAG", "P1_AAAT", "P2_AACC"],
    )
    var = pd.DataFrame({"ensembl": [f"{gene}.7" for gene in GENES]}, index=SYMBOLS)
    made = anndata.AnnData(X=sp.csr_matrix(np.log1p(COUNTS)), obs=obs, var=var)
    made.layers["counts"] = sp.csr_matrix(COUNTS)
    return made


RECIPE = Curation(
    columns={
        "organism_ontology_term_id": ColumnRecipe(constant="NCBITaxon:9606"),
        "assay_ontology_term_id": ColumnRecipe(constant="EFO:0009922"),
        "cell_type_ontology_term_id": ColumnRecipe(
            column="celltype",
            values={"Hepatocyte": "CL:0000182", "Kupffer": "CL:0000091", "T cell": "CL:0000084"},
        ),
        "donor_id": ColumnRecipe(column="index", pattern=r"^(P\d+)_"),
        "sex_ontology_term_id": ColumnRecipe(
            column="index", pattern=r"^(P\d+)_", values={"P1": "PATO:0000383", "P2": "PATO:0000384"}
        ),
        "is_primary_data": ColumnRecipe(column="primary"),
    },
    raw_counts="layers/counts",
    gene_ids="ensembl",
)


def curated(kitchen: Kitchen, path: Path, recipe: Curation, name: str = "out") -> tuple[Path, tuple[Finding, ...]]:
    place = Place(str(kitchen.folder / name))
    place.path.mkdir()
    outcome = MODALITY.prepare(kitchen.asset(path, curation=recipe), place, SinglecellAdmit())
    assert isinstance(outcome, Preparation), outcome
    return Path(outcome.asset.files[0].path), outcome.findings


def errors(kitchen: Kitchen, **parts: Any) -> list[tuple[str, str, str, int]]:
    """Return what is wrong with the recipe once some of its parts are others."""
    recipe = RECIPE.model_copy(update=parts)
    _, findings = curated(kitchen, kitchen.h5ad(authors), recipe)
    return [(f.code, f.where, f.found, f.count) for f in findings if f.level == "error"]


def test_a_recipe_makes_the_columns_of_the_schema(kitchen: Kitchen) -> None:
    path, findings = curated(kitchen, kitchen.h5ad(authors), RECIPE)
    adata = anndata.read_h5ad(path)
    assert adata.obs["cell_type_ontology_term_id"].tolist() == ["CL:0000182", "CL:0000091", "CL:0000182", "CL:0000084"]
    assert adata.obs["donor_id"].tolist() == ["P1", "P2", "P1", "P2"]
    assert adata.obs["sex_ontology_term_id"].tolist() == ["PATO:0000383", "PATO:0000384"] * 2
    assert adata.obs["is_primary_data"].tolist() == [True, False, True, False]
    assert adata.obs["is_primary_data"].dtype == np.bool_
    assert adata.uns["organism_ontology_term_id"] == "NCBITaxon:9606"
    assert adata.obs["celltype"].tolist() == ["Hepatocyte", "Kupffer", "Hepatocyte", "T cell"]
    assert {finding.code for finding in findings} == {"CUR-001"}
    assert "obs/donor_id" in [finding.where for finding in findings]


def test_genes_get_the_ids_of_a_column_without_their_versions(kitchen: Kitchen) -> None:
    path, _ = curated(kitchen, kitchen.h5ad(authors), RECIPE)
    adata = anndata.read_h5ad(path)
    assert adata.var_names.tolist() == adata.raw.var_names.tolist() == GENES
    assert adata.var["submitted_name"].tolist() == SYMBOLS


@pytest.mark.skipif(not gene_reference.is_known("NCBITaxon:9606"), reason="the gene tables are not installed")
def test_symbols_get_the_one_id_of_their_name_and_the_others_are_listed(kitchen: Kitchen) -> None:
    by_symbol = RECIPE.model_copy(update={"gene_ids": "", "gene_symbols": "index"})
    path, findings = curated(kitchen, kitchen.h5ad(authors), by_symbol, "one")
    assert anndata.read_h5ad(path).var_names.tolist() == GENES
    assert all(finding.level == "info" for finding in findings)

    def odd(adata: anndata.AnnData) -> anndata.AnnData:
        adata = authors(adata)
        adata.var.index = ["MATR3", "NOT-A-GENE", *SYMBOLS[2:]]
        return adata

    ids = gene_reference.ids_by_name("NCBITaxon:9606")["MATR3"]
    assert len(ids) > 1
    _, findings = curated(kitchen, kitchen.h5ad(odd), by_symbol, "two")
    (finding,) = [finding for finding in findings if finding.level == "error"]
    assert (finding.code, finding.count) == ("CUR-004", 2)
    assert finding.found == f"'MATR3: {' or '.join(ids)}', 'NOT-A-GENE: no id'"
    told = {"gene_values": {"MATR3": ids[0], "NOT-A-GENE": GENES[1]}}
    path, _ = curated(kitchen, kitchen.h5ad(odd), by_symbol.model_copy(update=told), "three")
    assert anndata.read_h5ad(path).var_names.tolist()[:2] == [ids[0], GENES[1]]


def test_a_layer_becomes_the_raw_counts(kitchen: Kitchen) -> None:
    path, _ = curated(kitchen, kitchen.h5ad(authors), RECIPE)
    adata = anndata.read_h5ad(path)
    assert np.array_equal(adata.raw.X.toarray(), COUNTS)
    np.testing.assert_allclose(adata.X.toarray(), np.log1p(COUNTS))
    assert "counts" not in adata.layers
    described = MODALITY.describe(kitchen.asset(path))
    assert isinstance(described, Description)
    assert described.facts["raw"] == "raw/X"


def test_x_becomes_the_raw_counts_where_raw_holds_none(kitchen: Kitchen) -> None:
    def swapped(adata: anndata.AnnData) -> anndata.AnnData:
        made = authors(adata)
        made.raw = made.copy()
        made.X = made.layers.pop("counts")
        return made

    path, findings = curated(kitchen, kitchen.h5ad(swapped), RECIPE.model_copy(update={"raw_counts": "X"}))
    adata = anndata.read_h5ad(path)
    assert adata.raw is None
    assert np.array_equal(adata.X.toarray(), COUNTS)
    assert "raw" in [finding.where for finding in findings]


def test_the_same_recipe_gives_the_same_bytes(kitchen: Kitchen) -> None:
    source = kitchen.h5ad(authors)
    first, second = (curated(kitchen, source, RECIPE, name)[0] for name in ("one", "two"))
    assert digest_file(first) == digest_file(second)


def test_a_recipe_fits_counts_of_10x(kitchen: Kitchen) -> None:
    columns = {"donor_id": ColumnRecipe(column="index", pattern=r"-(\d)$", values={"1": "P1"})}
    path, findings = curated(kitchen, write_h5(kitchen.folder / "counts.h5"), Curation(columns=columns))
    assert set(anndata.read_h5ad(path).obs["donor_id"]) == {"P1"}
    assert [finding.code for finding in findings] == ["CUR-001"]


def test_genes_are_marked_as_filtered_as_the_recipe_says(kitchen: Kitchen) -> None:
    def with_marks(adata: anndata.AnnData) -> anndata.AnnData:
        adata = authors(adata)
        adata.var["dropped"] = [True, False, False, False, True]
        return adata

    path, _ = curated(
        kitchen, kitchen.h5ad(with_marks), RECIPE.model_copy(update={"feature_is_filtered": "dropped"}), "one"
    )
    assert anndata.read_h5ad(path).var["feature_is_filtered"].tolist() == [True, False, False, False, True]
    path, _ = curated(kitchen, kitchen.h5ad(authors), RECIPE.model_copy(update={"feature_is_filtered": "false"}), "two")
    assert not anndata.read_h5ad(path).var["feature_is_filtered"].any()
    assert "feature_is_filtered" not in anndata.read_h5ad(path).raw.var
    path, _ = curated(kitchen, kitchen.h5ad(authors), RECIPE, "three")
    assert "feature_is_filtered" not in anndata.read_h5ad(path).var  # two matrices: only a person knows


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ({"column": "celltipe"}, ("CUR-002", "obs/x", "no column 'celltipe' in obs; did you mean celltype?", 1)),
        (
            {"column": "celltype", "values": {"Kupffer": "CL:1"}},
            ("CUR-003", "obs/x", "of column 'celltype': 'Hepatocyte', 'T cell'", 3),
        ),
        (
            {"column": "index", "pattern": "^(P1)_"},
            ("CUR-003", "obs/x", "of column 'index': 'P2_AAAG', 'P2_AACC'", 2),
        ),
    ],
)
def test_what_a_recipe_does_not_cover_is_listed(
    kitchen: Kitchen, source: Any, found: tuple[str, str, str, int]
) -> None:
    assert errors(kitchen, columns={"x": ColumnRecipe(**source)}) == [found]


def test_genes_that_would_fall_together_are_listed_and_left(kitchen: Kitchen) -> None:
    both = {f"{GENES[1]}.7": GENES[0]}
    ((code, where, said, count),) = errors(kitchen, gene_values=both)
    assert (code, where, count) == ("CUR-004", "var", 1)
    assert said == f"'{GENES[0]}.7 and {GENES[1]}.7: {GENES[0]}'"


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"raw_counts": "layers/count"}, ("CUR-002", "no layers/count; the file has 'X', 'layers/counts'")),
        ({"raw_counts": "uns/counts"}, ("CUR-005", "'uns/counts'")),
        ({"raw_counts": "raw"}, ("CUR-002", "no raw/X in the file")),
        ({"feature_is_filtered": "ensembl"}, ("CUR-002", "no column 'ensembl' of true and false in var")),
        ({"gene_ids": "ids"}, ("CUR-002", "no column 'ids'; the table has 'ensembl'")),
    ],
)
def test_what_a_file_does_not_have_is_told(kitchen: Kitchen, parts: Any, expected: tuple[str, str]) -> None:
    ((code, _, said, _),) = errors(kitchen, **parts)
    assert (code, said) == expected
