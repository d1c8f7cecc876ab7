"""The migration ladder: a record of any earlier version, one rung at a time, to the current shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from catchment.errors import RecordUnreadable

Document = dict[str, Any]
Rung = Callable[[Document], Document]

CURRENT_VERSION = 1

# version it starts from -> the pure function that takes a document one version up (`migrations/vN_to_vN1.py`)
LADDER: Mapping[int, Rung] = {}


def climb(document: Document, ladder: Mapping[int, Rung] = LADDER, current: int = CURRENT_VERSION) -> Document:
    """Return the document at the current version.

    Raises
    ------
    RecordUnreadable
        Without a version, with one newer than this program, or where a rung is missing.
    """
    version = document.get("schema_version")
    if type(version) is not int:  # True is an int as well
        raise RecordUnreadable(f"schema_version: found {version!r}, expected a number; this file is not a record")
    if version > current:
        raise RecordUnreadable(
            f"schema_version: found {version}, this program reads up to {current}; use a newer catchment"
        )
    while version < current:
        if version not in ladder:
            raise RecordUnreadable(f"schema_version: no migration leads on from {version}; expected one to {current}")
        document = {**ladder[version](document), "schema_version": version + 1}
        version += 1
    return document
