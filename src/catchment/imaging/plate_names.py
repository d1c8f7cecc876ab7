"""Where the name of an image puts it on a plate: well, field, channel, time point and plane. Pure.

Patterns are those of `plate_names.tsv`, tried in their order, or one that the submitter gives. A pattern tells the last
folders too; those before them are where the plate lies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath

from catchment.imaging.rule_tables import rows_of

# the index that a CellVoyager writes beside its images
INDEX_NAME = "MeasurementData.mlf"
# fewer are single images, however they are called
FEWEST_PLANES = 2
# what is written beside a plate
NOTES = (
    ".log",
    ".txt",
    ".md",
    ".pdf",
    ".csv",
    ".tsv",
    ".json",
    ".xml",
    ".htd",
    ".ds_store",
    "thumbs.db",
    "desktop.ini",
)


@dataclass(frozen=True, order=True)
class Well:
    """A well by its row and column, counted from 1."""

    row: int
    column: int

    @property
    def name(self) -> str:
        """The well as it is written: `D08`, `AA03`."""
        return f"{row_letters(self.row)}{self.column:02d}"


@dataclass(frozen=True)
class PlaneName:
    """Where an image goes. `z` and `t` are None where nothing says; `root` is the folder of the plate."""

    well: Well
    field: str = "1"
    channel: str = ""
    t: int | None = None
    z: int | None = None
    plate: str = ""
    root: str = ""


@dataclass(frozen=True)
class Naming:
    """How the images of one plate are named: what each name tells, and the names of thumbnails."""

    planes: dict[str, PlaneName]
    thumbnails: frozenset[str] = frozenset()


def row_letters(row: int) -> str:
    """Return the letters of a row counted from 1: A to Z, then AA."""
    tens, ones = divmod(row - 1, 26)
    return (chr(64 + tens) if tens else "") + chr(65 + ones)


def row_number(text: str) -> int:
    """Return a row from its letters or its number."""
    if text.isdigit():
        return int(text)
    number = 0
    for letter in text.upper():
        number = number * 26 + ord(letter) - 64
    return number


def anywhere(pattern: str) -> re.Pattern[str]:
    """Return the pattern of a path without its ending; the folders before what it tells are its `root`."""
    return re.compile(rf"(?P<root>(?:[^/]+/)*?)(?:{pattern})", re.IGNORECASE)


@cache
def known_patterns() -> tuple[re.Pattern[str], ...]:
    """Return the patterns that need not be told."""
    return tuple(anywhere(row["pattern"]) for row in rows_of("plate_names.tsv"))


def naming_of(names: Iterable[str], pattern: re.Pattern[str]) -> Naming:
    """Return what a pattern tells of some images; those that it does not fit are left out."""
    planes, thumbnails = {}, set()
    for name in names:
        match = pattern.fullmatch(str(PurePosixPath(name).with_suffix("")))
        told = match.groupdict() if match else {}
        well = well_of(told)
        if well is None:
            continue
        if told.get("thumbnail"):
            thumbnails.add(name)
            continue
        planes[name] = PlaneName(
            well,
            field=plain_number(told.get("field") or "1"),
            channel=plain_number(told.get("channel") or ""),
            t=number(told.get("t")),
            z=number(told.get("z")),
            plate=told.get("plate") or "",
            root=told["root"],
        )
    return Naming(planes, frozenset(thumbnails))


def known_naming(images: Sequence[str]) -> Naming | None:
    """Return how the images of one plate are named; None where names are not those of one plate.

    Most images must have a name of one kind, and lie on one plate.
    """
    for pattern in known_patterns():
        naming = naming_of(images, pattern)
        count = len(naming.planes)
        if count >= FEWEST_PLANES and 2 * (count + len(naming.thumbnails)) > len(images):
            return naming if len({(plane.root, plane.plate) for plane in naming.planes.values()}) == 1 else None
    return None


def index_folder(names: Iterable[str]) -> str | None:
    """Return the folder (with `/`) of the one index of a CellVoyager among some files; None where there is not one."""
    found = [name for name in names if PurePosixPath(name).name == INDEX_NAME]
    return found[0].removesuffix(INDEX_NAME) if len(found) == 1 else None


def is_one_plate(names: Sequence[str], images: Sequence[str]) -> bool:
    """Tell whether some files, of which these are images, are one plate: by its index, or by names that tell wells.

    Outside the folder in which the plate lies there may be notes, nothing that could be data.
    """
    indexes = sum(PurePosixPath(name).name == INDEX_NAME for name in names)
    root = index_folder(names)
    if not indexes and (naming := known_naming(images)) is not None:
        root = next(iter(naming.planes.values())).root
    return root is not None and all(name.startswith(root) or name.lower().endswith(NOTES) for name in names)


def well_of(told: dict[str, str | None]) -> Well | None:
    """Return the well that a name tells, whole or by row and column; None where it tells none."""
    row, column = told.get("row"), told.get("column")
    if whole := re.fullmatch(r"([A-Za-z]{1,2})(\d{1,2})", told.get("well") or ""):
        row, column = whole.groups()
    if not row or not column or row_number(row) < 1 or int(column) < 1:
        return None
    return Well(row_number(row), int(column))


def number(text: str | None) -> int | None:
    """Return a number, None where there is none."""
    return int(text) if text else None


def plain_number(text: str) -> str:
    """Return a number without the zeros before it; other words as they are."""
    return str(int(text)) if text.isdigit() else text
