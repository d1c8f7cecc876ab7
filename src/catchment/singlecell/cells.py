"""What is wrong with the metadata of cells: each distinct value is held against the schema once. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from catchment import vocabulary
from catchment.schema.records import Finding
from catchment.schema.rules import Rule
from catchment.singlecell import rules
from catchment.singlecell.arrow import codes_of
from catchment.singlecell.cellxgene import rules as cellxgene
from catchment.singlecell.cellxgene.suggestions import advice
from catchment.singlecell.columns import (
    CELL_LINE,
    JOIN,
    NOT_COLUMNS,
    Column,
    Given,
    admitted_suspensions,
    as_dictionary,
    is_reserved,
    labels_of,
    used_values,
)
from catchment.singlecell.rules import first_of, number_of, shown
from catchment.singlecell.tables import Admitted, SchemaColumn, admitted_for, optional_columns, schema_columns

CELL_TYPE = "cell_type_ontology_term_id"
ANTIBODY = "anti-"  # before a UniProt accession: what is against the protein
TISSUE_UNKNOWN = "tissue"  # stands where tissue_type is missing: that is a finding of its own


@dataclass
class Wrong:
    """Values of a column that break one rule in one way: each with its number of cells, and what was expected."""

    values: dict[str, int] = field(default_factory=dict)
    expected: str = ""


def check_obs(
    columns: Mapping[str, pa.Array],
    schema: Mapping[str, Column],
    known: Mapping[str, Given],
    organism: str | None,
    *,
    lenient: bool = True,
    version: str = vocabulary.PINNED_SCHEMA,
) -> list[Finding]:
    """Return every finding on cells' metadata.

    `columns` are the file's, `schema` comes from `columns.completed`; `lenient`: what is missing may be filled.
    """
    findings: list[Finding] = []
    optional = [column for column in optional_columns(version) if column.column in columns]
    own = {column.column: Column(as_dictionary(columns[column.column]), "file") for column in optional}
    everything = {**schema, **own}
    for column in (*schema_columns(), *optional):
        findings += check_column(column, everything, organism, lenient)
        findings += not_categorical(column, columns)
    findings += [
        nothing_but_na(column, own) for column in optional if set(used_values(own[column.column].values)) == {"na"}
    ]
    findings += cell_lines_mixed(schema)
    findings += suspension_findings(schema)
    findings += contradictions(columns, known)
    findings += replaced_labels(columns, schema)
    findings += reserved_names(columns, "obs")
    findings += unused_categories(columns, "obs")
    return findings


def check_column(
    column: SchemaColumn, schema: Mapping[str, Column], organism: str | None, lenient: bool
) -> list[Finding]:
    """Return what is wrong with one schema column."""
    where = f"obs/{column.column}"
    strict = not lenient and column.column != CELL_TYPE
    if column.column not in schema or (strict and schema[column.column].source == "filled"):
        return [rules.COLUMN_MISSING.broken(where, "no such column, and no value for all cells")]
    values, source = schema[column.column].values, schema[column.column].source
    if source == "filled" and not lenient:
        return [cellxgene.CELL_TYPES_MISSING.broken(where, "no such column")]
    place = where if source in ("file", "filled") else source
    findings = []
    if source == "filled":
        filled = first_of(used_values(values))
        findings.append(rules.COLUMN_FILLED.broken(where, f"no such column; filled with {filled}"))
    if values.null_count:
        rows = np.flatnonzero(np.asarray(values.is_null()))
        findings.append(
            rules.VALUES_MISSING.broken(where, f"no value in rows {first_of(rows.tolist())}", count=values.null_count)
        )
    if column.kind == "bool":
        if not pa.types.is_boolean(values.type):
            is_category = pa.types.is_dictionary(values.type)
            kind = (
                f"categories {first_of(used_values(values))}" if is_category else f"values of type {shown(values.type)}"
            )
            findings.append(rules.COLUMN_TYPE.broken(place, kind, expected="true/false"))
        return findings
    return [*findings, *value_findings(column, schema, organism, place)]


def value_findings(
    column: SchemaColumn, schema: Mapping[str, Column], organism: str | None, place: str
) -> Iterator[Finding]:
    """Yield a finding for each rule that values of a column break, with the values and their number of cells."""
    wrong: dict[tuple[str, str], Wrong] = defaultdict(Wrong)
    broken: dict[str, Rule] = {}
    for value, tissue_type, cells in by_tissue_type(schema[column.column].values, schema):
        fault = fault_of(column, value, organism, tissue_type)
        if fault is None:
            continue
        rule, expected = fault
        broken[rule.code] = rule
        group = wrong[rule.code, expected]
        group.values[value] = group.values.get(value, 0) + cells
        group.expected = expected
    is_term = column.kind == "term"
    for (code, _), group in wrong.items():
        cells = sum(group.values.values())
        found = f"{first_of(group.values)} in {number_of(cells, 'cell')}"
        fix = advice(group.values, ontologies_of(column, organism), mended(code, group.values)) if is_term else ""
        yield broken[code].broken(place, found, expected=group.expected, fix=fix, count=cells)


def mended(code: str, values: Iterable[str]) -> str:
    """Return what to do where no better term is known; nothing where the rule's own words will do."""
    if code == rules.TERM_UNKNOWN.code and not any(value.strip() for value in values):
        return "give a term id for every cell; 'unknown' stands where it is not known"
    if any(value != "unknown" and value.strip().lower() == "unknown" for value in values):
        return "write 'unknown' in lower case and without blanks; give the ids of all other terms"
    if code == rules.TERM_DEPRECATED.code:
        return "the ontology names no successor: look for the term that fits best today, or one above it"
    return ""


def ontologies_of(column: SchemaColumn, organism: str | None) -> tuple[str, ...]:
    """Return the ontologies whose terms a column of an organism admits, whatever the tissue type."""
    rows = [row for kind in ("tissue", CELL_LINE) for row in admitted_for(column.column, organism or "", kind)]
    terms = [term for row in rows for term in (*row.below, *row.terms) if term not in ("*", *vocabulary.NOT_A_TERM)]
    return tuple(dict.fromkeys(vocabulary.prefix(term) for term in terms))


def by_tissue_type(values: pa.DictionaryArray, schema: Mapping[str, Column]) -> Iterator[tuple[str, str, int]]:
    """Yield each combination of a value and a tissue type that occurs, with its number of cells."""
    if "tissue_type" not in schema:
        for value, cells in used_values(values).items():
            yield value, TISSUE_UNKNOWN, cells
        return
    for value, tissue_type, cells in pairs(values, schema["tissue_type"].values):
        yield value, tissue_type, cells


def pairs(left: pa.DictionaryArray, right: pa.DictionaryArray) -> Iterator[tuple[str, str, int]]:
    """Yield each pair of values that occurs in the same row, with its number of rows."""
    left_codes, right_codes = codes_of(left), codes_of(right)
    both = (left_codes >= 0) & (right_codes >= 0)
    width = max(len(right.dictionary), 1)
    keys, counts = np.unique(left_codes[both] * width + right_codes[both], return_counts=True)
    left_texts, right_texts = left.dictionary.to_pylist(), right.dictionary.to_pylist()
    for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
        yield left_texts[key // width], right_texts[key % width], count


# --- one value ---------------------------------------------------------------------------------------------------


def fault_of(column: SchemaColumn, value: str, organism: str | None, tissue_type: str) -> tuple[Rule, str] | None:
    """Return the rule that a value breaks and what was expected instead, or None."""
    rows = admitted_for(column.column, organism or "", tissue_type)
    if organism is None and any(row.organism != "*" for row in rows):
        rows = ()  # nothing to hold it against; the unknown organism is a finding of its own
    parts = value.split(JOIN) if column.kind == "term" else [value]
    if len(parts) > 1:
        if not set(map(vocabulary.prefix, parts)) <= set(column.joined):
            allowed = f"terms of {', '.join(column.joined)} only" if column.joined else "one term"
            return rules.TERM_NOT_ALLOWED, allowed
        if parts != sorted(set(parts)):
            return rules.TERMS_UNORDERED, JOIN.join(sorted(set(parts)))
    for part in parts:
        fault = fault_of_part(column, part, rows)
        if fault is not None:
            return fault
    return None


def fault_of_part(column: SchemaColumn, part: str, rows: tuple[Admitted, ...]) -> tuple[Rule, str] | None:
    """Return what is wrong with one term or word."""
    word = any(part in row.terms for row in rows) and ":" not in part
    term = part.removeprefix(ANTIBODY) if part.startswith(f"{ANTIBODY}uniprot:") else part
    if column.kind == "term" and not word and part not in vocabulary.NOT_A_TERM:
        if not vocabulary.exists(term):
            return rules.TERM_UNKNOWN, rules.TERM_UNKNOWN.expected
        if vocabulary.is_deprecated(term):
            return rules.TERM_DEPRECATED, rules.TERM_DEPRECATED.expected
    if not part.strip():
        return rules.TERM_NOT_ALLOWED, "a value that is not empty"
    if rows and not any(admits(row, part) for row in rows):
        return rules.TERM_NOT_ALLOWED, expectation(rows)
    return None


def admits(row: Admitted, value: str) -> bool:
    """Tell whether one row of the table of admitted values admits a value."""
    if value in row.terms:
        return True
    if value in row.not_terms or not row.below:
        return False
    if row.below == ("*",) or vocabulary.prefix(value) in row.below:
        return True
    above = set(vocabulary.ancestors(value))
    return not above.isdisjoint(row.below) and above.isdisjoint(row.not_below)


def expectation(rows: tuple[Admitted, ...]) -> str:
    """Return in words what some rows of the table admit."""
    ways = []
    for row in rows:
        if row.below == ("*",):
            ways.append(f"any text but {', '.join(row.not_terms)}")
        elif row.below:
            ways.append("a term below " + " or ".join(named(root) for root in row.below))
        if row.terms:
            ways.append(" or ".join(named(term) for term in row.terms))
    return "; or ".join(ways)


def named(term: str) -> str:
    """Return a term with its label, as a message shows it."""
    label = vocabulary.label(term) if ":" in term else None
    return f"{term} ({label})" if label else term


# --- several columns ---------------------------------------------------------------------------------------------


def suspension_findings(schema: Mapping[str, Column]) -> list[Finding]:
    """Return findings where suspension types do not fit their assays, or the assays are in no table."""
    if "assay_ontology_term_id" not in schema or "suspension_type" not in schema:
        return []
    findings = []
    unlisted: dict[str, int] = {}
    assays, suspensions = schema["assay_ontology_term_id"].values, schema["suspension_type"].values
    for assay, suspension, cells in pairs(assays, suspensions):
        types = admitted_suspensions(assay)
        if not types:
            unlisted[named(assay)] = unlisted.get(named(assay), 0) + cells
        elif suspension not in types and vocabulary.label(assay) is not None:
            found = f"{shown(suspension)!r} with {named(assay)} in {number_of(cells, 'cell')}"
            expected = " or ".join(types)
            findings.append(
                rules.SUSPENSION_UNUSUAL.broken("obs/suspension_type", found, expected=expected, count=cells)
            )
    listed = {assay: cells for assay, cells in unlisted.items() if vocabulary.exists(assay.split(" ")[0])}
    if listed:
        where = "obs/assay_ontology_term_id"
        findings.append(cellxgene.ASSAY_UNLISTED.broken(where, first_of(listed), count=sum(listed.values())))
    return findings


def cell_lines_mixed(schema: Mapping[str, Column]) -> list[Finding]:
    """Return a finding where some cells of a cell line have 'na' for their type, and others have not."""
    if CELL_TYPE not in schema or "tissue_type" not in schema:
        return []
    types: dict[str, int] = {}
    for value, tissue_type, cells in pairs(schema[CELL_TYPE].values, schema["tissue_type"].values):
        if tissue_type == CELL_LINE:
            types[value] = cells
    if "na" not in types or len(types) == 1:
        return []
    found = f"{first_of(types)} in {number_of(sum(types.values()), 'cell')}"
    return [cellxgene.CELL_LINES_MIXED.broken(f"obs/{CELL_TYPE}", found, count=types["na"])]


def nothing_but_na(column: SchemaColumn, own: Mapping[str, Column]) -> Finding:
    """Return the finding for an optional column whose every value is 'na'."""
    cells = len(own[column.column].values)
    return cellxgene.NOTHING_BUT_NA.broken(f"obs/{column.column}", "'na' in every cell", count=cells)


def not_categorical(column: SchemaColumn, columns: Mapping[str, pa.Array]) -> list[Finding]:
    """Return a finding where a column of the file is text though it must be categorical."""
    values, where = columns.get(column.column), f"obs/{column.column}"
    if not column.categories or values is None:
        return []
    rule = cellxgene.NOT_CATEGORICAL if column.categories == "reference" else cellxgene.TEXT_NOT_CATEGORIES
    if not pa.types.is_dictionary(values.type):
        return [rule.broken(where, f"values of type {shown(values.type)}")]
    return []


def contradictions(columns: Mapping[str, pa.Array], known: Mapping[str, Given]) -> list[Finding]:
    """Return a finding for each column of the file that says other than the submission's metadata."""
    findings = []
    for name, given in known.items():
        if name not in columns or name in NOT_COLUMNS:
            continue
        values = used_values(as_dictionary(columns[name]))
        others = {value: cells for value, cells in values.items() if value != str(given.value)}
        if others:
            found = f"{first_of(others)} in {sum(others.values()):,} cells; {given.where} says {shown(given.value)!r}"
            findings.append(rules.CONTRADICTION.broken(f"obs/{shown(name)}", found, count=sum(others.values())))
    return findings


def replaced_labels(columns: Mapping[str, pa.Array], schema: Mapping[str, Column]) -> list[Finding]:
    """Return a finding for each label column of the file that differs from the ontologies."""
    findings = []
    for column in schema_columns():
        if not column.label or column.label not in columns or column.column not in schema:
            continue
        differing = {}
        for term, label, cells in pairs(schema[column.column].values, as_dictionary(columns[column.label])):
            if labels_of(term) != label:
                differing[f"{label} for {term} ({labels_of(term)})"] = cells
        if differing:
            cells = sum(differing.values())
            findings.append(rules.LABEL_REPLACED.broken(f"obs/{column.label}", first_of(differing), count=cells))
    return findings


def unused_categories(columns: Mapping[str, pa.Array], table: str) -> list[Finding]:
    """Return a finding where columns have categories that no row has."""
    names = [
        name
        for name, values in columns.items()
        if pa.types.is_dictionary(values.type) and len(used_values(values)) < len(values.dictionary)
    ]
    return [rules.CATEGORY_UNUSED.broken(table, first_of(names), count=len(names))] if names else []


def reserved_names(columns: Mapping[str, pa.Array], table: str) -> list[Finding]:
    """Return a finding where columns have names that the open format needs."""
    names = [name for name in columns if is_reserved(name)]
    return [rules.NAME_RESERVED.broken(table, first_of(names), count=len(names))] if names else []
