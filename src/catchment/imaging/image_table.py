"""Tables of file-level metadata: what they say of each image of a set, found by its name or its place. Pure."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

from catchment.imaging.member_names import FACTS
from catchment.imaging.rule_tables import rows_of

# which columns tell where an image was taken; rows are found by those that a table has
PLACES = ("treatment", "plate", "well", "region", "field")
# of a plate, where the treatment is what a table is asked for
PLACES_OF_PLATE = ("plate", "well", "field")
NAMED = ("file", "prefix")
MAX_ROWS = 2_000_000

Facts = dict[str, str]
Key = tuple[str, ...]


class BadTable(Exception):
    """A table that cannot be used; the message says why."""


@dataclass
class ImageTable:
    """A table: facts by the name of a file, and by a place (values of `places`, in any case)."""

    name: str
    places: tuple[str, ...]
    by_name: dict[str, list[Facts]] = field(default_factory=dict)
    by_place: dict[Key, list[Facts]] = field(default_factory=dict)

    def rows_for(self, names: Iterable[str], facts: Facts) -> list[Facts]:
        """Return the different rows that speak of an image with these names (of files) or facts."""
        found: list[Facts] = []
        for name in names:
            found += self.by_name.get(name.casefold(), ())
        if not found and self.by_place and all(place in facts for place in self.places):
            found += self.by_place.get(key_of(self.places, facts), ())
        return [row for number, row in enumerate(found) if row not in found[:number]]


def read_table(text: str, name: str, places_known: Sequence[str] = PLACES) -> ImageTable:
    """Return a table, comma- or tab-separated, with one of the columns of `image_columns.tsv` at least.

    `places_known`: which of its columns may tell where an image was taken.

    Raises
    ------
    BadTable
        Where no column is known, none tells which image a row is about, or a row has more cells than the header.
    """
    lines = text.lstrip("\ufeff").splitlines()
    reader = csv.reader(lines, delimiter="\t" if lines and "\t" in lines[0] else ",")
    try:
        rows = [row for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise BadTable(f"it cannot be read: {error}") from None
    if not rows:
        raise BadTable("it is empty")
    if len(rows) > MAX_ROWS:
        raise BadTable(f"it has {len(rows):,} rows")
    columns = [columns_known().get(plain(title), "") for title in rows[0]]
    told = [column for column in columns if column]
    if len(set(told)) != len(told):
        raise BadTable(f"two columns say the same: {', '.join(sorted(c for c in set(told) if told.count(c) > 1))}")
    places = tuple(place for place in places_known if place in told)
    if not places and not set(NAMED) & set(told):
        raise BadTable("no column says which image a row is about")
    table = ImageTable(name, places)
    for number, row in enumerate(rows[1:], start=2):
        if len(row) > len(columns):
            raise BadTable(f"row {number} has {len(row)} cells, the header {len(columns)}")
        cells = {column: cell.strip() for column, cell in zip(columns, row, strict=False) if column and cell.strip()}
        facts = {fact: cells[fact] for fact in FACTS if fact in cells}
        named = [cells[column] for column in NAMED if column in cells]
        for own in named:
            table.by_name.setdefault(own.casefold(), []).append(facts)
        if not named and all(place in facts for place in places):
            table.by_place.setdefault(key_of(places, facts), []).append(facts)
    return table


def key_of(places: tuple[str, ...], facts: Facts) -> Key:
    """Return the values of some places as they are compared."""
    return tuple(comparable(place, facts[place]) for place in places)


def comparable(fact: str, value: str) -> str:
    """Return a value as it is compared: any case; `C01` is well `C1`."""
    plain_value = value.strip().casefold()
    match = re.fullmatch(r"([a-z]{1,2})0*(\d+)", plain_value) if fact == "well" else None
    return f"{match[1]}{match[2]}" if match else plain_value


def plain(title: str) -> str:
    """Return a column's title as it is looked up: lower case, single spaces."""
    return re.sub(r"[\W_]+", " ", title).strip().casefold()


@cache
def columns_known() -> dict[str, str]:
    """Return the fact that a column of a known title tells."""
    return {row["column"]: row["fact"] for row in rows_of("image_columns.tsv")}
