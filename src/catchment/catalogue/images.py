"""Rows of the images that sets hold, from the index that each conversion left beside its store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from catchment.schema.build import Build
from catchment.schema.records import Normalised
from catchment.schema.tables import IMAGE_FACTS

Row = dict[str, Any]


def image_rows(build: Build) -> list[Row]:
    """Return a row for each image of each set that is through, in order of their ids."""
    studies = {manifest.accession: manifest.study.id for manifest in build.manifests}
    ordered = sorted(build.normalised, key=lambda record: record.asset.dataset)
    return [row for record in ordered for row in rows_of(record, studies, build.workdir)]


def rows_of(record: Normalised, studies: Mapping[str, str], workdir: Path) -> Iterable[Row]:
    """Yield the rows of one dataset; none where it is no set."""
    dataset = record.dataset
    index = dataset.product.side_cars.get("images")
    if index is None:
        return
    store = f"datasets/{dataset.dataset}/{dataset.product.path}"
    for row in pq.read_table(workdir / dataset.store / index).to_pylist():
        yield {
            "image_id": f"{dataset.dataset}.I{row['image']:05d}",
            "dataset_id": dataset.dataset,
            "study_id": studies[dataset.accession],
            **{name: row[name] for name in ("name", *IMAGE_FACTS, "channels", "shape", "dtype")},
            "path": f"{store}/{row['path']}".rstrip("/"),
            "pixel_digest": row["digest"],
            "source_files": [member["file"] for member in row["members"]],
            "source_sha256": [member["sha256"] for member in row["members"]],
        }


def proteins_by_dataset(images: Iterable[Row]) -> dict[str, list[str]]:
    """Return the proteins that the images of each dataset show, by name and by gene, sorted."""
    found: dict[str, set[str]] = {}
    for row in images:
        found.setdefault(row["dataset_id"], set()).update(filter(None, (row["protein"], row["gene"])))
    return {dataset: sorted(names) for dataset, names in found.items()}
