"""The tables beside this file that hold rules as data."""

from __future__ import annotations

import csv
from importlib.resources import files


def rows_of(table: str) -> list[dict[str, str]]:
    """Return the rows of a table of this package."""
    text = files("catchment.imaging").joinpath(table).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), delimiter="\t"))
