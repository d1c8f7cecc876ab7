"""How strictly the schema is read: as its reference validator does, as its text says, or leniently."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import cast

from catchment.schema.records import Finding, Level


@cache
def levels() -> dict[str, dict[str, Level]]:
    """Return by code the level that a finding has in each reading other than the reference's."""
    text = files("catchment.singlecell.cellxgene").joinpath("readings.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t")
    return {row.pop("code"): cast(dict[str, Level], row) for row in rows}


def as_read(findings: Iterable[Finding], reading: str) -> tuple[Finding, ...]:
    """Return findings at the level that a reading gives them."""
    return tuple(
        finding.model_copy(update={"level": levels().get(finding.code, {}).get(reading, finding.level)})
        for finding in findings
    )
