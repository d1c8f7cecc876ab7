"""Facts about samples are held against the standard: terms that exist, values that are allowed."""

from __future__ import annotations

import pytest

from catchment.submission.check import ONTOLOGIES, TISSUE_TYPES, faults_of, sample_findings
from catchment.submission.draft import DraftSample

GOOD = DraftSample(
    id="liver-1",
    organism_ontology_term_id="NCBITaxon:9606",
    tissue_ontology_term_id="UBERON:0002107",
    tissue_type="tissue",
    disease_ontology_term_id="PATO:0000461",
    development_stage_ontology_term_id="HsapDv:0000258",
    sex_ontology_term_id="PATO:0000383",
)


def test_a_sample_of_known_terms_has_no_faults() -> None:
    assert faults_of(GOOD) == []


def test_a_sample_of_which_nothing_is_known_has_no_faults() -> None:
    assert faults_of(DraftSample(id="x")) == []


@pytest.mark.parametrize("field", sorted(ONTOLOGIES))
@pytest.mark.parametrize("term", ["liver", "", "EFO:0009922", "uberon:0002107", "UBERON_0002107", "<script>"])
def test_a_term_of_another_ontology_is_an_error_that_names_the_right_ones(field: str, term: str) -> None:
    (finding,) = faults_of(GOOD.model_copy(update={field: term}))
    assert (finding.code, finding.where, finding.found) == ("META-001", f"sample liver-1: {field}", term)
    assert finding.expected == f"a term of {' or '.join(ONTOLOGIES[field])}"


@pytest.mark.parametrize(
    ("field", "term"),
    [
        ("tissue_ontology_term_id", "UBERON:9999999"),
        ("disease_ontology_term_id", "MONDO:9999999"),
        ("development_stage_ontology_term_id", "HsapDv:9999999"),
        ("sex_ontology_term_id", "PATO:9999999"),
        ("tissue_ontology_term_id", "UBERON:"),
        ("tissue_ontology_term_id", "UBERON:0002107 "),
    ],
)
def test_a_term_that_does_not_exist_is_an_error(field: str, term: str) -> None:
    (finding,) = faults_of(GOOD.model_copy(update={field: term}))
    assert (finding.code, finding.found) == ("META-001", f"{term}, which does not exist")


def test_a_term_that_is_obsolete_is_an_error() -> None:
    (finding,) = faults_of(GOOD.model_copy(update={"tissue_ontology_term_id": "UBERON:0000032"}))
    assert (finding.code, finding.found) == ("META-001", "UBERON:0000032, which is obsolete")


def test_a_taxon_outside_our_table_is_kept_and_said_to_be_unchecked() -> None:
    (finding,) = faults_of(GOOD.model_copy(update={"organism_ontology_term_id": "NCBITaxon:3702"}))
    assert (finding.code, finding.level) == ("META-003", "info")


@pytest.mark.parametrize("value", ["leg", "Tissue", ""])
def test_a_tissue_type_that_is_not_listed_is_an_error_with_the_list(value: str) -> None:
    (finding,) = faults_of(GOOD.model_copy(update={"tissue_type": value}))
    assert (finding.code, finding.found, finding.expected) == ("META-002", value, ", ".join(TISSUE_TYPES))


def test_every_fault_is_found_in_one_pass_by_sample() -> None:
    bad = GOOD.model_copy(update={"id": "bad", "sex_ontology_term_id": "x", "tissue_type": "leg"})
    found = sample_findings([GOOD, bad])
    assert found["liver-1"] == []
    assert [finding.code for finding in found["bad"]] == ["META-001", "META-002"]
