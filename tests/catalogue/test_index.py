"""Tables on disk, and the layout of a release."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from catchment.catalogue.index import catalogue_placement, index, placements
from catchment.config import ReleaseSettings
from catchment.errors import BadInput
from catchment.schema.tables import TABLES
from catchment.storage import stored_files
from tests.release.synthetic_build import HUMAN, LIVER, Synthetic, put, sample, sha256

A, B = "CAT00000001A", "CAT00000002A"


def test_the_same_build_gives_the_same_bytes(made: Synthetic, tmp_path: Path) -> None:
    for name in ("one", "two"):
        index(made.build(), tmp_path / name, ReleaseSettings())
    assert stored_files(tmp_path / "one") == stored_files(tmp_path / "two")


def test_tables_have_the_declared_columns_and_the_counted_rows(made: Synthetic, tmp_path: Path) -> None:
    counts, _ = index(made.build(), tmp_path / "out", ReleaseSettings())
    for name, schema in TABLES.items():
        table = pq.read_table(tmp_path / "out" / f"{name}.parquet")
        assert table.schema.equals(schema)
        assert table.num_rows == counts[name]
    assert (counts["studies"], counts["datasets"], counts["samples"]) == (5, 8, 6)


def test_every_listed_file_is_where_its_placement_says(made: Synthetic) -> None:
    build = made.build()
    for placement in placements(build, ReleaseSettings()):
        for file in placement.files:
            data = (build.workdir / placement.source / file.path).read_bytes()
            assert (len(data), sha256(data)) == (file.bytes, file.sha256)


def test_the_files_table_lists_all_that_is_placed(made: Synthetic, tmp_path: Path) -> None:
    counts, placed = index(made.build(), tmp_path, ReleaseSettings())
    rows = pq.read_table(tmp_path / "files.parquet").to_pylist()
    assert [row["path"] for row in rows] == sorted(f"{p.path}/{f.path}" for p in placed for f in p.files)
    by_path = {row["path"]: row for row in rows}
    assert by_path["raw/CAT00000003A/f0002.bin"]["dataset_id"] == "CAT00000003A.D0002"
    assert by_path[f"datasets/{A}.D0001/derived/recipe.json"]["kind"] == "derived"
    assert by_path["census/ledger.parquet"]["dataset_id"] is None
    assert counts["files"] == len(rows)


def test_unsafe_bytes_have_no_place_not_even_through_another_asset(tmp_path: Path) -> None:
    made = Synthetic(tmp_path)
    made.submission(A, "study", (sample(A, 1, "s", HUMAN, LIVER),))
    made.submission(B, "study")
    made.hold(made.asset(A, "imaging", 1, b"a bomb"), publish_bytes=False)
    made.hold(made.asset(B, "imaging", 1, b"a bomb"))
    made.hold(made.asset(B, "imaging", 2, b"only wrong"))
    (raw,) = placements(made.build(), ReleaseSettings())
    assert (raw.path, [file.path for file in raw.files]) == (f"raw/{B}", ["f0002.bin"])


def test_bytes_that_name_a_person_have_no_place_though_their_dataset_has(tmp_path: Path) -> None:
    made = Synthetic(tmp_path)
    made.submission(A, "study")
    made.dataset(made.asset(A, "imaging", 1, b"a slide and its label"), publish_bytes=False)
    kinds = [placement.kind for placement in placements(made.build(), ReleaseSettings())]
    assert "dataset" in kinds
    assert "raw" not in kinds


def test_a_folder_is_placed_as_it_was_laid_out_with_its_empty_files(tmp_path: Path) -> None:
    made = Synthetic(tmp_path)
    made.submission(A, "study")
    one, two = made.asset(A, "massspec", 1, b"peaks"), made.asset(A, "massspec", 2, b"a bomb")
    names = ("analysis.tdf", "1.m/lock")
    files = tuple(
        one.files[0].model_copy(update=describe_file(made.inbox / A, f"raw/a0001.d/{name}", data))
        for name, data in zip(names, (b"peaks", b""), strict=True)
    )
    made.hold(one.model_copy(update={"files": files, "folder": "run.d"}))
    empty = one.files[0].model_copy(update=describe_file(made.inbox / A, "raw/a0002.d/lock", b""))
    made.hold(two.model_copy(update={"files": (*two.files, empty)}), publish_bytes=False)
    (raw,) = placements(made.build(), ReleaseSettings())
    assert [file.path for file in raw.files] == ["a0001.d/1.m/lock", "a0001.d/analysis.tdf"]


def describe_file(submission: Path, path: str, data: bytes) -> dict[str, object]:
    """Write a submitted file, and return what a record says of it."""
    put(submission / path, data)
    return {"path": path, "name": path, "bytes": len(data), "sha256": sha256(data)}


def test_the_policy_can_keep_all_submitted_files_back(made: Synthetic) -> None:
    kinds = {placement.kind for placement in placements(made.build(), ReleaseSettings(publish_raw=False))}
    assert kinds == {"dataset", "derived", "census"}


def test_referenced_files_are_not_placed(tmp_path: Path) -> None:
    made = Synthetic(tmp_path)
    made.submission(A, "study")
    asset = made.asset(A, "imaging", 1)
    far = asset.files[0].model_copy(update={"path": str(put(tmp_path / "far.bin", b"far"))})
    made.hold(asset.model_copy(update={"files": (far,)}))
    assert placements(made.build(), ReleaseSettings()) == ()


def test_two_files_for_one_path_are_refused(made: Synthetic) -> None:
    record = made.normalised[0]
    store = made.workdir / record.dataset.store
    put(store / "derived" / "recipe.json", b"in the way")
    dataset = record.dataset.model_copy(update={"files": stored_files(store)})
    made.normalised[0] = record.model_copy(update={"dataset": dataset})
    with pytest.raises(BadInput, match=r"datasets/CAT00000001A\.D0001/derived/recipe\.json: both .* would be"):
        placements(made.build(), ReleaseSettings())


def test_an_empty_build_has_empty_tables(tmp_path: Path) -> None:
    counts, placed = index(Synthetic(tmp_path / "build").build(), tmp_path / "out", ReleaseSettings())
    assert set(counts.values()) == {0}
    assert placed == ()


def test_the_catalogue_goes_under_its_own_name() -> None:
    placement = catalogue_placement("store/release/index/key", ())
    assert (placement.path, placement.source, placement.kind) == ("catalogue", "store/release/index/key", "catalogue")
