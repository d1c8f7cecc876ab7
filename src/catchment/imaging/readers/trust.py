"""Which reader is trusted with which format, in what order: `trust.tsv`, beside this file. Chosen by content.

`converts`: it makes the pixels that are published; a later one of these gets what an earlier one leaves to others
(`IMG-012`). `compares`: it is asked for sampled planes of what another one read. `never`: known to be wrong, and why.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

BASE = "base"


@dataclass(frozen=True)
class Trusted:
    """One reader of one format.

    `environment`: `base`, or that of an optional reader (`.venv-NAME`); `opens`: what is loaded there.
    """

    format: str
    reader: str
    environment: str
    opens: str
    role: str
    how: str
    known_wrong: str


@cache
def trusted() -> tuple[Trusted, ...]:
    """Return every row of the table, in order of trust."""
    text = files("catchment.imaging.readers").joinpath("trust.tsv").read_text(encoding="utf-8")
    return tuple(Trusted(**row) for row in csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


def converters(kind: str) -> tuple[Trusted, ...]:
    """Return the readers that may make the published pixels of a format."""
    return tuple(row for row in trusted() if row.format == kind and "converts" in row.role)


def known_wrong(kind: str) -> str:
    """Return why no reader is trusted with a format that is known all the same, empty where it is not known."""
    return "; ".join(f"{row.reader}: {row.known_wrong}" for row in trusted() if row.format == kind)


def partners(kind: str, reader: str) -> tuple[Trusted, ...]:
    """Return the optional readers that are asked about what `reader` sees in a file of a format."""
    return tuple(
        row
        for row in trusted()
        if row.format == kind and "compares" in row.role and row.environment != BASE and row.reader != reader
    )


def plugins(kind: str) -> tuple[str, ...]:
    """Return the modules of bioio's permissive plugins that are asked about a format."""
    return tuple(
        row.opens for row in trusted() if row.format == kind and row.role == "compares" and row.environment == BASE
    )
