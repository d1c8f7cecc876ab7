"""The layouts of quantity tables that are known, and which of them a header shows. Pure; the rules stand in tables.

Sources: the column names of DIA-NN (1.8 to 2), Spectronaut (normal and pivot reports), FragPipe
(`combined_protein.tsv`), MaxQuant (`proteinGroups.txt`) and MSstats, as their documentation has them; CM4AI's SEC-MS
tables are pivot reports whose columns of fractions have `biosep` in their names.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath

FORMATS_SUFFIX = ".parquet"
PARQUET_MAGIC = b"PAR1"
PARQUET = "quantities-parquet"
BYTE_ORDER_MARK = "\ufeff"
FIRST, ANY = "|", ","


@dataclass(frozen=True)
class Quantity:
    """One kind of number in a table: `column` is its name, or for a wide table a pattern with the group `run`.

    `scale`: linear, count, log2 or q-value.
    """

    name: str
    column: re.Pattern[str]
    zero_is_missing: bool
    scale: str


@dataclass(frozen=True)
class Flag:
    """What marks a protein group that was not meant to be measured: `+` in a column, or a prefix of its name."""

    name: str
    columns: tuple[str, ...]
    prefixes: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """How a program lays out its table; `shape`: long (a row for each run and feature) or wide (a column for each run).

    Of the columns in `protein_group`, `accessions`, `genes`, `names` the first that is there counts; those of `feature`
    and of `joined` accessions are put together.
    """

    format: str
    software: str
    shape: str
    level: str
    marks: tuple[tuple[str, ...], ...]
    without: tuple[str, ...]
    feature: tuple[tuple[str, ...], ...]
    protein_group: tuple[str, ...]
    accessions: tuple[tuple[str, ...], ...]
    genes: tuple[str, ...]
    names: tuple[str, ...]
    run: str
    annotations: frozenset[str]
    quantities: tuple[Quantity, ...]
    flags: tuple[Flag, ...]

    def shown_by(self, columns: Sequence[str]) -> bool:
        """Tell whether a header, or its beginning, is of this layout."""
        there = set(columns)
        return all(there.intersection(names) for names in self.marks) and not there.intersection(self.without)

    def run_columns(self, columns: Sequence[str]) -> dict[str, dict[int, str]]:
        """Return, by quantity, the number of each column of a wide table that holds it, and the run it names."""
        found: dict[str, dict[int, str]] = {quantity.name: {} for quantity in self.quantities}
        for number, column in enumerate(columns):
            if column in self.annotations:
                continue
            for quantity in self.quantities:
                match = quantity.column.fullmatch(column)
                if match:
                    found[quantity.name][number] = match["run"].strip()
                    break
        return {name: runs for name, runs in found.items() if runs}

    def quantity(self, name: str) -> Quantity:
        """Return a quantity by its name."""
        return next(quantity for quantity in self.quantities if quantity.name == name)


def rows_of(name: str) -> list[dict[str, str]]:
    """Return the rows of a table of rules."""
    text = files("catchment.massspec.quantities").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))


def parts(cell: str) -> tuple[tuple[str, ...], ...]:
    """Return `a|b,c` as ((a, b), (c,))."""
    return tuple(tuple(part.split(FIRST)) for part in cell.split(ANY)) if cell else ()


def first_of(cell: str) -> tuple[str, ...]:
    """Return `a|b` as (a, b)."""
    return tuple(cell.split(FIRST)) if cell else ()


@cache
def layouts() -> tuple[Layout, ...]:
    """Return every known layout."""
    quantities = rows_of("quantities.tsv")
    flags = rows_of("flags.tsv")
    return tuple(
        Layout(
            format=row["format"],
            software=row["software"],
            shape=row["shape"],
            level=row["level"],
            marks=parts(row["marks"]),
            without=tuple(part for names in parts(row["without"]) for part in names),
            feature=parts(row["feature"]),
            protein_group=first_of(row["protein_group"]),
            accessions=parts(row["accessions"]),
            genes=first_of(row["genes"]),
            names=first_of(row["names"]),
            run=row["run"],
            annotations=frozenset(
                part
                for column in ("feature", "protein_group", "accessions", "genes", "names", "annotations")
                for names in parts(row[column])
                for part in names
            ),
            quantities=tuple(
                Quantity(
                    name=own["quantity"],
                    column=re.compile(re.escape(own["column"]) if row["shape"] == "long" else own["column"]),
                    zero_is_missing=own["zero_is_missing"] == "yes",
                    scale=own["scale"],
                )
                for own in quantities
                if own["format"] == row["format"]
            ),
            flags=flags_of(row["format"], flags),
        )
        for row in rows_of("layouts.tsv")
    )


def flags_of(format_: str, rows: Sequence[dict[str, str]]) -> tuple[Flag, ...]:
    """Return the flags of a layout: columns of its own, prefixes of its own and those that many programs use."""
    names = dict.fromkeys(row["flag"] for row in rows)
    own = {name: [row for row in rows if row["flag"] == name and row["format"] in (format_, "*")] for name in names}
    return tuple(
        Flag(
            name=name,
            columns=tuple(column for row in found for column in first_of(row["column"])),
            prefixes=tuple(prefix for row in found for prefix in row["prefixes"].split(ANY) if prefix),
        )
        for name, found in own.items()
        if found
    )


def layout(format_: str) -> Layout:
    """Return a layout by the name of its format."""
    return next(own for own in layouts() if own.format == format_)


def formats() -> frozenset[str]:
    """Return the formats of all quantity tables."""
    return frozenset((PARQUET, *(own.format for own in layouts())))


def layout_of(columns: Sequence[str]) -> Layout | None:
    """Return the layout that a header shows; None where it is none that is known."""
    return next((own for own in layouts() if own.shown_by(columns)), None)


def cells_of(line: str) -> list[str]:
    """Return the names of the columns in a header line: by tabs, or by commas where it has none."""
    delimiter = "\t" if "\t" in line else ","
    try:
        cells = next(csv.reader([line.removeprefix(BYTE_ORDER_MARK).rstrip("\r\n")], delimiter=delimiter), [])
    except csv.Error:
        return []
    return [cell.strip() for cell in cells]


def format_of_start(start: bytes, name: str) -> str | None:
    """Return the format of a table by its first bytes; Parquet names its columns at its end, looked at later."""
    if start.startswith(PARQUET_MAGIC):
        return PARQUET if PurePosixPath(name.lower()).suffix == FORMATS_SUFFIX else None
    line, newline, _ = start.partition(b"\n")
    if b"\0" in line or not (b"\t" in line or b"," in line):
        return None
    # a header longer than what is looked at ends in the middle of a name
    text = line.decode("utf-8", errors="ignore")
    found = layout_of(cells_of(text) if newline else cells_of(text)[:-1])
    return found.format if found else None
