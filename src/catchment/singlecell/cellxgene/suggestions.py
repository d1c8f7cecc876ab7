"""Did you mean: the nearest valid term for one that does not exist, and what replaces an obsolete one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache

from catchment import vocabulary

LOOSE_ID = re.compile(r"\s*([A-Za-z]+)[:_ ]0*(\d+)\s*")
CLOSE_ENOUGH = 0.8
SHORTEST, LONGEST = 3, 80
# in these, terms are too many to look for one that is merely similar
TOO_MANY = frozenset({"CHEBI", "UniProt", "uniprot", "anti-uniprot", "CVCL"})


def advice(values: Iterable[str], ontologies: tuple[str, ...], otherwise: str) -> str:
    """Return what to give instead of some values, as far as that can be told; the general advice where it cannot."""
    hints = [f"{value} -> {better}" for value in list(values)[:5] if (better := suggestion(value, ontologies))]
    return f"did you mean {', '.join(hints)}?" if hints else otherwise


@cache
def suggestion(value: str, ontologies: tuple[str, ...]) -> str | None:
    """Return the valid term nearest to a value, with its label; None where there is none near."""
    if vocabulary.exists(value):
        better = vocabulary.replacements(value) if vocabulary.is_deprecated(value) else ()
        return next((named(term) for term in better if vocabulary.label(term)), None)
    return spelt_otherwise(value, ontologies) or called_so(value, ontologies)


def spelt_otherwise(value: str, ontologies: tuple[str, ...]) -> str | None:
    """Return the term whose id a value is, but for case, separator and leading zeros."""
    match = LOOSE_ID.fullmatch(value)
    for ontology in ontologies:
        if match and ontology.lower() == match[1].lower():
            for id_ in (f"{ontology}:{int(match[2]):07d}", f"{ontology}:{match[2]}", f"{ontology}_{match[2]}"):
                if vocabulary.exists(id_) and not vocabulary.is_deprecated(id_):
                    return named(id_)
    return None


def called_so(value: str, ontologies: tuple[str, ...]) -> str | None:
    """Return the term whose label a value is, or nearly is."""
    wanted = value.strip().lower()
    if ":" in wanted or not SHORTEST <= len(wanted) <= LONGEST:
        return None
    for ontology in ontologies:
        id_ = None if ontology in TOO_MANY else vocabulary.labels_of(ontology).get(wanted)
        if id_ and not vocabulary.is_deprecated(id_):
            return named(id_)
    for ontology in ontologies:
        if ontology in TOO_MANY:
            continue
        labels = vocabulary.labels_of(ontology)
        for near in get_close_matches(wanted, labels, n=3, cutoff=CLOSE_ENOUGH):
            if not vocabulary.is_deprecated(labels[near]):
                return named(labels[near])
    return None


def named(term: str) -> str:
    """Return a term with its label."""
    return f"{term} ({vocabulary.label(term)})"
