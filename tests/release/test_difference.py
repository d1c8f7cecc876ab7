"""What tells two releases apart: each thing that came, went or changed is named, with the reason that is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from catchment import cli
from catchment.errors import BadInput
from catchment.release.difference import CONVERTED_ANEW, Difference, difference, later_revision
from catchment.release.published import read_published
from tests.release.synthetic_build import Synthetic, publish_build, put, sha256, snapshot

LIVER_CELLS, FLY = "CAT00000001A.D0001", "CAT00000006A.D0001"


def drop(made: Synthetic, accession: str) -> None:
    """Send a submission no more."""
    for records in (made.normalised, made.held):
        records[:] = [record for record in records if record.asset.accession != accession]  # type: ignore[index]
    made.manifests[:] = [manifest for manifest in made.manifests if manifest.accession != accession]


def next_release(made: Synthetic) -> Path:
    return made.workdir / publish_build(made, allow_loss="any").path


def between(before: Path, after: Path) -> Difference:
    return difference(read_published(before), read_published(after))


def told(found: Difference) -> list[tuple[Any, ...]]:
    return [(one.id, one.change, one.field, one.before, one.after, one.why) for one in found.changes]


def counted(found: Difference) -> dict[str, tuple[int | None, int | None]]:
    return {one.what: (one.before, one.after) for one in found.counts}


def rewrite(release: Path, name: str, without: Sequence[str]) -> None:
    """Make a table of the catalogue as a version wrote it that did not know some columns."""
    path = release / f"catalogue/{name}.parquet"
    table = pq.ParquetFile(path).read().drop_columns(list(without))
    path.unlink()
    pq.write_table(table, path)


def test_a_release_does_not_differ_from_itself(published: Path) -> None:
    found = between(published, published)
    assert found.changes == found.files == ()
    assert counted(found)["datasets"] == (8, 8)
    assert all(one.before == one.after for one in found.counts)


def test_a_submission_more_is_its_study_its_dataset_its_cells_and_its_files(made: Synthetic, release: Path) -> None:
    made.submission("CAT00000007A", "new", title="A new study")
    made.dataset(made.asset("CAT00000007A", "massspec", 1))
    after = next_release(made)
    found = between(release, after)
    assert told(found) == [
        ("new", "added", "", None, "A new study", ""),
        ("CAT00000007A.D0001", "added", "stage", None, "standardised", ""),
    ]
    assert counted(found)["studies"] == (5, 6)
    assert counted(found)["spectra"] == (7, 14)
    assert counted(found)["cells"] == (80, 80)
    new = {one.folder: one for one in found.files if one.added}
    assert set(new) == {"datasets/CAT00000007A.D0001", "raw/CAT00000007A"}
    below = [path for path in snapshot(after) if path.startswith("datasets/CAT00000007A.D0001/")]
    assert new["datasets/CAT00000007A.D0001"].added == len(below)
    assert new["raw/CAT00000007A"].bytes_after == len(b"CAT00000007A massspec-1 as it was sent")


def test_a_dataset_that_is_held_now_says_at_which_step_and_why(made: Synthetic, release: Path) -> None:
    gone = made.normalised.pop(0)
    made.hold(gone.asset, found="12 rows, 13 ids")
    found = between(release, next_release(made))
    assert told(found) == [
        (LIVER_CELLS, "changed", "stage", "standardised", "raw", "held at admit: AD-001: 12 rows, 13 ids")
    ]
    assert counted(found)["held datasets"] == (2, 3)
    assert counted(found)["cells"] == (80, 60)
    assert [one.removed > 0 for one in found.files if one.folder == f"datasets/{LIVER_CELLS}"] == [True]


def test_a_submission_that_is_not_sent_any_more_is_told_of_its_study_and_its_datasets(
    made: Synthetic, release: Path
) -> None:
    drop(made, "CAT00000006A")
    drop(made, "CAT00000002A")  # the study has another submission
    found = between(release, next_release(made))
    assert told(found) == [
        ("fly", "removed", "", "Fly embryo", None, "none of its submissions (CAT00000006A) is in this release"),
        ("liver", "changed", "submissions", ["CAT00000001A", "CAT00000002A"], ["CAT00000001A"], ""),
        ("liver", "changed", "modalities", ["massspec", "singlecell"], ["singlecell"], ""),
        # what the submission said of the sample that both share
        (LIVER_CELLS, "changed", "sex_ontology_term_id", ["PATO:0000383"], ["unknown"], ""),
        (
            "CAT00000002A.D0001",
            "removed",
            "stage",
            "standardised",
            None,
            "its submission CAT00000002A is not in this release",
        ),
        (FLY, "removed", "stage", "validated", None, "its submission CAT00000006A is not in this release"),
    ]


def test_a_dataset_that_its_submission_has_no_more_is_told(made: Synthetic, release: Path) -> None:
    made.held[:] = [record for record in made.held if record.asset.dataset != "CAT00000003A.D0002"]
    found = between(release, next_release(made))
    assert told(found)[-1][:5] == ("CAT00000003A.D0002", "removed", "stage", "raw", None)
    assert told(found)[-1][5] == "its submission CAT00000003A is in this release without it"


def test_a_revision_stands_for_what_it_revises(made: Synthetic, release: Path) -> None:
    drop(made, "CAT00000006A")
    made.submission("CAT00000006A.v2", "fly", title="Fly embryo")
    made.dataset(made.asset("CAT00000006A.v2", "singlecell", 1))
    found = between(release, next_release(made))
    whys = {one.id: one.why for one in found.changes if one.change == "removed"}
    assert whys == {FLY: "revised: CAT00000006A.v2.D0001 stands for it"}


def test_the_latest_of_later_revisions_is_found() -> None:
    known = ["A.D0001", "A.v2.D0001", "A.v10.D0001", "A.v3.D0002", "AB.v4.D0001", "no id"]
    assert later_revision("A.D0001", known) == "A.v10.D0001"
    assert later_revision("A.v2.D0001", known) == "A.v10.D0001"
    assert later_revision("A.v10.D0001", known) is None
    assert later_revision("A.D0002", known) == "A.v3.D0002"
    assert later_revision("AB.D0002", known) is None
    assert later_revision("no id", known) is None


def test_a_study_whose_submission_moved_says_where_to(made: Synthetic, release: Path) -> None:
    last = made.manifests.pop()
    made.manifests.append(last.model_copy(update={"study": last.study.model_copy(update={"id": "drosophila"})}))
    found = between(release, next_release(made))
    assert [one.why for one in found.changes if one.id == "fly"] == ["its submissions belong to drosophila now"]
    assert (FLY, "changed", "study_id", "fly", "drosophila", "") in told(found)


def test_another_title_other_terms_and_other_contents_are_told_field_by_field(made: Synthetic, release: Path) -> None:
    record = made.normalised[0]
    product = record.dataset.product.model_copy(update={"logical_digest": sha256(b"others")})
    terms = {"cell_type_ontology_term_id": ("CL:0000084",)}
    said = record.contribution.model_copy(
        update={"title": "Better", "terms": terms, "counts": {"cells": 25, "genes": 5}}
    )
    made.normalised[0] = record.model_copy(
        update={"dataset": record.dataset.model_copy(update={"product": product}), "contribution": said}
    )
    found = between(release, next_release(made))
    old = record.dataset.product.logical_digest
    assert told(found) == [
        (LIVER_CELLS, "changed", "title", f"Dataset {LIVER_CELLS}", "Better", ""),
        (LIVER_CELLS, "changed", "cell_type_ontology_term_id", ["CL:0000182"], ["CL:0000084"], ""),
        (LIVER_CELLS, "changed", "n_cells", 20, 25, ""),
        (LIVER_CELLS, "changed", "logical_digest", old, sha256(b"others"), CONVERTED_ANEW),
    ]


def test_a_dataset_that_the_census_leaves_out_now_says_why(made: Synthetic, release: Path) -> None:
    made.outside_census.add(LIVER_CELLS)
    found = between(release, next_release(made))
    why = "the census goes without it: CEN-002: no organism"
    assert told(found) == [(LIVER_CELLS, "changed", "stage", "standardised", "validated", why)]
    assert counted(found)["cells of datasets in the census, Homo sapiens"] == (20, 0)


def test_a_file_with_other_bytes_is_counted_in_its_folder(made: Synthetic, release: Path) -> None:
    after = made.workdir / "other"
    for path, data in snapshot(release).items():
        put(after / path, data)
    listed = json.loads((after / "manifest.json").read_bytes())
    thumbnail = next(file for file in listed["files"] if file["path"].endswith(f"{LIVER_CELLS}/thumbnail.png"))
    thumbnail["sha256"], thumbnail["bytes"] = "0" * 64, thumbnail["bytes"] + 5
    (after / "manifest.json").write_text(json.dumps(listed))
    (one,) = between(release, after).files
    assert (one.folder, one.added, one.removed, one.changed) == (f"datasets/{LIVER_CELLS}", 0, 0, 1)
    assert one.bytes_after - one.bytes_before == 5


def test_what_an_older_catalogue_does_not_say_is_no_difference(made: Synthetic, release: Path) -> None:
    made.submission("CAT00000007A", "new")
    after = next_release(made)
    rewrite(release, "datasets", ["title", "n_cells", "in_census", "held_reasons", "left_out_reasons", "submission"])
    rewrite(release, "studies", ["usage", "submissions"])
    found = between(release, after)
    assert [(one.id, one.change) for one in found.changes] == [("new", "added")]
    assert counted(found)["cells"] == (None, 80)
    assert counted(found)["cells of datasets in the census, Homo sapiens"][0] is None
    (release / "catalogue/studies.parquet").unlink()
    found = between(release, after)
    assert found.changes == ()
    assert counted(found)["studies"] == (None, 6)
    back = between(after, release)
    assert counted(back)["studies"] == (6, None)


def test_an_older_table_without_a_stage_is_compared_in_what_it_has(made: Synthetic, release: Path) -> None:
    drop(made, "CAT00000006A")
    after = next_release(made)
    for folder in (release, after):
        rewrite(folder, "datasets", ["stage"])
    found = between(release, after)
    assert counted(found)["held datasets"] == (None, None)
    assert [(one.id, one.change, one.before) for one in found.changes if one.of == "dataset"] == [
        (FLY, "removed", None)
    ]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "No such file or directory; give the folder of a release"),
        (lambda folder: put(folder / "manifest.json", b"{}"), "3 faults, first: Field required"),
        (lambda folder: (folder / "catalogue/datasets.parquet").unlink(), "no catalogue/datasets.parquet"),
        (lambda folder: put(folder / "catalogue/studies.parquet", b"PAR1"), "not a readable table"),
    ],
    ids=["no manifest", "another JSON", "no catalogue", "no Parquet"],
)
def test_what_is_no_release_is_refused_by_name(made: Synthetic, damage: Any, message: str) -> None:
    folder = made.workdir / publish_build(made).path
    for path in (folder / "manifest.json", folder / "catalogue/studies.parquet"):
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data)
    damage(folder)
    with pytest.raises(BadInput, match=message):
        read_published(folder)


def test_a_table_without_its_key_is_refused(release: Path) -> None:
    rewrite(release, "studies", ["study_id"])
    with pytest.raises(BadInput, match=r"studies\.parquet: no column study_id"):
        read_published(release)


def test_the_command_prints_tables_or_one_json_object(
    made: Synthetic, release: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drop(made, "CAT00000006A")
    after = next_release(made)
    assert cli.main(["diff", str(release), str(after)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("from 2026.1 to 2026.2")
    assert "its submission CAT00000006A is not in this release" in " ".join(out.split())
    assert cli.main(["diff", str(release), str(after), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["before"], found["after"]) == ("2026.1", "2026.2")
    assert {one["id"] for one in found["changes"]} == {"fly", FLY}
    assert set(found["files"][0]) == {"folder", "added", "removed", "changed", "bytes_before", "bytes_after"}


def test_a_folder_that_is_no_release_ends_the_command_with_2(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["diff", str(release), str(tmp_path)]) == 2
    assert "manifest.json: No such file or directory; give the folder of a release" in capsys.readouterr().err
