"""From the schema a dataset was written for to the current one: a ladder of changes from a table, each one reported.

`schema_changes.tsv` holds the rungs (source: changelog of the CELLxGENE schema). A file that states its version
(`uns['schema_version']`) climbs all rungs above it and loses the labels of then; one that states none is taken for a
submission to the current schema, unless it has a name that was given up (`SIGNS`). Pure: tables in, tables out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache

import pyarrow as pa

from catchment import vocabulary
from catchment.schema.records import Finding
from catchment.schema.rules import Rule
from catchment.singlecell.arrow import codes_of
from catchment.singlecell.columns import JOIN, as_dictionary, translated, used_values
from catchment.singlecell.frames import Frame
from catchment.singlecell.preparation_rules import MIGRATED, MIGRATED_CHECK, NOT_MIGRATED, VERSION_UNKNOWN
from catchment.singlecell.rules import first_of, shown
from catchment.singlecell.tables import rows_of, split

Version = tuple[int, int, int]
OLDEST: Version = (2, 0, 0)
LABELS = "labels"  # the rung that takes off what the system had added
# names that a later version gave up: who has one without stating a version wrote for an earlier one
SIGNS = frozenset({"obs/ethnicity_ontology_term_id", "obs/organism_ontology_term_id", "uns/X_normalization"})
NOTE = re.compile(r"(.*\S) \(([^()]*)\)")
VERSIONED_ID = re.compile(r"(ENS[A-Z]*\d+)\.\d+")


@dataclass(frozen=True)
class Change:
    """One row of the table: what an `action` does to a name, from schema version `to` on.

    `person` says what a person should do; a change with one is at least worth a look.
    """

    to: str
    action: str
    table: str
    name: str
    given: str
    becomes: str
    person: str

    @property
    def where(self) -> str:
        """Where the change happens, as a finding says it."""
        return f"{self.table}/{self.name}" if self.name else self.table


@cache
def changes() -> tuple[Change, ...]:
    """Return the table of changes, in the order they are made."""
    return tuple(Change(**row) for row in rows_of("schema_changes.tsv"))


@dataclass
class Dataset:
    """The tables of a dataset while they change: cells, genes by path of their table, texts of uns (None: not text).

    `changed` are the places that are no longer what the file has.
    """

    obs: Frame
    var: dict[str, Frame]
    uns: dict[str, str | None]
    findings: list[Finding] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)

    def tell(self, rule: Rule, where: str, found: str, *, fix: str = "", count: int = 1) -> None:
        """Add a finding."""
        self.findings.append(rule.broken(where, found, fix=fix, count=count))

    def made(self, change: Change, found: str, count: int = 1, where: str = "") -> None:
        """Report a change that was made."""
        rule = MIGRATED_CHECK if change.person else MIGRATED
        since = "" if change.to == LABELS else f" (schema {change.to})"
        self.changed.add(where or change.where)
        self.tell(rule, where or change.where, f"{found}{since}", fix=change.person, count=count)


def version_of(text: str | None) -> Version | None:
    """Return a schema version as numbers; None where the text is none."""
    match = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", text or "")
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def is_due(obs_columns: Iterable[str], uns_keys: Iterable[str]) -> bool:
    """Tell by names alone whether a dataset has to climb: it states a version, or has a name that was given up."""
    names = {f"obs/{name}" for name in obs_columns} | {f"uns/{name}" for name in uns_keys}
    return "uns/schema_version" in names or not names.isdisjoint(SIGNS)


def migrate(dataset: Dataset) -> None:
    """Bring a dataset's tables to the current schema; what changed, and what needs a person, is in its findings."""
    stated = dataset.uns.get("schema_version")
    if not is_due(dataset.obs.columns, dataset.uns):
        return
    start, is_labelled = OLDEST, "schema_version" in dataset.uns
    if is_labelled:
        version = version_of(stated)
        current = version_of(vocabulary.PINNED_SCHEMA) or OLDEST
        if version is None or not OLDEST <= version <= current:
            dataset.tell(VERSION_UNKNOWN, "uns/schema_version", repr(shown(stated)))
            return
        start = version
    for change in changes():
        rung = version_of(change.to)
        if (rung is not None and rung > start) or (change.to == LABELS and is_labelled):
            ACTIONS[change.action](dataset, change)


# --- actions -----------------------------------------------------------------------------------------------------


def column(dataset: Dataset, change: Change) -> pa.DictionaryArray | None:
    """Return the column of cells that a change is about; None where there is none."""
    values = dataset.obs.columns.get(change.name)
    return None if values is None else as_dictionary(values)


def remove(dataset: Dataset, change: Change) -> None:
    """Take a name away."""
    tables = {"obs": [("obs", dataset.obs)], "var": list(dataset.var.items())}
    if change.table == "uns":
        if change.name in dataset.uns:
            del dataset.uns[change.name]
            dataset.made(change, "removed")
        return
    for path, frame in tables[change.table]:
        if frame.columns.pop(change.name, None) is not None:
            dataset.made(change, "removed", where=f"{path}/{change.name}")


def rename(dataset: Dataset, change: Change) -> None:
    """Give a name up for another, unless that is taken."""
    place: dict[str, object] = dataset.uns if change.table == "uns" else dataset.obs.columns  # type: ignore[assignment]
    if change.name in place and change.becomes not in place:
        place[change.becomes] = place.pop(change.name)
        dataset.changed.add(f"{change.table}/{change.becomes}")
        dataset.made(change, f"renamed to {change.becomes}")


def rewrite(dataset: Dataset, change: Change, new: Callable[[str], str]) -> None:
    """Replace values of a column of cells, and say which."""
    values = column(dataset, change)
    if values is None:
        return
    counts = {value: count for value, count in used_values(values).items() if new(value) != value}
    if counts:
        dataset.obs.columns[change.name] = translated(values, new)
        pairs = ", ".join(f"{shown(value)!r} to {shown(new(value))!r}" for value in sorted(counts))
        dataset.made(change, pairs, count=sum(counts.values()))


def replace(dataset: Dataset, change: Change) -> None:
    """Replace one value by another."""
    rewrite(dataset, change, lambda value: change.becomes if value == change.given else value)


def rejoin(dataset: Dataset, change: Change) -> None:
    """Join several terms in the way of the current schema: sorted, each once, by ` || `."""

    def new(value: str) -> str:
        parts = {part.strip() for part in value.split(change.given)}
        return JOIN.join(sorted(parts)) if len(parts) > 1 else value

    rewrite(dataset, change, new)


def follow(dataset: Dataset, change: Change) -> None:
    """Replace obsolete terms by the one term that their ontology names; where it names none, a person must."""

    def new(value: str) -> str:
        return JOIN.join(sorted({successor(term) or term for term in value.split(JOIN)})) if is_old(value) else value

    def is_old(value: str) -> bool:
        return any(successor(term) for term in value.split(JOIN))

    rewrite(dataset, change, new)


def successor(term: str) -> str | None:
    """Return the term that replaces an obsolete one; None where it is in use, unknown, or has no one successor."""
    if vocabulary.label(term) is None or not vocabulary.is_deprecated(term):
        return None
    new = vocabulary.parser().get_term_replacement(term)
    return str(new) if new and vocabulary.label(str(new)) and not vocabulary.is_deprecated(str(new)) else None


def cut_note(dataset: Dataset, change: Change) -> None:
    """Take a note in parentheses off the end of each value."""
    rewrite(dataset, change, without_note)


def without_note(value: str) -> str:
    """Return a value without the note in parentheses at its end."""
    match = NOTE.fullmatch(value)
    return match[1] if match else value


def note_to_column(dataset: Dataset, change: Change) -> None:
    """Make a column of its own from the notes at the end of each value."""
    new, _, otherwise = change.becomes.partition("=")
    values = column(dataset, change)
    if values is None or new in dataset.obs.columns:
        return
    notes = {value: match[2] for value in used_values(values) if (match := NOTE.fullmatch(value))}
    strange = sorted(value for value, note in notes.items() if note not in split(change.given))
    if strange:
        dataset.tell(NOT_MIGRATED, change.where, first_of(strange), count=len(strange))
        return
    dataset.obs.columns[new] = translated(values, lambda value: notes.get(value, otherwise))
    found = f"made from {change.name}: {first_of(sorted({*notes.values(), otherwise}))}"
    dataset.made(change, found, where=f"{change.table}/{new}")
    rewrite(dataset, change, without_note)


def ask(dataset: Dataset, change: Change) -> None:
    """Leave a value that only a person can replace, and say so."""
    values = column(dataset, change)
    count = used_values(values).get(change.given, 0) if values is not None else 0
    if count:
        found = f"{change.given!r} is no value since schema {change.to}"
        dataset.tell(NOT_MIGRATED, change.where, found, fix=change.person, count=count)


def to_uns(dataset: Dataset, change: Change) -> None:
    """Move a column that has one value to uns; several are for a person to part."""
    values = column(dataset, change)
    if values is None:
        return
    found = sorted(used_values(values))
    if len(found) > 1:  # `validate` says so
        return
    if not found or bool((codes_of(values) < 0).any()):
        dataset.tell(NOT_MIGRATED, change.where, "cells without a value", fix=change.person)
        return
    del dataset.obs.columns[change.name]
    dataset.uns.setdefault(change.name, found[0])
    dataset.changed.add(f"uns/{change.name}")
    # a move asks nothing of a person: the advice is for what cannot be moved
    dataset.changed.add(change.where)
    dataset.tell(MIGRATED, change.where, f"{shown(found[0])!r} moved to uns (schema {change.to})")


def cut_version(dataset: Dataset, change: Change) -> None:
    """Take the version off Ensembl ids, unless two genes would become one."""
    for path, frame in dataset.var.items():
        names = [match[1] if (match := VERSIONED_ID.fullmatch(name)) else name for name in frame.names]
        count = sum(new != old for new, old in zip(names, frame.names, strict=True))
        if count and len(set(names)) == len(set(frame.names)):
            dataset.var[path] = Frame(names, frame.columns, frame.named)
            dataset.made(change, "versions taken off Ensembl ids", count=count, where=path)


ACTIONS: dict[str, Callable[[Dataset, Change], None]] = {
    "remove": remove,
    "rename": rename,
    "replace": replace,
    "rejoin": rejoin,
    "follow": follow,
    "cut_note": cut_note,
    "note_to_column": note_to_column,
    "ask": ask,
    "to_uns": to_uns,
    "cut_version": cut_version,
}
