"""The schema's rules that are data: columns of cells, the values they admit, suspension types, mitochondrial genes.

The tables stand beside this file. Source: CELLxGENE dataset schema 7.1.0; gene ids: GENCODE v48 and vM37, Ensembl 114.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class SchemaColumn:
    """One column that every dataset has.

    `kind` is term, text or bool; `joined`: ontologies whose terms may be joined by ` || `; `fallback`: what stands
    where nothing is known; `sample`: the field of a sample that may stand for it; `label`: the column of its labels;
    `optional`: the schema version that admits it, where a dataset may be without it; `categories`: what refuses plain
    text: the `reference` validator, or only the schema's `text`.
    """

    column: str
    kind: str
    joined: tuple[str, ...]
    fallback: str
    sample: str
    label: str
    optional: str = ""
    categories: str = ""


@dataclass(frozen=True)
class Admitted:
    """Values that a column admits, for some organisms and tissue types.

    A value is admitted that is one of `terms`, or stands below one of `below` (an ontology's name: all its terms;
    `*`: any text) and is not one of `not_terms` nor below `not_below`. In `organism` and `tissue_type`, `*` is any,
    `!` negates, `else` is every organism that no other row of the column names.
    """

    column: str
    organism: str
    tissue_type: str
    below: tuple[str, ...]
    terms: tuple[str, ...]
    not_below: tuple[str, ...]
    not_terms: tuple[str, ...]


def rows_of(name: str) -> list[dict[str, str]]:
    """Return the rows of a table beside this file."""
    text = files("catchment.singlecell").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


def split(cell: str) -> tuple[str, ...]:
    """Return the parts of a cell that are separated by `|`."""
    return tuple(part for part in cell.split("|") if part)


@cache
def known_columns() -> tuple[SchemaColumn, ...]:
    """Return every column of cells that the schema knows, in the order they are written."""
    return tuple(
        SchemaColumn(**{**row, "joined": split(row["joined"])})  # type: ignore[arg-type]  # all others are text
        for row in rows_of("obs_columns.tsv")
    )


@cache
def schema_columns() -> tuple[SchemaColumn, ...]:
    """Return the columns that every dataset has, in the order they are written."""
    return tuple(column for column in known_columns() if not column.optional)


@cache
def optional_columns(version: str) -> tuple[SchemaColumn, ...]:
    """Return the columns that a dataset of a schema version may have."""
    return tuple(column for column in known_columns() if column.optional == version)


@cache
def admitted_values() -> tuple[Admitted, ...]:
    """Return the table of admitted values."""
    lists = ("below", "terms", "not_below", "not_terms")
    return tuple(
        Admitted(
            row["column"],
            row["organism"],
            row["tissue_type"],
            *(split(row[name]) for name in lists),
        )
        for row in rows_of("admitted_values.tsv")
    )


@cache
def admitted_for(column: str, organism: str, tissue_type: str) -> tuple[Admitted, ...]:
    """Return the rows that apply to a column of a dataset."""
    own = [row for row in admitted_values() if row.column == column]
    named = any(row.organism == organism for row in own)

    def for_organism(row: Admitted) -> bool:
        return not named if row.organism == "else" else applies(row.organism, organism)

    return tuple(row for row in own if for_organism(row) and applies(row.tissue_type, tissue_type))


def applies(condition: str, value: str) -> bool:
    """Tell whether a condition (`*`, `!value`, `value|value`) holds."""
    if condition == "*":
        return True
    return value not in split(condition[1:]) if condition.startswith("!") else value in split(condition)


@cache
def suspension_types() -> tuple[tuple[str, bool, tuple[str, ...]], ...]:
    """Return (assay, with those below it, suspension types) of the schema's table."""
    rows = rows_of("suspension_types.tsv")
    return tuple((row["assay"], row["with_descendants"] == "yes", split(row["suspension_types"])) for row in rows)


@cache
def mitochondrial_genes(organism: str) -> frozenset[str]:
    """Return the ids of an organism's mitochondrial genes."""
    rows = rows_of("mitochondrial_genes.tsv")
    return frozenset(row["gene_id"] for row in rows if row["organism_ontology_term_id"] == organism)


@cache
def ribosomal_names(organism: str | None) -> re.Pattern[str]:
    """Return what the names of an organism's cytosolic ribosomal proteins look like, in any case of letters.

    Names, not ids: they are systematic (HGNC gene group 1054, FlyBase, WormBase). Kinases (RPS6KA1) and pseudogenes
    (RPL10P3) of like names are none.
    """
    rows = {row["organism_ontology_term_id"]: row["names"] for row in rows_of("ribosomal_names.tsv")}
    return re.compile(rows.get(organism or "*", rows["*"]), re.IGNORECASE)
