"""Each broken file of the reference's own tests is told the fault that its name announces, in words to act on."""

from __future__ import annotations

from pathlib import Path

import pytest

from catchment.config import SinglecellAdmit
from catchment.schema.records import Description, Finding, Preparation
from catchment.schema.rules import is_error
from catchment.singlecell import MODALITY
from catchment.storage import Place

from .conftest import Kitchen

# by file: code, where, and words of what is found, expected and to be done
FAULTS = {
    "example_invalid_CL": (
        "OBS-003",
        "obs/cell_type_ontology_term_id",
        "'CL:12312' in 1 cell",
        "term id",
        "look the term up",
    ),
    "example_invalid_assay": (
        "OBS-003",
        "obs/assay_ontology_term_id",
        "'(sci-plex)EFO:0009922'",
        "term id",
        "look the term up",
    ),
    "example_invalid_development_stage": (
        "OBS-004",
        "obs/development_stage_ontology_term_id",
        "'HsapDv:0000174' in 1 cell",
        "in use",
        "fits best today",
    ),
    "example_invalid_disease": (
        "OBS-005",
        "obs/disease_ontology_term_id",
        "'PATO:0002632'",
        "below MONDO:0000001 (disease)",
        "admits",
    ),
    "example_invalid_ethnicity": (
        "OBS-003",
        "obs/self_reported_ethnicity_ontology_term_id",
        "'NO_TERM' in 1 cell",
        "term id",
        "look the term up",
    ),
    "example_invalid_organism": (
        "OBS-009",
        "obs/organism_ontology_term_id",
        "'NCBITaxon:999882'",
        "one organism",
        "split the file",
    ),
    "example_invalid_primary_data": ("OBS-010", "obs/is_primary_data", "categories", "true/false", "astype(bool)"),
    "example_invalid_schema_version": (
        "MIG-004",
        "uns/schema_version",
        "'1.1.0'",
        "2.0.0",
        "remove uns['schema_version']",
    ),
    "example_invalid_schema_version_absent": ("CXG-001", "var", "'feature_biotype'", "no labels", "remove it"),
    "example_invalid_sex": (
        "OBS-003",
        "obs/sex_ontology_term_id",
        "'Unknown' in 1 cell",
        "term id",
        "'unknown' in lower case",
    ),
    "example_invalid_uns": (
        "CXG-051",
        "uns/default_embedding",
        "'X_PCA_1'",
        "'X_pca', 'X_umap'",
        "mend or remove the key",
    ),
    "example_invalid_var": ("CXG-034", "raw/var/feature_is_filtered", "the column", "in var only", "remove the column"),
    "example_invalid_var_raw": ("AD-002", "var", "'ENSG00000127472'", "the genes of raw.X", "subset the whole AnnData"),
    "example_invalid_x_and_raw_x_not_equal": (
        "AD-018",
        "var",
        "134 genes in X, 136 in raw.X",
        "same genes",
        "keep all genes",
    ),
}


def everything_said(kitchen: Kitchen, path: Path) -> list[Finding]:
    """Return what preparing and validating a file tells."""
    preparation = MODALITY.prepare(kitchen.asset(path), Place(str(kitchen.folder)), SinglecellAdmit())
    assert isinstance(preparation, Preparation)
    description = MODALITY.describe(preparation.asset)
    assert isinstance(description, Description)
    admission = MODALITY.validate(description, preparation.asset, SinglecellAdmit())
    return [*preparation.findings, *admission.findings]


@pytest.mark.real
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_fixture_is_told_what_its_name_announces(name: str, kitchen: Kitchen, shared: Path) -> None:
    (path,) = [
        path for path in (shared / "singlecell/schema_cli").rglob("*.h5ad") if path.stem.partition("@")[0] == name
    ]
    code, where, *words = FAULTS[name]
    errors = [finding for finding in everything_said(kitchen, path) if is_error(finding)]
    told = [finding for finding in errors if (finding.code, finding.where) == (code, where)]
    assert len(told) == 1
    for text, word in zip((told[0].found, told[0].expected, told[0].fix), words, strict=True):
        assert word in text
    places = [
        (finding.code, finding.where) for finding in errors if finding.where.endswith("organism_ontology_term_id")
    ]
    assert places == [("OBS-009", "obs/organism_ontology_term_id")]  # one cause, one finding
