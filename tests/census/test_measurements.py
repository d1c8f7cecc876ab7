"""The multimodal table: a row for each sample of each dataset, with its own terms where it has any."""

from __future__ import annotations

import json

from catchment.census.measurements import measurement_table
from catchment.census.plan import plan
from catchment.schema.records import Derived, Normalised, Sample, StoredFile

from .synthetic_census import HUMAN, measurement, record

LIVER, BRAIN = "UBERON:0002107", "UBERON:0000955"


def with_samples(own: Normalised, *samples: Sample) -> Normalised:
    return own.model_copy(update={"asset": own.asset.model_copy(update={"samples": samples})})


def rows(*records: Normalised) -> list[dict[str, object]]:
    table = measurement_table(plan(records, []), {one.dataset.dataset: one for one in records})
    return list(table.to_pylist())


def test_each_sample_of_each_dataset_has_a_row_with_its_own_terms() -> None:
    channels = tuple(measurement("CAT00000001A.D0001", name, 1, "planes") for name in ("GFP", "DAPI"))
    both = (
        Sample(id="b", accession="CAT00000001A.S0002", tissue_ontology_term_id=BRAIN, donor_id="d"),
        Sample(id="a", accession="CAT00000001A.S0001", tissue_ontology_term_id=LIVER),
    )
    first, second, cells = rows(with_samples(record(1, "imaging", measurements=channels), *both), record(2))
    assert (first["sample_id"], first["tissue_ontology_term_id"], first["donor_id"]) == (
        "CAT00000001A.S0001",
        [LIVER],
        None,
    )
    assert (second["sample_id"], second["tissue_ontology_term_id"], second["donor_id"]) == (
        "CAT00000001A.S0002",
        [BRAIN],
        "d",
    )
    assert first["labels"] == second["labels"] == ["DAPI", "GFP"]
    assert (cells["modality"], cells["analytes"]) == ("singlecell", ["transcriptome"])
    assert json.loads(str(cells["counts"])) == {"cells": 3}
    assert len({row["measurement_id"] for row in (first, second, cells)}) == 3


def test_what_only_the_dataset_says_is_marked_so() -> None:
    (row,) = rows(record(1))
    assert row["organism_ontology_term_id"] == [HUMAN]
    assert row["from_dataset"] == ["organism_ontology_term_id"]
    own = Sample(id="s", accession="CAT00000001A.S0001", organism_ontology_term_id=HUMAN)
    (row,) = rows(with_samples(record(1), own))
    assert (row["organism_ontology_term_id"], row["from_dataset"]) == ([HUMAN], [])


def test_dataset_without_samples_has_one_row() -> None:
    (row,) = rows(with_samples(record(1, "massspec")))
    assert (row["sample_id"], row["dataset_id"]) == (None, "CAT00000001A.D0001")


def test_feature_set_is_that_of_the_file_beside_the_view() -> None:
    file = StoredFile(path="features.parquet", bytes=1, sha256="ab" * 32)
    derived = {"derived": Derived(recipe={}, side_cars={"features": file.path}), "derived_files": (file,)}
    (row,) = rows(record(1).model_copy(update=derived))
    assert row["feature_set"] == "ab" * 8
