"""Tables of an upload that a recipe joins with: read when it is received, so that the recipe stands by itself."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection

from catchment.errors import BadInput
from catchment.schema.records import ColumnRecipe, Curation
from catchment.submission.draft import Draft

MAX_ROWS = 100_000


def with_tables(draft: Draft, names: Collection[str], read: Callable[[str], str]) -> Draft:
    """Return the draft with what its recipes take from tables written into them; the tables are metadata files then.

    Raises
    ------
    BadInput
        Where a table or one of its columns is missing, or it has two values for one key.
    """
    tables: dict[str, list[dict[str, str]]] = {}

    def joined(source: ColumnRecipe) -> ColumnRecipe:
        if not source.table:
            return source
        if source.table not in names:
            raise BadInput(f"curate: table {source.table!r} is not in the upload; add it")
        if source.table not in tables:
            tables[source.table] = rows_of(read(source.table), source.table)
        values = pairs_of(tables[source.table], source)
        return source.model_copy(update={"values": values, "table": "", "key": "", "value": ""})

    def with_values(recipe: Curation) -> Curation:
        return recipe.model_copy(update={"columns": {name: joined(one) for name, one in recipe.columns.items()}})

    assets = tuple(
        asset.model_copy(update={"curate": with_values(asset.curate)}) if asset.curate else asset
        for asset in draft.assets
    )
    used = tuple(name for name in sorted(tables) if name not in draft.metadata_files)
    return draft.model_copy(update={"assets": assets, "metadata_files": (*draft.metadata_files, *used)})


def rows_of(text: str, name: str) -> list[dict[str, str]]:
    """Return the rows of a table with a header: tab-separated, or by commas where its name ends in `.csv`."""
    lines = text.splitlines()
    if len(lines) > MAX_ROWS:
        raise BadInput(f"{name}: found {len(lines):,} lines, expected at most {MAX_ROWS:,}; send the samples alone")
    reader = csv.DictReader(lines, delimiter="," if name.lower().endswith(".csv") else "\t")
    return [{key: value or "" for key, value in row.items() if isinstance(key, str)} for row in reader]


def pairs_of(rows: list[dict[str, str]], source: ColumnRecipe) -> dict[str, str]:
    """Return what each key of a table becomes."""
    for column in (source.key, source.value):
        if not rows or column not in rows[0]:
            found = ", ".join(rows[0]) if rows else "no rows"
            raise BadInput(f"{source.table}: no column {column!r}; found {found}; mend `key` and `value` in curate")
    pairs: dict[str, str] = {}
    for row in rows:
        key, value = row[source.key], row[source.value]
        if pairs.setdefault(key, value) != value:
            raise BadInput(f"{source.table}: {key!r} has two values, {pairs[key]!r} and {value!r}; keep one")
    return pairs
