"""What a person asks for -> the term ids that answer it: labels, synonyms or ids, and everything below them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from catchment import vocabulary
from catchment.errors import BadInput

LONGEST_QUESTION = 1_000

# where a label may come from that the catalogue has no data for: cross-modality metadata 1.1.0
FIELD_ONTOLOGIES: dict[str, tuple[str, ...]] = {
    "organism": (vocabulary.TAXONOMY,),
    "tissue": ("UBERON", "CL", "CVCL", "ZFA", "FBbt", "WBbt"),
    "disease": ("MONDO", "PATO"),
    "assay": ("EFO",),
    "cell_type": ("CL", "ZFA", "FBbt", "WBbt"),
    "development_stage": ("HsapDv", "MmusDv", "UBERON", "ZFA", "FBdv", "WBls"),
    "sex": ("PATO",),
}
TOO_MANY_NAMES = frozenset({"CVCL"})  # 167,000 names of cell lines: looked up, never compared with one by one

PLAIN_VALUES: dict[str, tuple[str, ...]] = {
    "analyte": ("DNA", "RNA", "lipid", "metabolite", "morphology", "protein"),
    "modality": ("imaging", "massspec", "singlecell"),
    "stage": ("raw", "standardised", "validated"),
}


@dataclass(frozen=True)
class Asked:
    """One field of a question: the ids (or plain values) that answer it, each with the words for why it does."""

    field: str
    answers: Mapping[str, str]

    def matched(self, values: Iterable[str]) -> list[str]:
        """Return why these values of a row answer, in their order."""
        return [self.answers[value] for value in values if value in self.answers]


class Terms:
    """The `terms` table of a catalogue, ready to be asked."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._labels = {row["term_id"]: row["label"] for row in rows}
        self._fields = {row["term_id"]: row["fields"] for row in rows}
        self._named: dict[str, set[str]] = {}
        self._below: dict[str, list[str]] = {}
        for row in rows:
            for name in (row["term_id"], row["label"], *row["synonyms"]):
                self._named.setdefault(name.casefold(), set()).add(row["term_id"])
            for above in row["ancestors"]:
                self._below.setdefault(above, []).append(row["term_id"])

    def named(self, word: str) -> dict[str, str]:
        """Return the terms that a word names and all below them, each with why; nothing where it names none."""
        roots = self._named.get(word.strip().casefold(), set())
        answers: dict[str, str] = {}
        for root in sorted(roots):
            for term in self._below.get(root, ()):
                own, asked = self._labels[term], self._labels[root]
                answers.setdefault(term, f"{own} ({term}) < {asked}" if own == asked else f"{own} < {asked}")
        return answers | {root: self._labels[root] for root in roots}

    def labels(self, field: str) -> list[str]:
        """Return the labels of every term that is used in a field, or stands above one."""
        return sorted({label for term, label in self._labels.items() if field in self._fields[term]})

    def expand(self, field: str, word: str) -> dict[str, str]:
        """Return the terms that answer a word asked of a field, each with why; nothing where no data have one.

        Raises
        ------
        BadInput
            Where neither the catalogue nor the ontologies of the field know the word, with the nearest they know.
        """
        answers = self.named(word)
        if answers or is_known(field, word):
            return answers
        near = get_close_matches(word, self.labels(field), n=3, cutoff=0.6) or near_labels(field, word)
        hint = f"did you mean {' or '.join(near)}?" if near else "give a label or an id of its ontology"
        raise BadInput(f"{shown_field(field)}: no term {shown(word)} is known; {hint}")


def is_known(field: str, word: str) -> bool:
    """Tell whether the ontologies of a field have a term by this label or id."""
    lowered = word.strip().casefold()
    ontologies = FIELD_ONTOLOGIES[field]
    if vocabulary.prefix(word.strip()) in ontologies and vocabulary.label(word.strip()) is not None:
        return True
    return lowered in vocabulary.NOT_A_TERM or any(lowered in vocabulary.labels_of(name) for name in ontologies)


def near_labels(field: str, word: str) -> list[str]:
    """Return the labels of a field's ontologies that are nearest to a word."""
    names = {
        name
        for ontology in FIELD_ONTOLOGIES[field]
        if ontology not in TOO_MANY_NAMES
        for name in vocabulary.labels_of(ontology)
        if abs(len(name) - len(word)) <= 3
    }
    return get_close_matches(word.casefold(), sorted(names), n=3, cutoff=0.75)


def expand_all(filters: Mapping[str, Sequence[str]], terms: Terms, present: Mapping[str, set[str]]) -> list[Asked]:
    """Return each field of a question with what answers it; several values of one field are alternatives.

    `present` are the plain values (analytes) that the catalogue has beside those that are always known.

    Raises
    ------
    BadInput
        Where a field or a value is unknown, with the nearest known one.
    """
    asked = []
    for name, words in filters.items():
        field = known_field(name)
        if not words:
            continue
        answers: dict[str, str] = {}
        for word in words:
            check_length(shown_field(field), word)
            found = terms.expand(field, word) if field in FIELD_ONTOLOGIES else plain(field, word, present)
            answers = found | answers
        asked.append(Asked(field, answers))
    return asked


def known_field(name: str) -> str:
    """Return a field by its name, written with `-` or `_`.

    Raises
    ------
    BadInput
        Where there is none, with the nearest there is.
    """
    fields = {*FIELD_ONTOLOGIES, *PLAIN_VALUES}
    field = name.strip().casefold().replace("-", "_")
    if field in fields:
        return field
    near = get_close_matches(field, sorted(fields), n=1)
    known = ", ".join(sorted(map(shown_field, fields)))
    hint = f"did you mean {shown_field(near[0])}?" if near else f"known fields are {known}"
    raise BadInput(f"unknown field {shown(name)}; {hint}")


def plain(field: str, word: str, present: Mapping[str, set[str]]) -> dict[str, str]:
    """Return the plain value that a word names, whatever its case.

    Raises
    ------
    BadInput
        Where there is none, with the nearest there is.
    """
    known = {value.casefold(): value for value in (*PLAIN_VALUES[field], *present.get(field, ()))}
    value = known.get(word.strip().casefold())
    if value is not None:
        return {value: value}
    near = get_close_matches(word.casefold(), sorted(known), n=1)
    hint = f"did you mean {known[near[0]]}?" if near else f"known are {', '.join(sorted(known.values()))}"
    raise BadInput(f"{shown_field(field)}: {shown(word)} is unknown; {hint}")


def check_length(what: str, text: str) -> None:
    """Refuse a question that nobody would type.

    Raises
    ------
    BadInput
        With its length and the longest that is taken, or where it is no text at all (bytes of another encoding).
    """
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise BadInput(f"{what}: {shown(text)} is not UTF-8; type it again")
    if len(text) > LONGEST_QUESTION:
        raise BadInput(f"{what}: found {len(text):,} characters, at most {LONGEST_QUESTION:,} are taken; ask for less")


def shown(text: str) -> str:
    """Return words of the person who asks as a message may show them: quoted, escaped, cut."""
    return repr(text[:60] + ("..." if len(text) > 60 else ""))


def shown_field(field: str) -> str:
    """Return a field as the command line spells it."""
    return field.replace("_", "-")
