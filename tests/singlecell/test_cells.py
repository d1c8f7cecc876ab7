"""Metadata of cells against the CELLxGENE schema: each breach has its own code; what is missing is found elsewhere."""

from __future__ import annotations

from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest

from catchment.schema.records import Sample

from .conftest import COLUMNS, Kitchen

ASSAY, CELL_TYPE = "assay_ontology_term_id", "cell_type_ontology_term_id"
DISEASE, ETHNICITY = "disease_ontology_term_id", "self_reported_ethnicity_ontology_term_id"
STAGE, SEX, TISSUE = "development_stage_ontology_term_id", "sex_ontology_term_id", "tissue_ontology_term_id"
ORGANISM = "organism_ontology_term_id"
NOT_OF_A_LINE = {STAGE: "na", SEX: "na", ETHNICITY: "na", "donor_id": "na"}
MOUSE_GENES = [f"ENSMUSG{number:011d}" for number in range(1, 6)]


def setting(**columns: Any):
    def edit(adata: anndata.AnnData) -> None:
        for name, value in columns.items():
            adata.obs[name] = pd.Categorical([value] * 4)

    return edit


def without(*names: str):
    def edit(adata: anndata.AnnData) -> None:
        for name in names:
            del adata.obs[name]

    return edit


def test_the_fixture_names_every_column_that_falls_back_or_is_required() -> None:
    from catchment.singlecell.tables import schema_columns

    assert {column.column for column in schema_columns()} == {*COLUMNS, "is_primary_data"}


@pytest.mark.parametrize(
    ("columns", "code", "expected"),
    [
        ({TISSUE: "UBERON:9999999"}, "OBS-003", "pinned"),
        ({TISSUE: "liver"}, "OBS-003", "pinned"),
        ({STAGE: "HsapDv:0000087"}, "OBS-004", "in use"),
        ({TISSUE: "CL:0000182"}, "OBS-005", "below UBERON:0001062"),
        ({TISSUE: "unknown"}, "OBS-005", "below UBERON:0001062"),
        ({CELL_TYPE: "UBERON:0002107"}, "OBS-005", "below CL:0000000 (cell)"),
        ({CELL_TYPE: "CL:0000255"}, "OBS-005", "below CL:0000000"),
        ({CELL_TYPE: "na"}, "OBS-005", "below CL:0000000"),
        ({ASSAY: "EFO:0010183"}, "OBS-005", "below EFO:0002772"),
        ({ASSAY: "unknown"}, "OBS-005", "below EFO:0002772"),
        ({STAGE: "MmusDv:0000110"}, "OBS-005", "below HsapDv:0000001"),
        ({STAGE: "na"}, "OBS-005", "below HsapDv:0000001"),
        ({DISEASE: "unknown"}, "OBS-005", "PATO:0000461 (normal)"),
        ({DISEASE: "PATO:0000383"}, "OBS-005", "PATO:0000461 (normal)"),
        ({DISEASE: "MONDO:0005233 || MONDO:0100096"}, None, ""),
        ({DISEASE: "MONDO:0100096 || MONDO:0005233"}, "OBS-006", "MONDO:0005233 || MONDO:0100096"),
        ({DISEASE: "MONDO:0005233 || MONDO:0005233"}, "OBS-006", "MONDO:0005233"),
        ({DISEASE: "MONDO:0005233 || PATO:0000461"}, "OBS-005", "terms of MONDO only"),
        ({TISSUE: "UBERON:0000178 || UBERON:0002107"}, "OBS-005", "one term"),
        ({ETHNICITY: "HANCESTRO:0005"}, "OBS-005", "below HANCESTRO:0601"),
        ({ETHNICITY: "na"}, "OBS-005", "below HANCESTRO:0601"),
        ({SEX: "PATO:0000461"}, "OBS-005", "PATO:0000383 (female)"),
        ({SEX: "na"}, "OBS-005", "PATO:0000383 (female)"),
        ({"tissue_type": "cell culture"}, "OBS-005", "primary cell culture"),
        ({"suspension_type": "whole"}, "OBS-005", "cell or nucleus or na"),
        ({"suspension_type": "na"}, "OBS-012", "cell or nucleus"),
        ({"donor_id": "na"}, "OBS-005", "any text but na"),
        ({"donor_id": "  "}, "OBS-005", "not empty"),
        ({"tissue_type": "cell line", TISSUE: "CVCL_0030", **NOT_OF_A_LINE}, None, ""),
        ({"tissue_type": "organoid", TISSUE: "UBERON:0000922"}, "OBS-005", "below UBERON:0001062"),
        ({"tissue_type": "primary cell culture", TISSUE: "CL:0000182"}, None, ""),
    ],
)  # fmt: skip
def test_a_value_is_held_against_the_schema(
    kitchen: Kitchen, columns: dict[str, str], code: str | None, expected: str
) -> None:
    findings = kitchen.findings(kitchen.h5ad(setting(**columns)))
    blamed = [f for f in findings if not (code == "OBS-005" and f.code == "OBS-012")]
    if code is None:
        assert blamed == []
        return
    (finding,) = blamed
    assert finding.code == code
    assert finding.where == f"obs/{next(reversed(columns))}"
    assert repr(columns[next(reversed(columns))]) in finding.found
    assert expected in finding.expected
    assert finding.count == 4


@pytest.mark.parametrize(
    ("columns", "wrong"),
    [
        ({"tissue_type": "cell line", STAGE: "na", SEX: "na", ETHNICITY: "na", "donor_id": "na"}, TISSUE),
        ({"tissue_type": "cell line", TISSUE: "CVCL_0030", SEX: "na", ETHNICITY: "na", "donor_id": "na"}, STAGE),
        ({"tissue_type": "cell line", TISSUE: "CVCL_0030", STAGE: "na", ETHNICITY: "na", "donor_id": "na"}, SEX),
        ({"tissue_type": "cell line", TISSUE: "CVCL_0030", STAGE: "na", SEX: "na", "donor_id": "na"}, ETHNICITY),
        ({"tissue_type": "cell line", TISSUE: "CVCL_0030", STAGE: "na", SEX: "na", ETHNICITY: "na"}, "donor_id"),
    ],
)
def test_a_cell_line_has_no_donor(kitchen: Kitchen, columns: dict[str, str], wrong: str) -> None:
    (finding,) = kitchen.findings(kitchen.h5ad(setting(**columns)))
    assert (finding.code, finding.where) == ("OBS-005", f"obs/{wrong}")


def test_only_the_offending_cells_are_counted(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> None:
        adata.obs[CELL_TYPE] = pd.Categorical(["CL:0000182", "CL:9999999", "CL:0000182", "CL:9999998"])

    (finding,) = kitchen.findings(kitchen.h5ad(edit))
    assert (finding.code, finding.count) == ("OBS-003", 2)
    assert finding.found == "'CL:9999998', 'CL:9999999' in 2 cells"


def mouse(adata: anndata.AnnData) -> None:
    adata.var_names = MOUSE_GENES
    adata.uns[ORGANISM] = "NCBITaxon:10090"
    adata.obs[STAGE] = pd.Categorical(["MmusDv:0000110"] * 4)
    adata.obs[ETHNICITY] = pd.Categorical(["na"] * 4)


def test_a_mouse_has_mouse_stages_and_no_ethnicity(kitchen: Kitchen) -> None:
    assert kitchen.codes(kitchen.h5ad(mouse)) == []

    def human_values(adata: anndata.AnnData) -> None:
        mouse(adata)
        setting(**{STAGE: "HsapDv:0000136", ETHNICITY: "unknown"})(adata)

    findings = kitchen.findings(kitchen.h5ad(human_values))
    assert [(f.code, f.where) for f in findings] == [("OBS-005", f"obs/{STAGE}"), ("OBS-005", f"obs/{ETHNICITY}")]


def test_every_condition_of_the_table_names_a_known_organism_and_tissue_type() -> None:
    from catchment import vocabulary
    from catchment.singlecell.tables import admitted_values

    for row in admitted_values():
        assert row.organism in ("*", "else") or row.organism.lstrip("!") in vocabulary.organisms()
        for term in (*row.below, *row.terms, *row.not_below, *row.not_terms):
            assert ":" not in term or vocabulary.label(term), term


# --- missing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [ASSAY, DISEASE, TISSUE, "tissue_type", "is_primary_data", "suspension_type"])
def test_a_missing_column_without_a_word_for_unknown_is_an_error(kitchen: Kitchen, name: str) -> None:
    findings = kitchen.findings(kitchen.h5ad(without(name)))
    assert [(f.code, f.level, f.where) for f in findings] == [("OBS-001", "error", f"obs/{name}")]


@pytest.mark.parametrize("name", [CELL_TYPE, STAGE, "donor_id", ETHNICITY, SEX])
def test_a_missing_column_with_a_word_for_unknown_is_filled_with_a_warning(kitchen: Kitchen, name: str) -> None:
    findings = kitchen.findings(kitchen.h5ad(without(name)))
    assert [(f.code, f.level, f.where) for f in findings] == [("OBS-002", "warning", f"obs/{name}")]
    assert "'unknown'" in findings[0].found


def test_a_suspension_type_that_follows_from_the_assay_is_filled(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> None:
        setting(**{ASSAY: "EFO:0008720"})(adata)
        without("suspension_type")(adata)

    (finding,) = kitchen.findings(kitchen.h5ad(edit))
    assert (finding.code, finding.found) == ("OBS-002", "no such column; filled with 'nucleus'")


def test_constants_and_the_single_sample_and_the_assay_stand_for_columns(kitchen: Kitchen) -> None:
    path = kitchen.h5ad(without(*COLUMNS, "is_primary_data"))
    sample = Sample(
        id="s",
        accession="CAT00000001A.S0001",
        organism_ontology_term_id="NCBITaxon:9606",
        tissue_ontology_term_id="UBERON:0002107",
        tissue_type="tissue",
        disease_ontology_term_id="PATO:0000461",
        development_stage_ontology_term_id="HsapDv:0000136",
        sex_ontology_term_id="PATO:0000383",
        donor_id="H1",
    )
    given: dict[str, Any] = {
        "samples": (sample,),
        "assay_ontology_term_id": "EFO:0009922",
        "constants": {"is_primary_data": True, "suspension_type": "cell", CELL_TYPE: "unknown", ETHNICITY: "unknown"},
    }
    assert kitchen.codes(path, **given) == []
    two = {**given, "samples": (sample, sample.model_copy(update={"id": "t"}))}
    assert {f.where for f in kitchen.findings(path, **two) if f.level == "error"} == {
        f"obs/{name}" for name in (TISSUE, DISEASE, "tissue_type")
    }


def test_a_constant_is_held_against_the_schema_like_a_column(kitchen: Kitchen) -> None:
    (finding,) = kitchen.findings(kitchen.h5ad(without(DISEASE)), constants={DISEASE: "MONDO:9999999"})
    assert (finding.code, finding.where) == ("OBS-003", f"constants.{DISEASE}")


def test_the_file_wins_over_a_constant_with_a_warning(kitchen: Kitchen) -> None:
    (finding,) = kitchen.findings(kitchen.h5ad(), constants={DISEASE: "MONDO:0005233"})
    assert (finding.code, finding.level, finding.where) == ("OBS-008", "warning", f"obs/{DISEASE}")
    assert finding.found == f"'PATO:0000461' in 4 cells; constants.{DISEASE} says 'MONDO:0005233'"


def test_gaps_in_a_column_are_an_error_with_their_rows(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> None:
        adata.obs[CELL_TYPE] = pd.Categorical(["CL:0000182", None, "CL:0000182", None])

    (finding,) = kitchen.findings(kitchen.h5ad(edit))
    assert (finding.code, finding.count, finding.found) == ("OBS-007", 2, "no value in rows 1, 3")


def test_is_primary_data_must_be_true_or_false(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> None:
        adata.obs["is_primary_data"] = ["yes", "no", "yes", "no"]

    (finding,) = kitchen.findings(kitchen.h5ad(edit))
    assert (finding.code, finding.expected) == ("OBS-010", "true/false")


# --- organism ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("organism", ["NCBITaxon:1", "Homo sapiens"])
def test_an_unknown_organism_is_an_error(kitchen: Kitchen, organism: str) -> None:
    findings = kitchen.findings(kitchen.h5ad(lambda adata: adata.uns.__setitem__(ORGANISM, organism)))
    assert [(f.code, f.where) for f in findings] == [("OBS-009", f"uns/{ORGANISM}")]
    assert "NCBITaxon:9606 (Homo sapiens)" in findings[0].expected


def test_the_organism_may_stand_in_obs_or_in_constants_or_nowhere(kitchen: Kitchen) -> None:
    def into_obs(adata: anndata.AnnData) -> None:
        del adata.uns[ORGANISM]
        setting(**{ORGANISM: "NCBITaxon:9606"})(adata)

    assert kitchen.codes(kitchen.h5ad(into_obs)) == []
    path = kitchen.h5ad(lambda adata: adata.uns.__delitem__(ORGANISM))
    assert kitchen.codes(path) == ["OBS-009"]
    assert kitchen.codes(path, constants={ORGANISM: "NCBITaxon:9606"}) == []


def test_several_organisms_are_an_error(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> None:
        del adata.uns[ORGANISM]
        adata.obs[ORGANISM] = ["NCBITaxon:9606", "NCBITaxon:10090"] * 2

    (finding,) = kitchen.findings(kitchen.h5ad(edit))
    assert finding.code == "OBS-009"
    assert "several organisms" in finding.found


def test_an_organism_that_contradicts_the_metadata_is_a_warning(kitchen: Kitchen) -> None:
    codes = kitchen.codes(kitchen.h5ad(), constants={ORGANISM: "NCBITaxon:10090"})
    assert codes == ["OBS-008"]


# --- what the open format needs ----------------------------------------------------------------------------------


def test_labels_of_the_file_are_held_against_the_ontologies(kitchen: Kitchen) -> None:
    assert kitchen.codes(kitchen.h5ad(setting(tissue="liver"))) == []
    (finding,) = kitchen.findings(kitchen.h5ad(setting(tissue="lung")))
    assert (finding.code, finding.level) == ("OBS-011", "warning")
    assert finding.found == "'lung for UBERON:0002107 (liver)'"


def test_reserved_column_names_are_a_warning(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> None:
        adata.obs["soma_joinid"] = np.arange(4)
        adata.obs["obs_id"] = ["w", "x", "y", "z"]

    (finding,) = kitchen.findings(kitchen.h5ad(edit))
    assert (finding.code, finding.level, finding.count) == ("OBS-013", "warning", 2)


def test_unused_categories_are_a_warning(kitchen: Kitchen) -> None:
    def after(file) -> None:
        del file["obs/donor_id/categories"]
        file["obs/donor_id"].create_dataset("categories", data=["H1", "H2"])

    (finding,) = kitchen.findings(kitchen.h5ad(after=after))
    assert (finding.code, finding.level, finding.found) == ("OBS-014", "warning", "'donor_id'")
