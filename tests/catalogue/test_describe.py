"""Everything a catalogue says of one thing."""

from __future__ import annotations

from pathlib import Path

import pytest

from catchment.catalogue.describe import describe
from catchment.catalogue.index import index
from catchment.config import ReleaseSettings
from catchment.errors import BadInput
from tests.release.synthetic_build import HUMAN, LIVER, Synthetic, sample


def test_a_study_by_its_id_or_a_submission_of_it(catalogue: Path) -> None:
    for id_ in ("liver", "CAT00000001A", "CAT00000002A"):
        found = describe(catalogue, id_)
        assert (found["entity"], found["study_id"]) == ("study", "liver")
        assert [row["dataset_id"] for row in found["datasets"]] == ["CAT00000001A.D0001", "CAT00000002A.D0001"]
        assert [row["submitter_id"] for row in found["samples"]] == ["donor-1"]


def test_a_dataset_with_its_samples_and_files(catalogue: Path) -> None:
    found = describe(catalogue, "CAT00000001A.D0001")
    assert (found["entity"], found["counts"], found["metrics"]["median"]) == (
        "dataset",
        {"cells": 20, "genes": 5},
        12.5,
    )
    assert [row["sample_id"] for row in found["samples"]] == ["CAT00000001A.S0001"]
    assert {row["kind"] for row in found["files"]} == {"dataset", "derived", "raw"}


def test_a_held_dataset_says_why(catalogue: Path) -> None:
    found = describe(catalogue, "CAT00000003A.D0002")
    assert found["held_reasons"] == ["AD-001: 12 rows, 13 ids"]
    assert [row["path"] for row in found["files"]] == ["raw/CAT00000003A/f0002.bin"]


def test_a_sample_by_any_of_its_names(catalogue: Path) -> None:
    for id_ in ("CAT00000001A.S0001", "CAT00000002A.S0001", "donor-1"):
        found = describe(catalogue, id_)
        assert (found["entity"], found["sample_id"], len(found["datasets"])) == ("sample", "CAT00000001A.S0001", 2)


def test_a_file_by_its_path(catalogue: Path) -> None:
    found = describe(catalogue, "raw/CAT00000003A/f0001.bin")
    assert (found["entity"], found["kind"], found["dataset_id"]) == ("file", "raw", "CAT00000003A.D0001")


def test_an_unknown_id_is_refused_with_the_nearest(catalogue: Path) -> None:
    with pytest.raises(BadInput, match=r"'CAT00000001B\.D0001'; did you mean CAT00000001A\.D0001"):
        describe(catalogue, "CAT00000001B.D0001")
    for hostile in ("' OR 1=1 --", "$id", "\x00", "x" * 900, ""):
        with pytest.raises(BadInput, match="nothing here has the id"):
            describe(catalogue, hostile)


def test_an_id_that_two_samples_share_is_refused_with_both(tmp_path: Path) -> None:
    made = Synthetic(tmp_path / "build")
    for accession in ("CAT00000001A", "CAT00000002A"):
        made.submission(accession, f"study-{accession}", (sample(accession, 1, "s-1", HUMAN, LIVER),))
    index(made.build(), tmp_path / "catalogue", ReleaseSettings())
    with pytest.raises(BadInput, match=r"'s-1' names 2 samples: CAT00000001A\.S0001, CAT00000002A\.S0001"):
        describe(tmp_path, "s-1")


def test_an_empty_catalogue_describes_nothing(empty_catalogue: Path) -> None:
    with pytest.raises(BadInput, match="`catchment search` lists what there is"):
        describe(empty_catalogue, "liver")
