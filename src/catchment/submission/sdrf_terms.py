"""The terms in an SDRF held against pinned vocabularies, offline; what none of them can tell is named as unchecked."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from catchment import obo, vocabulary
from catchment.schema.records import Finding
from catchment.schema.rules import Rule, declare
from catchment.submission.rules import NOT_CHECKED
from catchment.submission.sdrf import NOT_GIVEN, SHOWN, SdrfTable, parse_term

TERM_WRONG = declare(
    "SDRF-010",
    "warning",
    "a term does not exist, is obsolete, or is not from the vocabulary of its column",
    expected="a current term of the column's vocabularies",
    fix="write the term as NT=<name>;AC=<accession>, as the vocabulary has it",
    source="SDRF-Proteomics 1.1.0, template ms-proteomics",
)
NAMES_DISAGREE = declare(
    "SDRF-011",
    "warning",
    "the name and the accession of a term do not belong together",
    expected="the name or a synonym of the term that the accession stands for",
    fix="correct the name or the accession: it cannot be told which of them is meant",
    source="SDRF-Proteomics 1.1.0, template ms-proteomics",
)


@cache
def vocabularies() -> dict[str, tuple[str, ...]]:
    """Return the vocabularies that each column takes its terms from, by column."""
    text = files("catchment.submission").joinpath("sdrf_terms.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t")
    return {row["column"]: tuple(row["ontologies"].split()) for row in rows}


def term_findings(table: SdrfTable) -> list[Finding]:
    """Return what is wrong with the terms of a table, and how many of them could not be checked: each kind once."""
    kinds: dict[str, tuple[Rule, list[tuple[str, str, str]]]] = {}
    for column, value, line in distinct_terms(table):
        fault = fault_of(value, vocabularies()[column])
        if fault is not None:
            rule, found, expected = fault
            kinds.setdefault(rule.code, (rule, []))[1].append((f"line {line}, {column}", found, expected))
    findings = []
    for rule, offenders in kinds.values():
        where = "; ".join(place for place, _, _ in offenders[:SHOWN])
        found = "; ".join(dict.fromkeys(found for _, found, _ in offenders[:SHOWN]))
        findings.append(rule.broken(f"{table.name}: {where}", found, expected=offenders[0][2], count=len(offenders)))
    return findings


def distinct_terms(table: SdrfTable) -> Iterator[tuple[str, str, int]]:
    """Yield (column, value, line where it first stands) of each value that has to be a term."""
    seen = set()
    for row in table.rows:
        for column, value in row.cells:
            if column in vocabularies() and value.lower() not in NOT_GIVEN and (column, value) not in seen:
                seen.add((column, value))
                yield column, value, row.line


def fault_of(value: str, ontologies: tuple[str, ...]) -> tuple[Rule, str, str] | None:
    """Return the rule that a value breaks, what was found and what was expected; None where nothing is wrong."""
    parts = parse_term(value)
    if parts is None:
        return None  # the table's own check says that it is no term
    name, accession = parts.get("NT", ""), parts.get("AC", "")
    if not accession and vocabulary.prefix(name) in ontologies:
        name, accession = "", name
    return accession_fault(name, accession, ontologies) if accession else name_fault(name, ontologies)


def accession_fault(name: str, accession: str, ontologies: tuple[str, ...]) -> tuple[Rule, str, str] | None:
    """Return what is wrong with an accession, and with the name beside it."""
    shown, known = accession[:60], vocabulary.prefix(accession)
    if known not in ontologies:
        return TERM_WRONG, f"{shown!r}", f"a term of {' or '.join(ontologies)}"
    if not can_check(known):
        return NOT_CHECKED, f"{shown}: no release of {known} is at hand", ""
    label, synonyms, successor = facts_of(accession)
    if label is None and known == vocabulary.TAXONOMY:
        return NOT_CHECKED, f"{shown}: a taxon outside the table of organisms", ""
    if label is None:
        return TERM_WRONG, f"{shown}, which does not exist", ""
    if successor is not None:
        return TERM_WRONG, f"{shown} ({label}), which is obsolete", successor and f"{successor}, which replaces it"
    if name and name.lower() not in {label.lower(), *(synonym.lower() for synonym in synonyms)}:
        return NAMES_DISAGREE, f"{name[:60]!r} with {shown}", f"{label!r} with {accession}"
    return None


def name_fault(name: str, ontologies: tuple[str, ...]) -> tuple[Rule, str, str] | None:
    """Return what is wrong with a name that stands alone: no vocabulary of its column has it."""
    checked = [ontology for ontology in ontologies if can_check(ontology)]
    labels = {ontology: ids_by_name(ontology) for ontology in checked}
    for known in labels.values():
        if name.lower() in known:
            return None
    if len(checked) < len(ontologies) or vocabulary.TAXONOMY in ontologies:
        missing = [ontology for ontology in ontologies if ontology not in checked or ontology == vocabulary.TAXONOMY]
        return NOT_CHECKED, f"{name[:60]!r}: it may be a term of {' or '.join(missing)}", ""
    every = [label for known in labels.values() for label in known]
    near = get_close_matches(name.lower(), every, n=1, cutoff=0.8)
    meant = next((f"{label!r} ({known[label]})" for known in labels.values() for label in near if label in known), "")
    expected = f"did you mean {meant}?" if meant else f"a term of {' or '.join(ontologies)}"
    return TERM_WRONG, f"{name[:60]!r}, which is no term", expected


# --- what is at hand ---------------------------------------------------------------------------------------------


def can_check(ontology: str) -> bool:
    """Tell whether a vocabulary's terms are at hand."""
    return ontology in obo.VOCABULARIES or ontology == vocabulary.TAXONOMY or ontology in pinned()


@cache
def pinned() -> frozenset[str]:
    """Return the ontologies of the pinned CELLxGENE release."""
    return frozenset(vocabulary.parser().cxg_schema.supported_ontologies)


def facts_of(accession: str) -> tuple[str | None, tuple[str, ...], str | None]:
    """Return a term's label (None where there is no such term), synonyms and, where it is obsolete, its successor."""
    known = vocabulary.prefix(accession)
    if known in obo.VOCABULARIES:
        term = obo.terms(known).get(accession)
        return (term.name, term.synonyms, term.replaced_by if term.obsolete else None) if term else (None, (), None)
    label = vocabulary.label(accession)
    if label is None:
        return None, (), None
    return label, vocabulary.synonyms(accession), "" if vocabulary.is_deprecated(accession) else None


def ids_by_name(ontology: str) -> dict[str, str]:
    """Return term id by lower-case name of a vocabulary."""
    return obo.ids_by_name(ontology) if ontology in obo.VOCABULARIES else vocabulary.labels_of(ontology)
