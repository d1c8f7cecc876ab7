"""Ontology terms of the catalogue: labels of the ids in its rows, and every term above them. Pure.

The closure is stored when the catalogue is written, so that searching it needs no ontology.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from catchment import vocabulary
from catchment.schema.tables import TERM_FIELDS, id_column

Row = dict[str, Any]
SEVERAL = " || "  # CELLxGENE schema: several diseases of one cell


def split_ids(values: Iterable[str]) -> list[str]:
    """Return distinct term ids, sorted, where a value may name several; `unknown` only where nothing else is known."""
    ids = {part.strip() for value in values for part in value.split(SEVERAL)} - {""}
    known = ids - {"unknown"}
    return sorted(known or ids)


def term_pair(field: str, values: Iterable[str]) -> Row:
    """Return both columns of a term field: ids, and their labels in the same order (the id where it has none)."""
    ids = split_ids(values)
    return {id_column(field): ids, field: [vocabulary.label(id_) or id_ for id_ in ids]}


def closure(term: str) -> tuple[str, ...]:
    """Return every term above this one, sorted.

    What equals one of them in an ontology that spans species is above it too, so 'liver' finds a zebrafish's.
    """
    above = set(vocabulary.ancestors(term))
    for same in [same for own in (term, *above) for same in vocabulary.equivalents(own)]:
        above |= {same, *vocabulary.ancestors(same)}
    return tuple(sorted(above - {term}))


def used_terms(rows: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Return the fields each term is used in, by term id; `unknown` and its like are terms too."""
    used: dict[str, set[str]] = {}
    for row in rows:
        for field in TERM_FIELDS:
            for term in row.get(id_column(field), ()):
                used.setdefault(term, set()).add(field)
    return used


def term_rows(rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Return the rows of `terms`: every term of the given rows and every term above one, with where it is used."""
    fields: dict[str, set[str]] = {}
    for term, places in used_terms(rows).items():
        for id_ in (term, *closure(term)):
            fields.setdefault(id_, set()).update(places)
    return [
        {
            "term_id": term,
            "label": vocabulary.label(term) or term,
            "ontology": "" if term in vocabulary.NOT_A_TERM else vocabulary.prefix(term),
            "ancestors": list(closure(term)),
            "synonyms": list(vocabulary.synonyms(term)),
            "fields": sorted(fields[term]),
        }
        for term in sorted(fields)
    ]
