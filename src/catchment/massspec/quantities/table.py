"""A table of quantities as it was submitted: runs x features, each kind of number, and every fault of the table."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from catchment.massspec.faults import Broken, Faults, shown
from catchment.massspec.quantities import rules
from catchment.massspec.quantities.layouts import Flag, Layout, Quantity
from catchment.massspec.quantities.long import Pairs
from catchment.massspec.quantities.numbers import Floats, Offence, numbers_of
from catchment.massspec.quantities.stream import NAMED, Ragged, batches, header_of
from catchment.schema.rules import Rule

MAX_CELLS = 50_000_000
Words = dict[str, list[str]]
TEXTS = ("protein_group", "accessions", "genes", "protein_names")


@dataclass
class Quantities:
    """What a table holds: `values` by quantity (the first is the main one), runs x features, NaN where not measured.

    `texts` are what it says of each feature; `flags` which features are decoys, contaminants, ... ; `columns` the
    columns of the table that each quantity came from.
    """

    layout: Layout
    runs: list[str]
    features: list[str]
    texts: Words
    flags: dict[str, npt.NDArray[np.bool_]]
    values: dict[str, Floats]
    columns: dict[str, list[str]]
    rows: int

    @property
    def main(self) -> Floats:
        """The quantity that stands in X."""
        return next(iter(self.values.values()))

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """Which features are proteins that were meant to be measured."""
        usable = np.ones(len(self.features), bool)
        for marked in self.flags.values():
            usable &= ~marked
        return usable


@dataclass
class Columns:
    """Which columns of a header are read: of texts by what they say, of flags, of runs by quantity."""

    texts: dict[str, tuple[int, ...]]
    flags: dict[str, tuple[int, ...]]
    runs: dict[str, dict[int, str]]
    run: int = -1

    def wanted(self) -> dict[int, bool]:
        """Return the number of every column that is read, and whether it holds numbers."""
        found = {number: False for numbers in (*self.texts.values(), *self.flags.values()) for number in numbers}
        if self.run >= 0:
            found[self.run] = False
        return found | {number: True for runs in self.runs.values() for number in runs}


@dataclass
class Gathering:
    """The rows of a table on their way: texts of each feature, and the faults met."""

    features: list[str] = field(default_factory=list)
    texts: Words = field(default_factory=lambda: {name: [] for name in TEXTS})
    marks: dict[str, list[bool]] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    rows: int = 0


def columns_of(layout: Layout, header: list[str]) -> Columns:
    """Return which columns of a header are read.

    Raises
    ------
    Broken
        Where there is no quantity in it, or a column that is needed stands twice.
    """
    twice = sorted({name for name in header if header.count(name) > 1}) if len(set(header)) < len(header) else []

    def places(alternatives: tuple[str, ...]) -> tuple[int, ...]:
        return next(((header.index(name),) for name in alternatives if name in header), ())

    texts = {
        "feature": tuple(place for names in layout.feature for place in places(names)),
        "protein_group": places(layout.protein_group),
        "accessions": tuple(place for names in layout.accessions for place in places(names)),
        "genes": places(layout.genes),
        "protein_names": places(layout.names),
    }
    flags = {flag.name: places(flag.columns) for flag in layout.flags}
    if layout.shape == "wide":
        runs = layout.run_columns(header)
        named = [run for own in runs.values() for run in own.values()]
        expected = {name for own in runs.values() for name in own.values()}
        for own in runs.values():
            values = list(own.values())
            repeated = (
                sorted({run for run in values if values.count(run) > 1}) if len(set(values)) < len(values) else []
            )
            twice += repeated
        if twice or not named or not expected:
            raise header_fault(twice)
        return Columns(texts, flags, runs)
    runs = {
        quantity.name: {header.index(column): ""}
        for quantity in layout.quantities
        for column in header
        if quantity.column.fullmatch(column)
    }
    needed = {name for names in (*layout.feature, *layout.accessions, layout.genes) for name in names} | {layout.run}
    if needed.intersection(twice) or not any(layout.quantity(name).scale != "q-value" for name in runs):
        raise header_fault(sorted(needed.intersection(twice)))
    return Columns(texts, flags, runs, header.index(layout.run))


def header_fault(twice: list[str]) -> Broken:
    """Return why a header cannot be read: a column that stands twice, or no quantity."""
    if twice:
        return Broken(rules.TWICE, f"{shown(twice[0])} in two columns", where="line 1")
    return Broken(rules.UNKNOWN_LAYOUT, "no column with quantities", where="line 1")


def read_quantities(path: Path, layout: Layout) -> tuple[Quantities, Faults]:
    """Return what a table holds, and everything that is wrong in it.

    Raises
    ------
    Broken
        Where it cannot be read to its end, or is too large.
    """
    header = header_of(path)
    columns = columns_of(layout, header)
    gathering, ragged = Gathering(), Ragged()
    read = read_wide if layout.shape == "wide" else read_long
    runs, values = read(path, layout, header, columns, gathering, ragged)
    if ragged.count:
        add_many(gathering.faults, rules.RAGGED, ragged.places, ragged.found, ragged.count)
    table = Quantities(
        layout=layout,
        runs=runs,
        features=gathering.features,
        texts=gathering.texts,
        flags={flag.name: marked(flag, gathering) for flag in layout.flags},
        values={name: values[name] for name in in_order(layout, values)},
        columns={name: [header[number] for number in own] for name, own in columns.runs.items()},
        rows=gathering.rows,
    )
    if not np.isfinite(table.main).any():
        found = f"{len(runs):,} runs, {len(table.features):,} rows, no quantity"
        gathering.faults.add(rules.NOTHING, "table", found)
    return table, gathering.faults


def in_order(layout: Layout, values: dict[str, Floats]) -> list[str]:
    """Return the quantities that a table has, the main one first: the layout's first that holds any number."""
    names = [one.name for one in layout.quantities if one.name in values]
    names = list(dict.fromkeys(names))
    main = [name for name in names if layout.quantity(name).scale != "q-value" and np.isfinite(values[name]).any()]
    return [*main[:1], *(name for name in names if name not in main[:1])]


def marked(flag: Flag, gathering: Gathering) -> npt.NDArray[np.bool_]:
    """Return which features have a flag: by its column, or by how their protein group is named."""
    named = gathering.texts["protein_group"]
    by_name = np.fromiter((name.startswith(flag.prefixes) for name in named), bool, len(named))
    by_column = gathering.marks.get(flag.name)
    return by_name if by_column is None else by_name | np.array(by_column, bool)


# --- wide tables -------------------------------------------------------------------------------------------------


def read_wide(
    path: Path, layout: Layout, header: list[str], columns: Columns, gathering: Gathering, ragged: Ragged
) -> tuple[list[str], dict[str, Floats]]:
    """Return the runs and the matrices of a table with a column for each run."""
    runs = list(dict.fromkeys(run for own in columns.runs.values() for run in own.values()))
    places = {run: number for number, run in enumerate(runs)}
    blocks: dict[str, list[Floats]] = {name: [] for name in columns.runs}
    for batch in batches(path, columns.wanted(), len(header), ragged):
        height = len(next(iter(batch.values())))
        if (gathering.rows + height) * len(runs) > MAX_CELLS:
            raise Broken(rules.TOO_LARGE, f"{len(runs):,} runs x more than {gathering.rows:,} rows")
        add_features(columns, batch, np.arange(height), gathering)
        for name, own in columns.runs.items():
            block = np.full((height, len(runs)), np.nan)
            for number, run in own.items():
                block[:, places[run]], offences = numbers_of(batch[number], layout.quantity(name))
                note(gathering, offences, header[number])
            blocks[name].append(block)
        gathering.rows += height
    seen: dict[str, int] = {}
    for row, feature in enumerate(gathering.features):
        if not feature:
            gathering.faults.add(rules.UNNAMED, f"line {row + 2}", "no protein group")
        elif feature in seen:
            found = f"{shown(feature)}, as in line {seen[feature] + 2}"
            gathering.faults.add(rules.TWICE, f"line {row + 2}", found, kind="feature")
        seen.setdefault(feature, row)
    empty = np.zeros((0, len(runs)))
    return runs, {name: np.concatenate([empty, *own]).T for name, own in blocks.items()}


# --- long tables -------------------------------------------------------------------------------------------------


def read_long(
    path: Path, layout: Layout, header: list[str], columns: Columns, gathering: Gathering, ragged: Ragged
) -> tuple[list[str], dict[str, Floats]]:
    """Return the runs and the matrices of a table with a row for each run and feature (or part of one)."""
    pairs = Pairs(tuple(columns.runs))
    for batch in batches(path, columns.wanted(), len(header), ragged):
        run, names = batch[columns.run], joined(batch, columns.texts["feature"], "_")
        run_codes, feature_codes, new = pairs.codes(run, names)
        unnamed = (run_codes < 0) | (feature_codes < 0)
        if unnamed.any():
            rows = np.flatnonzero(unnamed)
            places = [f"line {gathering.rows + int(row) + 2}" for row in rows[:NAMED]]
            add_many(gathering.faults, rules.UNNAMED, places, "no run, or no protein group", len(rows))
        add_features(columns, batch, new, gathering)
        for name, own in columns.runs.items():
            number = next(iter(own))
            values, offences = numbers_of(batch[number], layout.quantity(name))
            note(gathering, offences, header[number])
            pairs.add(name, run_codes, feature_codes, values)
        gathering.rows += len(run)
        if pairs.cells > MAX_CELLS:
            raise Broken(rules.TOO_LARGE, f"{len(pairs.runs):,} runs x {len(pairs.features):,} rows")
    for name in columns.runs:
        for run_name, feature in pairs.contradictions(name):
            where = f"{shown(run_name)}, {shown(feature)}"
            found = f"different values of {header[next(iter(columns.runs[name]))]}"
            gathering.faults.add(rules.TWICE, where, found, kind=name)
    return list(pairs.runs), {name: pairs.matrix(name) for name in columns.runs}


# --- both --------------------------------------------------------------------------------------------------------


def joined(batch: dict[int, Any], numbers: tuple[int, ...], by: str) -> Any:
    """Return the texts of some columns, put together row by row; empty where one of them is."""
    parts = [pc.utf8_trim_whitespace(batch[number]) for number in numbers]
    if not parts:
        return pa.array([""] * len(next(iter(batch.values()))))
    return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, by)


def add_features(columns: Columns, batch: dict[int, Any], rows: npt.NDArray[np.int64], gathering: Gathering) -> None:
    """Take over what some rows of a batch say of their features."""
    gathering.features += joined(batch, columns.texts["feature"], "_").take(rows).to_pylist()
    for name in TEXTS:
        gathering.texts[name] += joined(batch, columns.texts[name], ";").take(rows).to_pylist()
    for name, numbers in columns.flags.items():
        if numbers:
            cells = batch[numbers[0]].take(rows).to_pylist()
            gathering.marks.setdefault(name, []).extend(cell.strip() == "+" for cell in cells)


def note(gathering: Gathering, offences: list[Offence], column: str) -> None:
    """Count the cells of a column that break a rule."""
    for own in offences:
        places = [f"line {gathering.rows + int(row) + 2}, {shown(column)}" for row in own.rows[:NAMED]]
        add_many(gathering.faults, own.rule, places, own.found, own.rows.size)


def add_many(faults: Faults, rule: Rule, places: list[str], found: str, count: int) -> None:
    """Count many faults of a kind at once, the first of them named."""
    for place in places:
        faults.add(rule, place, found)
    faults.tallies[rule.code, ""].count += count - len(places)


def main_quantity(table: Quantities) -> Quantity:
    """Return which quantity stands in X."""
    return table.layout.quantity(next(iter(table.values)))
