"""Ontology terms, offline."""

from __future__ import annotations

import pytest

from catchment import vocabulary


@pytest.mark.parametrize(
    ("term", "label"),
    [
        ("UBERON:0002107", "liver"),
        ("NCBITaxon:9606", "Homo sapiens"),
        ("NCBITaxon:40674", "Mammalia"),
        ("CVCL_0030", "HeLa"),
        ("PATO:0000461", "normal"),
        ("unknown", "unknown"),
        ("na", "na"),
    ],
)
def test_a_term_has_its_label(term: str, label: str) -> None:
    assert vocabulary.label(term) == label


@pytest.mark.parametrize(
    "term",
    ["UBERON:9999999", "NCBITaxon:1", "liver", "", ":", "GO:0005739", "CVCL:0030", "UBERON_0002107", "\x00", "é:1"],
)
def test_what_is_no_term_has_no_label_no_ancestors_and_no_other_names(term: str) -> None:
    assert vocabulary.label(term) is None
    assert vocabulary.ancestors(term) == ()
    assert vocabulary.synonyms(term) == ()
    assert vocabulary.equivalents(term) == ()


def test_ancestors_follow_is_a_and_part_of_and_leave_the_term_itself_out() -> None:
    assert "UBERON:0002107" in vocabulary.ancestors("UBERON:0001117")
    assert "UBERON:0001117" not in vocabulary.ancestors("UBERON:0001117")
    assert "UBERON:0001117" not in vocabulary.ancestors("UBERON:0002107")


def test_human_and_mouse_are_mammals_and_a_fly_is_not() -> None:
    assert vocabulary.descends_from("NCBITaxon:9606", "NCBITaxon:40674")
    assert vocabulary.descends_from("NCBITaxon:10090", "NCBITaxon:40674")
    assert not vocabulary.descends_from("NCBITaxon:7227", "NCBITaxon:40674")
    assert vocabulary.descends_from("NCBITaxon:40674", "NCBITaxon:40674")


def test_every_organism_has_a_distinct_name_and_a_lineage_up_to_animals() -> None:
    organisms = vocabulary.organisms().values()
    assert len({organism.name for organism in organisms}) == len(organisms)
    for organism in organisms:
        assert organism.lineage[-1] == ("NCBITaxon:33208", "Metazoa")


def test_an_obsolete_term_is_told_from_a_current_one() -> None:
    obsolete = next(id_ for name, id_ in vocabulary.labels_of("UBERON").items() if name.startswith("obsolete "))
    assert vocabulary.is_deprecated(obsolete)
    assert not vocabulary.is_deprecated("UBERON:0002107")
    assert not vocabulary.is_deprecated("unknown")


def test_terms_of_single_species_have_equivalents_that_span_species() -> None:
    assert vocabulary.equivalents("ZFA:0000123") == ("UBERON:0002107",)
    assert vocabulary.equivalents("HsapDv:0000002") == ("UBERON:0000068",)
    assert vocabulary.equivalents("UBERON:0002107") == ()
    for term, same in vocabulary.SPANNING_STAGES.items():
        assert vocabulary.label(term) is not None
        assert vocabulary.label(same) is not None


def test_common_names_are_those_of_terms_that_exist() -> None:
    for term, names in vocabulary.COMMON_NAMES.items():
        assert vocabulary.label(term) is not None, term
        assert set(names) <= set(vocabulary.synonyms(term))
    names = [name for names in vocabulary.COMMON_NAMES.values() for name in names]
    assert len(names) == len(set(names))


def test_labels_are_found_in_lower_case() -> None:
    assert vocabulary.labels_of("UBERON")["liver"] == "UBERON:0002107"
    assert vocabulary.labels_of("NCBITaxon")["mouse"] == "NCBITaxon:10090"
    assert vocabulary.labels_of("NCBITaxon")["mus musculus"] == "NCBITaxon:10090"
    assert vocabulary.labels_of("PATO")["healthy"] == "PATO:0000461"


def test_an_id_names_its_ontology() -> None:
    assert vocabulary.prefix("UBERON:0002107") == "UBERON"
    assert vocabulary.prefix("CVCL_0030") == "CVCL"
