"""The ledger: which rows of the census each dataset has, which id each gene; append-only from release to release. Pure.

What was allotted once is nobody else's: a dataset that is withdrawn, or comes back with other cells, leaves a hole. A
dataset that returns as it was has its rows back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from catchment.schema.build_records import Allotment, CellGroup, EarlierGenes, Plan, PlannedDataset
from catchment.schema.columns import EXCLUSIONS, LEDGER, Table, names, to_table
from catchment.schema.rules import RULES
from catchment.storage import digest_json

MATRIX = "singlecell"
Row = dict[str, Any]


@dataclass(frozen=True)
class Ledger:
    """What earlier releases allotted: rows of cells to datasets, and the table with the ids of genes."""

    allotments: tuple[Allotment, ...] = ()
    genes: EarlierGenes | None = None


def selection_of(left_out: Sequence[CellGroup]) -> str:
    """Return what stands in the ledger for a selection of cells: empty where none is left out."""
    if not left_out:
        return ""
    return digest_json([group.model_dump(mode="json", exclude={"cells"}) for group in left_out])[:16]


def allotment_of(planned: PlannedDataset) -> Allotment:
    """Return what a dataset of a plan was allotted."""
    return Allotment(
        dataset=planned.dataset,
        organism=str(planned.organism),
        joinid=planned.joinid,
        first_row=planned.first_row,
        rows=planned.rows,
        selection=selection_of(planned.left_out),
        logical_digest=planned.logical_digest,
    )


def allot(wanted: Iterable[PlannedDataset], ledger: Ledger) -> tuple[tuple[PlannedDataset, ...], tuple[Allotment, ...]]:
    """Return the datasets with their rows and joinids, and what of the ledger none of them fills.

    Bytes under one accession never change, so a dataset of that name with as many cells of the same selection has the
    same cells: it keeps its rows, also where it was converted again. Any other gets rows after all that were allotted.
    """
    found: dict[tuple[str, str, int, str], Allotment] = {}
    joinids: dict[str, int] = {}
    heights: dict[str, int] = {}
    for one in ledger.allotments:
        found[one.dataset, one.organism, one.rows, one.selection] = one
        joinids[one.dataset] = one.joinid
        heights[one.organism] = max(heights.get(one.organism, 0), one.first_row + one.rows)
    next_joinid = max(joinids.values(), default=-1) + 1
    placed = []
    for planned in wanted:
        if planned.organism is not None:
            had = found.pop((planned.dataset, planned.organism, planned.rows, selection_of(planned.left_out)), None)
            if had is None:
                place = {"joinid": joinids.get(planned.dataset, next_joinid)}
                place["first_row"] = heights.get(planned.organism, 0)
                heights[planned.organism] = place["first_row"] + planned.rows
            else:
                place = {"joinid": had.joinid, "first_row": had.first_row}
            next_joinid = max(next_joinid, place["joinid"] + 1)
            planned = planned.model_copy(update=place)
        placed.append(planned)
    return tuple(placed), tuple(sorted(found.values(), key=lambda one: (one.organism, one.first_row)))


def height_of(plan: Plan, organism: str) -> int:
    """Return how many rows an organism's arrays have, holes included."""
    allotted = (*(allotment_of(one) for one in in_order(plan, organism)), *plan.earlier)
    return max((one.first_row + one.rows for one in allotted if one.organism == organism), default=0)


def joinids_of(plan: Plan) -> int:
    """Return how many joinids datasets have, those of holes included."""
    joinids = (*(one.joinid for one in plan.datasets), *(one.joinid for one in plan.earlier))
    return max(joinids, default=-1) + 1


def in_order(plan: Plan, organism: str) -> tuple[PlannedDataset, ...]:
    """Return the datasets of an organism in order of their rows."""
    return tuple(sorted((one for one in plan.datasets if one.organism == organism), key=lambda one: one.first_row))


# --- tables ------------------------------------------------------------------------------------------------------


def ledger_table(plan: Plan) -> pa.Table:
    """Return a row for each dataset of the plan, in its order, then one for each hole."""
    rows: list[Row] = [
        {
            **allotment_of(planned).model_dump(),
            "organism": planned.organism,
            "dataset_id": planned.dataset,
            "modality": planned.modality,
            "store_key": PurePosixPath(planned.store).name,
            "present": True,
        }
        for planned in plan.datasets
    ]
    for hole in plan.earlier:
        stored = {"dataset_id": hole.dataset, "modality": MATRIX, "store_key": None, "present": False}
        rows.append({**hole.model_dump(), **stored})
    return from_rows(LEDGER, rows)


def read_allotments(table: pa.Table) -> tuple[Allotment, ...]:
    """Return what a ledger's table says of rows: of matrices alone, holes included."""
    rows = ({**row, "dataset": row["dataset_id"]} for row in table.to_pylist() if row["organism"] is not None)
    return tuple(Allotment(**{name: row[name] for name in Allotment.model_fields}) for row in rows)


def exclusion_table(plan: Plan) -> pa.Table:
    """Return a row for each group of cells, or dataset, that the census goes without: which rule left it out."""
    rows = (
        {
            "dataset_id": finding.where,
            "code": finding.code,
            "level": finding.level,
            "rule": RULES[finding.code].title,
            "found": finding.found,
            "expected": finding.expected,
            "cells": finding.count,
        }
        for finding in plan.excluded
    )
    return from_rows(EXCLUSIONS, rows)


def from_rows(table: Table, rows: Iterable[Row]) -> pa.Table:
    """Return rows as a table of the declared columns."""
    kept = list(rows)
    return to_table(table, {name: [row[name] for row in kept] for name in names(table)})
