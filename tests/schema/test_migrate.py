"""A record of any earlier version climbs to the current one; kept examples of every version load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from catchment.errors import RecordUnreadable
from catchment.schema.migrate import CURRENT_VERSION, LADDER, climb
from catchment.storage import load, to_json

from .kept import EXAMPLES, KINDS

KEPT = sorted(EXAMPLES.glob("v*/*.json"))


def rename(document: dict[str, Any]) -> dict[str, Any]:
    return {**{k: v for k, v in document.items() if k != "old"}, "new": document["old"]}


def double(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "new": document["new"] * 2}


def test_a_document_climbs_rung_by_rung() -> None:
    ladder = {1: rename, 2: double}
    assert climb({"schema_version": 1, "old": 4}, ladder, 3) == {"schema_version": 3, "new": 8}
    assert climb({"schema_version": 2, "new": 4}, ladder, 3) == {"schema_version": 3, "new": 8}
    assert climb({"schema_version": 3, "new": 8}, ladder, 3) == {"schema_version": 3, "new": 8}


def test_a_climb_leaves_what_it_was_given_as_it_was() -> None:
    document = {"schema_version": 1, "old": 4}
    climb(document, {1: rename}, 2)
    assert document == {"schema_version": 1, "old": 4}


def test_a_rung_that_is_missing_is_named() -> None:
    with pytest.raises(RecordUnreadable, match="no migration leads on from 2; expected one to 3"):
        climb({"schema_version": 1, "old": 4}, {1: rename}, 3)


def test_a_record_newer_than_this_program_is_refused() -> None:
    with pytest.raises(RecordUnreadable, match="found 4, this program reads up to 3; use a newer catchment"):
        climb({"schema_version": 4}, {}, 3)


@pytest.mark.parametrize("version", [None, "1", 1.0, True, [1]])
def test_a_version_that_is_no_whole_number_is_no_record(version: object) -> None:
    with pytest.raises(RecordUnreadable, match="this file is not a record"):
        climb({"schema_version": version})


def test_the_ladder_leads_from_every_earlier_version_to_the_current_one() -> None:
    assert sorted(LADDER) == list(range(1, CURRENT_VERSION))


def test_an_example_of_every_kind_is_kept_for_every_version() -> None:
    kept = {(path.parent.name, path.stem) for path in KEPT}
    assert kept == {(f"v{version}", name) for version in range(1, CURRENT_VERSION + 1) for name in KINDS}


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_kept_example_loads_and_one_of_this_version_saves_to_the_same_bytes(path: Path) -> None:
    record = load(KINDS[path.stem], path)
    if path.parent.name == f"v{CURRENT_VERSION}":
        assert to_json(record) == path.read_bytes()
