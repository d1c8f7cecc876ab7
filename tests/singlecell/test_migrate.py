"""Datasets of earlier schemas climb to the current one, step by step, and every change is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata
import h5py
import pandas as pd
import pytest

from catchment.config import SinglecellAdmit
from catchment.schema.records import Finding, Preparation
from catchment.singlecell import MODALITY
from catchment.singlecell.migrate import ACTIONS, changes, version_of
from catchment.storage import Place

from .agreement import our_findings
from .conftest import COUNTS, GENES, Kitchen

PEOPLE = ["c0", "c1", "c2", "c3"]


def prepared(kitchen: Kitchen, path: Path) -> tuple[Path, tuple[Finding, ...]]:
    """Prepare a file, and return where it is then and what was told."""
    place = Place(str(kitchen.folder / "prepared"))
    place.path.mkdir()
    preparation = MODALITY.prepare(kitchen.asset(path), place, SinglecellAdmit())
    assert isinstance(preparation, Preparation), preparation
    return Path(preparation.asset.files[0].path), preparation.findings


def category(*values: str) -> Any:
    return pd.Categorical(list(values))


def of_schema_5(adata: anndata.AnnData) -> None:
    """Make the valid dataset one of schema 5.1.0, labelled as it was then."""
    adata.uns["schema_version"] = "5.1.0"
    adata.uns["citation"] = "Dataset Version: https://example.org/1 curated"
    adata.uns.pop("organism_ontology_term_id")
    adata.obs["organism_ontology_term_id"] = category(*["NCBITaxon:9606"] * 4)
    adata.obs["organism"] = category(*["Homo sapiens"] * 4)
    adata.obs["cell_type"] = category("hepatocyte", "Kupffer cell", "hepatocyte", "T cell")
    adata.obs["tissue_type"] = category("tissue", "cell culture", "tissue", "cell culture")
    adata.obs["self_reported_ethnicity_ontology_term_id"] = category(
        "HANCESTRO:0006,HANCESTRO:0005", "unknown", "HANCESTRO:0005", "unknown"
    )
    adata.var.index = [f"{gene}.{number}" for number, gene in enumerate(adata.var.index, 1)]


def told(findings: tuple[Finding, ...]) -> dict[str, tuple[str, str, int]]:
    return {finding.where: (finding.code, finding.found, finding.count) for finding in findings}


def test_a_dataset_of_schema_5_is_brought_to_the_current_one(kitchen: Kitchen) -> None:
    path, findings = prepared(kitchen, kitchen.h5ad(of_schema_5))
    adata = anndata.read_h5ad(path)
    assert adata.uns["organism_ontology_term_id"] == "NCBITaxon:9606"
    assert adata.uns["submitted_citation"] == "Dataset Version: https://example.org/1 curated"
    assert {"citation", "schema_version"}.isdisjoint(adata.uns)
    assert {"organism", "organism_ontology_term_id", "cell_type"}.isdisjoint(adata.obs)
    assert adata.obs["tissue_type"].tolist() == ["tissue", "primary cell culture"] * 2
    ethnicity = adata.obs["self_reported_ethnicity_ontology_term_id"]
    assert ethnicity["c0"] == " || ".join(sorted(ethnicity["c0"].split(" || ")))
    assert adata.var.index.tolist() == GENES
    assert (adata.X.toarray() == COUNTS).all()
    said = told(findings)
    assert said["obs/organism_ontology_term_id"] == ("MIG-001", "'NCBITaxon:9606' moved to uns (schema 6.0.0)", 1)
    assert said["obs/tissue_type"] == ("MIG-002", "'cell culture' to 'primary cell culture' (schema 7.0.0)", 2)
    assert said["var"] == ("MIG-001", "versions taken off Ensembl ids (schema 6.0.0)", 5)
    assert "cell line" in next(finding.fix for finding in findings if finding.where == "obs/tissue_type")


def test_only_the_rungs_above_the_stated_version_are_climbed(kitchen: Kitchen) -> None:
    def of_schema_7(adata: anndata.AnnData) -> None:
        adata.uns["schema_version"] = "7.0.0"
        adata.obs["tissue_type"] = category(*["cell culture"] * 4)
        adata.obs["cell_type_ontology_term_id"] = category(*["CL:4023083"] * 4)

    path, findings = prepared(kitchen, kitchen.h5ad(of_schema_7))
    adata = anndata.read_h5ad(path)
    assert set(adata.obs["tissue_type"]) == {"cell culture"}  # a fault of the file, for validate to tell
    assert set(adata.obs["cell_type_ontology_term_id"]) == {"CL:4023036"}
    found = "'CL:4023083' to 'CL:4023036' (schema 7.1.0)"
    assert told(findings)["obs/cell_type_ontology_term_id"] == ("MIG-001", found, 4)


def test_a_submission_to_the_current_schema_is_read_where_it_lies(kitchen: Kitchen) -> None:
    source = kitchen.h5ad()
    path, findings = prepared(kitchen, source)
    assert (path, findings) == (source, ())


@pytest.mark.parametrize("version", ["1.1.0", "8.0.0", "new"])
def test_a_version_off_the_ladder_is_refused(kitchen: Kitchen, version: str) -> None:
    _, findings = prepared(kitchen, kitchen.h5ad(lambda adata: adata.uns.update(schema_version=version)))
    assert [(f.code, f.where, f.found) for f in findings] == [("MIG-004", "uns/schema_version", repr(version))]


def test_several_organisms_are_for_a_person_to_part(kitchen: Kitchen) -> None:
    def mixed(adata: anndata.AnnData) -> None:
        of_schema_5(adata)
        adata.obs["organism_ontology_term_id"] = category(*["NCBITaxon:9606", "NCBITaxon:10090"] * 2)

    path, findings = prepared(kitchen, kitchen.h5ad(mixed))
    assert not any(finding.level == "error" for finding in findings)
    of_organism = [finding for finding in our_findings(path) if "organism" in finding.where + finding.found]
    (error,) = of_organism  # not as a name that was given up as well
    assert (error.code, error.where) == ("OBS-009", "obs/organism_ontology_term_id")
    assert error.found == "several organisms: 'NCBITaxon:10090', 'NCBITaxon:9606'"
    assert error.fix.startswith("split the file")


def test_cells_without_organism_are_for_a_person_to_fill(kitchen: Kitchen) -> None:
    def gaps(adata: anndata.AnnData) -> None:
        of_schema_5(adata)
        adata.obs["organism_ontology_term_id"] = category("NCBITaxon:9606", None, None, None)

    _, findings = prepared(kitchen, kitchen.h5ad(gaps))
    (error,) = [finding for finding in findings if finding.level == "error"]
    assert (error.code, error.where) == ("MIG-003", "obs/organism_ontology_term_id")
    assert (error.found, error.fix[:23]) == ("cells without a value", "give every cell its org")


def test_a_dataset_of_schema_6_is_brought_to_the_current_one(kitchen: Kitchen) -> None:
    def of_schema_6(adata: anndata.AnnData) -> None:
        # made from the changelog of 7.0.0: 'cell culture' and labels of the time
        adata.uns["schema_version"] = "6.0.0"
        adata.uns["organism"] = "Homo sapiens"
        adata.obs["tissue_type"] = category("tissue", "cell culture", "tissue", "organoid")
        adata.obs["tissue_ontology_term_id"] = category(
            "UBERON:0002107", "CL:0000182", "UBERON:0002107", "UBERON:0002107"
        )
        adata.obs["disease_ontology_term_id"] = category("MONDO:0005002 || MONDO:0004604", *["PATO:0000461"] * 3)
        adata.obs["observation_joinid"] = ["a", "b", "c", "d"]

    path, findings = prepared(kitchen, kitchen.h5ad(of_schema_6))
    said = told(findings)
    assert said["obs/tissue_type"] == ("MIG-002", "'cell culture' to 'primary cell culture' (schema 7.0.0)", 1)
    assert not any("6.0.0" in finding.found or "5.0.0" in finding.found for finding in findings)
    adata = anndata.read_h5ad(path)
    assert adata.obs["tissue_type"].tolist() == ["tissue", "primary cell culture", "tissue", "organoid"]
    assert {"organism", "schema_version"}.isdisjoint(adata.uns)
    assert "observation_joinid" not in adata.obs


def test_versions_stay_where_two_genes_would_become_one(kitchen: Kitchen) -> None:
    def twice(adata: anndata.AnnData) -> None:
        of_schema_5(adata)
        adata.var.index = [f"{GENES[0]}.1", f"{GENES[0]}.2", *GENES[2:]]

    path, _ = prepared(kitchen, kitchen.h5ad(twice))
    assert anndata.read_h5ad(path).var.index.tolist()[:2] == [f"{GENES[0]}.1", f"{GENES[0]}.2"]


def test_a_damaged_table_is_a_finding(kitchen: Kitchen) -> None:
    def break_index(file: h5py.File) -> None:
        file["uns/schema_version"] = "5.0.0"
        del file["obs/_index"]

    place = Place(str(kitchen.folder / "p"))
    place.path.mkdir()
    outcome = MODALITY.prepare(kitchen.asset(kitchen.h5ad(after=break_index)), place, SinglecellAdmit())
    assert [finding.code for finding in outcome.findings] == ["H5-007"]


def test_every_change_of_the_table_is_one_that_there_is() -> None:
    for change in changes():
        assert change.action in ACTIONS
        assert change.table in ("obs", "var", "uns")
        assert change.to == "labels" or version_of(change.to) is not None
    rungs = [version_of(change.to) for change in changes() if change.to != "labels"]
    assert rungs == sorted(rungs)  # type: ignore[type-var]


@pytest.mark.real
@pytest.mark.filterwarnings("error")
def test_the_fixtures_of_2021_climb_as_far_as_no_person_is_needed(kitchen: Kitchen, shared: Path) -> None:
    outcomes = {}
    for source in sorted((shared / "singlecell/schema_cli/history").glob("*.h5ad")):
        kitchen.folder = kitchen.folder / "next"
        kitchen.folder.mkdir()
        path, findings = prepared(kitchen, source)
        outcomes[source.name.split("@")[0]] = {f.code for f in findings if f.level == "error"}
        if path != source and "schema_version@" not in source.name:
            adata = anndata.read_h5ad(path)
            assert "schema_version" not in adata.uns
            assert "ethnicity_ontology_term_id" not in adata.obs
    assert outcomes.pop("example_invalid_schema_version") == {"MIG-004"}
    assert outcomes.pop("example_with_labels2") == set()
    assert set(map(frozenset, outcomes.values())) == {frozenset()}  # that all mix organisms is for `validate` to say
