"""Terms cut out of an ontology's text are those of the whole, parsed."""

from __future__ import annotations

import json

import pytest
from cellxgene_ontology_guide.supported_versions import CXGSchema, load_ontology_file

from catchment import vocabulary
from catchment.ontology_terms import Ontologies, Terms

# the guide parses the other large ones in seconds, and NCBITaxon in ten; of CHEBI, some terms are looked at below
ONTOLOGIES = [
    "CL",
    "EFO",
    "UBERON",
    "MONDO",
    "PATO",
    "HANCESTRO",
    "HsapDv",
    "MmusDv",
    "CVCL",
    "WBbt",
    "ZFA",
    "FBdv",
    "UniProt",
]


@pytest.mark.parametrize("name", ONTOLOGIES)
def test_every_term_is_what_the_guide_has(name: str) -> None:
    expected, found = CXGSchema("7.1.0").ontology(name), Ontologies("7.1.0").ontology(name)
    assert list(found) == list(expected)
    assert dict(found) == expected
    load_ontology_file.cache_clear()


def test_texts_that_look_like_terms_are_texts() -> None:
    terms = {
        "A:1": {"ancestors": {}, "label": 'odd ":{"ancestors": text }},"A:9'},
        "A:2": {"ancestors": {"A:1": 1}, "label": "ü"},
    }
    for ascii_only in (True, False):
        text = json.dumps(terms, separators=(",", ":"), ensure_ascii=ascii_only).encode()
        assert dict(Terms(text)) == terms


def test_what_is_not_there_is_not_there() -> None:
    terms = Ontologies("7.1.0").ontology("PATO")
    assert "PATO:9999999" not in terms
    assert None not in terms
    with pytest.raises(KeyError):
        terms["PATO:9999999"]
    with pytest.raises(ValueError, match="not an ontology as the guide writes them: b'\\[\\]'"):
        Terms(b"[]")
    with pytest.raises(ValueError, match="no ontology of schema"):
        Ontologies("7.1.0").ontology("XYZ")


def test_the_vocabulary_asks_them() -> None:
    assert isinstance(vocabulary.parser().cxg_schema, Ontologies)
    assert vocabulary.label("CHEBI:15377") == "water"
    assert vocabulary.label("uniprot:P01375") == "TNFA_HUMAN"
