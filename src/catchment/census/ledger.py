"""The tables beside the census: its ledger, and every measurement of every modality. Pure.

The ledger says which rows of the census each dataset fills and which content it had: the next release is planned on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from catchment.schema.columns import LEDGER, MEASUREMENTS, Table, names, to_table
from catchment.schema.records import Normalised, Plan

Row = dict[str, Any]


def ledger_table(plan: Plan) -> pa.Table:
    """Return a row for each dataset of the plan, in its order."""
    rows = (
        {
            "dataset_id": dataset.dataset,
            "modality": dataset.modality,
            "organism": dataset.organism,
            "joinid": dataset.joinid,
            "first_row": dataset.first_row,
            "rows": dataset.rows,
            "logical_digest": dataset.logical_digest,
            "store_key": PurePosixPath(dataset.store).name,
        }
        for dataset in plan.datasets
    )
    return from_rows(LEDGER, rows)


def measurement_table(plan: Plan, contributions: Mapping[str, Normalised]) -> pa.Table:
    """Return a row for each measurement of each dataset of the plan, in its order."""
    rows = (
        {
            "measurement_id": measurement.id,
            "dataset_id": dataset.dataset,
            "submission": dataset.accession,
            "modality": dataset.modality,
            "kind": measurement.kind,
            "label": measurement.label,
            "analyte": measurement.analyte,
            "count": measurement.count,
            "unit": measurement.unit,
            "sample_ids": sorted(sample.accession for sample in contributions[dataset.dataset].asset.samples),
        }
        for dataset in plan.datasets
        for measurement in contributions[dataset.dataset].contribution.measurements
    )
    return from_rows(MEASUREMENTS, rows)


def from_rows(table: Table, rows: Iterable[Row]) -> pa.Table:
    """Return rows as a table of the declared columns."""
    kept = list(rows)
    return to_table(table, {name: [row[name] for row in kept] for name in names(table)})
