"""The multimodal table of a census: a row for each sample of each dataset, with its terms and what was measured. Pure.

What a sample says of itself stands; where it is silent, what the dataset says as a whole stands in its place, and
`from_dataset` names the fields where it does. A dataset without samples has one row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from catchment.census.ledger import from_rows
from catchment.schema.build_records import Plan, PlannedDataset
from catchment.schema.columns import MEASUREMENT_TERMS, MEASUREMENTS
from catchment.schema.features import SIDE_CAR, set_name
from catchment.schema.records import Normalised, Sample

Row = dict[str, Any]
UNKNOWN = ("", "unknown")


def measurement_table(plan: Plan, contributions: Mapping[str, Normalised]) -> pa.Table:
    """Return a row for each sample of each dataset of the plan, in its order, then that of the samples' accessions."""
    return from_rows(
        MEASUREMENTS, (row for planned in plan.datasets for row in rows_of(planned, contributions[planned.dataset]))
    )


def rows_of(planned: PlannedDataset, record: Normalised) -> Iterator[Row]:
    """Yield the rows of one dataset."""
    contribution = record.contribution
    name = record.derived.side_cars.get(SIDE_CAR)
    common: Row = {
        "dataset_id": planned.dataset,
        "submission": planned.accession,
        "modality": planned.modality,
        "kinds": distinct(one.kind for one in contribution.measurements),
        "labels": distinct(one.label for one in contribution.measurements),
        "analytes": distinct((contribution.analyte, *(one.analyte for one in contribution.measurements))),
        "counts": json.dumps(contribution.counts, sort_keys=True),
        "feature_set": next((set_name(file.sha256) for file in record.derived_files if file.path == name), None),
    }
    samples: list[Sample | None] = [*sorted(record.asset.samples, key=lambda sample: sample.accession)]
    for number, sample in enumerate(samples or [None], start=1):
        yield {
            "measurement_id": f"{planned.dataset}.M{number:04d}",
            **common,
            "sample_id": sample.accession if sample else None,
            "donor_id": sample.donor_id if sample and sample.donor_id not in UNKNOWN else None,
            **terms_of(sample, contribution.terms),
        }


def terms_of(sample: Sample | None, of_dataset: Mapping[str, tuple[str, ...]]) -> Row:
    """Return the cross-modality terms of a sample in a dataset, and which fields only the dataset as a whole tells."""
    row: Row = {}
    inferred = []
    for field in MEASUREMENT_TERMS:
        own = str(getattr(sample, field, "unknown"))
        row[field] = [own] if own not in UNKNOWN else list(of_dataset.get(field, ()))
        if own in UNKNOWN and row[field]:
            inferred.append(field)
    return row | {"from_dataset": inferred}


def distinct(values: Any) -> list[str]:
    """Return values, each once, sorted, without empty ones."""
    return sorted(set(values) - {""})
