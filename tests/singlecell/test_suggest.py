"""A draft of a recipe: what the ontologies name, nothing more; a finished draft is a recipe that works."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import yaml

from catchment import trial
from catchment.cli import main
from catchment.config import Config
from catchment.schema.records import ColumnRecipe, Suggestion
from catchment.singlecell import MODALITY

from .conftest import COLUMNS, Kitchen
from .test_curate import authors
from .test_tenx import write_folder, write_h5


def suggested(kitchen: Kitchen, path: Path) -> Suggestion:
    assert MODALITY.suggest is not None
    return MODALITY.suggest(kitchen.asset(path))


def test_labels_become_terms_and_what_has_none_stays_empty(kitchen: Kitchen) -> None:
    recipe = suggested(kitchen, kitchen.h5ad(authors)).curation
    values = {"Hepatocyte": "CL:0000182", "Kupffer": "", "T cell": "CL:0000084"}
    assert recipe.columns["cell_type_ontology_term_id"] == ColumnRecipe(column="celltype", values=values)
    assert recipe.columns["donor_id"] == ColumnRecipe(column="patient")
    assert recipe.columns["tissue_ontology_term_id"] == ColumnRecipe()


def test_ids_and_counts_are_found_where_they_are(kitchen: Kitchen) -> None:
    recipe = suggested(kitchen, kitchen.h5ad(authors)).curation
    assert (recipe.gene_ids, recipe.raw_counts) == ("ensembl", "layers/counts")


def test_a_valid_dataset_needs_no_recipe(kitchen: Kitchen) -> None:
    suggestion = suggested(kitchen, kitchen.h5ad())
    assert suggestion.curation.columns == {}
    assert (suggestion.curation.raw_counts, suggestion.curation.gene_ids, suggestion.remarks) == ("", "", ())


def test_what_only_a_person_can_say_is_a_remark(kitchen: Kitchen) -> None:
    def bare(adata: anndata.AnnData) -> anndata.AnnData:
        adata = authors(adata)
        del adata.layers["counts"]
        adata.var = pd.DataFrame(index=adata.var_names)
        return adata

    remarks = suggested(kitchen, kitchen.h5ad(bare)).remarks
    assert remarks == (
        "no matrix holds whole numbers: the raw counts are missing",
        "no column of var holds Ensembl ids; name one with gene symbols in gene_symbols",
    )


def test_other_containers_have_their_drafts(kitchen: Kitchen) -> None:
    assert MODALITY.suggest is not None
    one = suggested(kitchen, write_h5(kitchen.folder / "counts.h5"))
    other = MODALITY.suggest(write_folder(kitchen.folder / "counts"))
    assert one == other
    assert set(one.curation.columns) >= set(COLUMNS)


def test_a_damaged_file_has_a_remark(kitchen: Kitchen) -> None:
    path = kitchen.h5ad()
    path.write_bytes(path.read_bytes()[:2000])
    suggestion = suggested(kitchen, path)
    assert "2,000 bytes" in suggestion.remarks[0]


def test_receive_prints_a_draft_that_a_submission_takes(
    tmp_path: Path, kitchen: Kitchen, capsys: pytest.CaptureFixture[str]
) -> None:
    def embedded(adata: anndata.AnnData) -> anndata.AnnData:
        adata = authors(adata)
        adata.obsm["X_umap"] = np.arange(8.0).reshape(4, 2)
        return adata

    path = kitchen.h5ad(embedded)
    assert main(["receive", "--suggest", str(path)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("# cells.h5ad\n")
    draft = yaml.safe_load(printed)["curate"]
    filled = {name: {"constant": value} for name, value in COLUMNS.items()}
    draft["columns"] |= {name: filled[name] for name, source in draft["columns"].items() if source == {"constant": ""}
                         and name in filled}  # fmt: skip
    draft["columns"]["cell_type_ontology_term_id"]["values"]["Kupffer"] = "CL:0000091"
    draft["columns"]["organism_ontology_term_id"] = {"constant": "NCBITaxon:9606"}
    draft["columns"]["title"] = {"constant": "Four cells"}
    draft["feature_is_filtered"] = "false"
    draft["columns"]["is_primary_data"] = {"constant": "true"}
    upload = tmp_path / "up"
    upload.mkdir()
    (upload / "cells.h5ad").write_bytes(path.read_bytes())
    description = {"study": {"title": "t"}, "assets": [{"file": "cells.h5ad"}], "curate": draft}
    (upload / "submission.yaml").write_text(yaml.safe_dump(description))
    pages = trial.check([upload], Config(), lambda _: None)
    ((name, state, findings),) = [page for page in pages if page[0] != str(upload)]
    wrong = [(finding.code, finding.where) for finding in findings if finding.level == "error"]
    assert (name, wrong) == ("cells.h5ad", [])
    assert state == "would be admitted"
