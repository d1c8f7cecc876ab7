"""What nothing points at is found and removed; what anything may still want stays."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catchment import cli, sweep
from catchment.errors import BadInput, RecordUnreadable, WorkdirLocked
from catchment.schema.records import Shape
from catchment.steps import admission_store
from catchment.storage import begun_folder, kept, link, locked, save
from catchment.sweep import YOUNG_S, find_orphans, remove_orphans
from tests.release.synthetic_build import Synthetic, put, snapshot

OWN = "CAT00000001K/singlecell/a0001"


class Note(Shape):
    n: int


def store(workdir: Path, name: str, data: bytes = b"") -> Path:
    """Commit a store as steps do."""

    def make(scratch: Path) -> Note:
        put(scratch / "inner/data", data or name.encode())
        return Note(n=1)

    kept(workdir / "store" / name, Note, make)
    return workdir / "store" / name


def record(workdir: Path, name: str, *stores: str) -> Path:
    """Write a record that names some stores."""
    named = [{"source": f"store/{one}"} for one in stores]
    return put(workdir / "work" / name, json.dumps({"dataset": {"others": named}}).encode())


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A whole build: one asset with its three records and two stores, a census of one piece, an index, a release."""
    made = Synthetic(tmp_path / "build")
    workdir = made.workdir
    put(workdir / f"inbox/{OWN}.json", b"{}")
    put(workdir / "inbox/CAT00000001K/manifest.json", b"{}")
    for key in ("one", "two"):
        store(workdir, f"{OWN}/{key}")
    asset = made.asset("CAT00000001K", "singlecell", 1)
    admitted = made.hold(asset.model_copy(update={"asset": "a0001"}))
    save(admitted, workdir / f"work/{OWN}/admit.json")
    # what `admit` learnt: no record names it where no file was prepared
    save(Note(n=1), workdir / admission_store(admitted.asset, 1, None) / "store.json")
    record(workdir, f"{OWN}/convert.json", f"{OWN}/one")
    record(workdir, f"{OWN}/normalise.json", f"{OWN}/one", f"{OWN}/two")
    made.census()
    assert made.assembled is not None
    census = workdir / made.assembled.store
    save(Note(n=1), census / "store.json")
    pq.write_table(pa.table({"store_key": ["named"]}), census / "pieces.parquet")
    own = made.assembled.census.model_copy(update={"pieces": "pieces.parquet"})
    save(made.assembled.model_copy(update={"census": own}), workdir / "work/census/assemble.json")
    link(store(workdir, "census/pieces/linked") / "inner/data", census / "soma/linked")
    for name in ("census/pieces/named", "census/verified-1/named", "census/axes/axis", "release/index/new"):
        store(workdir, name)
    record(workdir, "release/index.json", "release/index/new")
    old = store(workdir, "release/index/old")
    link(old / "inner/data", workdir / "releases/2026.1/catalogue/data")
    return workdir


def later() -> float:
    return time.time() + YOUNG_S + 60


def found(build: Path, now_s: float | None = None) -> list[str]:
    orphans, _ = find_orphans(build, later() if now_s is None else now_s)
    return [orphan.path for orphan in orphans]


# --- what stays --------------------------------------------------------------------------------------------------


def test_nothing_of_a_whole_build_is_an_orphan(build: Path) -> None:
    assert find_orphans(build, later()) == ([], 0)


@pytest.mark.parametrize(
    ("release", "orphan"),
    [
        (lambda build: shutil.rmtree(build / "releases"), "store/release/index/old"),
        (lambda build: record(build, f"{OWN}/normalise.json", f"{OWN}/one"), f"store/{OWN}/two"),
        (lambda build: record(build, "release/index.json", f"{OWN}/one"), "store/release/index/new"),
        (
            lambda build: next((build / "store/census/assemble/key/soma").glob("linked")).unlink(),
            "census/pieces/linked",
        ),
    ],
    ids=["a release", "a record of an asset", "the index", "the census"],
)
def test_each_pointer_keeps_what_it_points_at(build: Path, release: Callable[[Path], Any], orphan: str) -> None:
    assert found(build) == []
    release(build)
    assert found(build) == [orphan if orphan.startswith("store/") else f"store/{orphan}"]


def test_pieces_that_the_table_of_the_census_names_stay_with_what_was_learnt_of_them(build: Path) -> None:
    table = build / "store/census/assemble/key/pieces.parquet"
    pq.write_table(pa.table({"store_key": ["another"]}), table)
    assert found(build) == ["store/census/pieces/named", "store/census/verified-1/named"]


def test_what_was_admitted_otherwise_is_an_orphan(build: Path) -> None:
    document = json.loads((build / f"work/{OWN}/admit.json").read_bytes())
    before = set((build / f"store/{OWN}").iterdir())
    document["made_by"]["step_version"] = 2
    put(build / f"work/{OWN}/admit.json", json.dumps(document).encode())
    (orphan,) = found(build)
    assert build / orphan in before


def test_an_earlier_census_is_an_orphan_though_its_pieces_are_in_the_release(build: Path) -> None:
    old = store(build, "census/assemble/old")
    piece = build / "store/census/pieces/linked/inner/data"
    link(piece, old / "soma/linked")
    link(piece, build / "releases/2026.1/census/linked")
    assert found(build) == ["store/census/assemble/old"]
    link(old / "inner/data", build / "releases/2026.1/census/data")
    assert found(build) == []


def test_an_asset_whose_records_are_not_all_there_keeps_every_store(build: Path) -> None:
    store(build, f"{OWN}/three")
    assert found(build) == [f"store/{OWN}/three"]
    (build / f"work/{OWN}/convert.json").unlink()
    assert found(build) == []


def test_a_build_folder_without_records_keeps_every_store_that_they_would_be_made_from(build: Path) -> None:
    shutil.rmtree(build / "work")
    shutil.rmtree(build / "releases")
    assert found(build) == []


def test_stores_of_a_submission_that_is_not_in_the_inbox_stay_while_their_records_do(build: Path) -> None:
    other = OWN.replace("1K", "2V")
    store(build, f"{other}/key")
    record(build, f"{other}/normalise.json", f"{other}/key")
    assert found(build) == []
    (build / f"work/{other}/normalise.json").unlink()
    assert found(build) == [f"store/{other}/key"]


def test_what_is_younger_than_a_day_stays_and_is_counted(build: Path) -> None:
    store(build, f"{OWN}/three")
    put(build / f"store/{OWN}/.four.begun/data", b"1234")
    assert find_orphans(build, time.time()) == ([], 2)
    assert find_orphans(build, time.time() + YOUNG_S - 60) == ([], 2)
    assert found(build) == [f"store/{OWN}/.four.begun", f"store/{OWN}/three"]


def test_an_old_file_in_a_store_that_was_just_made_does_not_make_it_old(build: Path) -> None:
    path = store(build, f"{OWN}/three")
    for one in (path, *path.rglob("*")):
        os.utime(one, (0, 0))
    assert find_orphans(build, time.time()) == ([], 1)


def test_what_is_no_store_is_not_touched(build: Path, tmp_path: Path) -> None:
    put(build / "store/notes.txt", b"mine")
    put(build / f"store/{OWN}/no-note/data", b"mine")
    (build / "store/link").symlink_to(store(tmp_path, "elsewhere").parent, target_is_directory=True)
    assert found(build) == []


# --- leftovers ---------------------------------------------------------------------------------------------------

LEFT = [
    f"store/{OWN}/.key.begun",
    f"store/{OWN}/.key.0123abcd.tmp",
    f"work/{OWN}/.convert.json.0123abcd.tmp",
    "inbox/.CAT00000009Z.receiving",
    "releases/.staging-0123456789ab",
]


@pytest.mark.parametrize("path", LEFT)
def test_what_a_killed_process_left_is_found_with_its_size(build: Path, path: str) -> None:
    put(build / path / "deep/data", b"12345")
    ((orphan,), young) = find_orphans(build, later())
    assert (orphan.path, orphan.what, orphan.bytes, young) == (path, "unfinished", 5, 0)
    assert orphan.changed_at[:4] == time.strftime("%Y", time.gmtime())


def test_a_scratch_file_is_found_too(build: Path) -> None:
    put(build / f"work/{OWN}/.convert.json.0123abcd.tmp", b"{")
    assert found(build) == [f"work/{OWN}/.convert.json.0123abcd.tmp"]


def test_what_a_process_is_filling_now_stays_however_old(build: Path) -> None:
    with begun_folder(build / f"store/{OWN}/key") as begun:
        put(begun / "data", b"1")
        assert find_orphans(build, later()) == ([], 0)
    begun.mkdir()
    handle = os.open(begun, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    assert found(build) == []
    os.close(handle)
    assert found(build) == [f"store/{OWN}/.key.begun"]


# --- removing ----------------------------------------------------------------------------------------------------


def test_what_is_removed_is_what_was_listed_and_nothing_else(build: Path) -> None:
    before = snapshot(build)
    store(build, f"{OWN}/three")
    for path in LEFT:
        put(build / path / "data", b"12345")
    listed = find_orphans(build, later())
    assert len(listed[0]) == len(LEFT) + 1
    assert remove_orphans(build, later()) == listed
    locks = {".release.lock", "inbox/.receive.lock", "releases/.publish.lock"}
    after = snapshot(build)
    assert {path: data for path, data in after.items() if path not in locks} == before
    assert set(after) == set(before) | locks
    assert remove_orphans(build, later()) == ([], 0)


@pytest.mark.parametrize(("folder", "what"), [(".", "release"), ("inbox", "receive"), ("releases", "publish")])
def test_nothing_is_removed_while_another_process_is_busy(build: Path, folder: str, what: str) -> None:
    three = store(build, f"{OWN}/three")
    with locked(build / folder, what), pytest.raises(WorkdirLocked, match=f"busy with {what}"):
        remove_orphans(build, later())
    assert three.is_dir()


def test_nothing_is_removed_while_snakemake_holds_the_folder(build: Path) -> None:
    three = store(build, f"{OWN}/three")
    lock = put(build / ".snakemake/locks/0.output.lock", b"")
    with pytest.raises(WorkdirLocked, match=r"a build is running here; .* `snakemake --unlock` if it was killed"):
        remove_orphans(build, later())
    assert three.is_dir()
    lock.unlink()
    assert [orphan.path for orphan in remove_orphans(build, later())[0]] == [f"store/{OWN}/three"]


def test_a_build_that_starts_meanwhile_stops_the_rest(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["three", "two-more"]
    for name in names:
        store(build, f"{OWN}/{name}")
    real = sweep.remove

    def remove(path: Path) -> None:
        real(path)
        put(build / ".snakemake/locks/0.output.lock", b"")

    monkeypatch.setattr(sweep, "remove", remove)
    with pytest.raises(WorkdirLocked, match="a build is running here"):
        remove_orphans(build, later())
    assert [(build / f"store/{OWN}/{name}").is_dir() for name in names] == [False, True]


def test_a_sweep_killed_in_a_store_leaves_no_half_store(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(build, f"{OWN}/three")

    class Killed(BaseException):
        pass

    def die(path: Path) -> None:
        (path / "store.json").unlink()
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", die)
        with pytest.raises(Killed):
            remove_orphans(build, later())
    assert not (build / f"store/{OWN}/three").exists()
    (left,) = found(build)
    assert left.startswith(f"store/{OWN}/.three.")
    assert [orphan.path for orphan in remove_orphans(build, later())[0]] == [left]
    assert found(build) == []


# --- refusals, and the command -----------------------------------------------------------------------------------


def test_a_record_that_cannot_be_read_stops_the_sweep(build: Path) -> None:
    store(build, f"{OWN}/three")
    put(build / f"work/{OWN}/convert.json", b"{")
    with pytest.raises(RecordUnreadable, match=r"convert\.json: not JSON"):
        remove_orphans(build, later())
    assert (build / f"store/{OWN}/three").is_dir()


def test_a_table_of_pieces_that_cannot_be_read_stops_the_sweep(build: Path) -> None:
    put(build / "store/census/assemble/key/pieces.parquet", b"PAR1")
    with pytest.raises(BadInput, match="its pieces are not known, nothing is swept"):
        find_orphans(build, later())


def test_a_folder_without_stores_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no stores here; give the folder of a build"):
        find_orphans(tmp_path, later())


def test_the_command_lists_and_removes_only_where_told_so(
    build: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    three = store(build, f"{OWN}/three", b"123")
    command = ["sweep", "--workdir", str(build)]
    assert cli.main([*command, "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == []
    assert captured.err.strip() == "0 bytes in 0 places not removed (give --yes); 1 more stay, younger than a day"
    now_s = later()
    monkeypatch.setattr(time, "time", lambda: now_s)
    assert cli.main([*command, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["path"], row["what"]) == (f"store/{OWN}/three", "store")
    assert three.is_dir()
    assert cli.main([*command, "--yes"]) == 0
    captured = capsys.readouterr()
    assert f"store/{OWN}/three" in "".join(captured.out.split())
    assert captured.err.strip() == f"{row['bytes']} bytes in 1 places removed; 0 more stay, younger than a day"
    assert not three.exists()
    assert cli.main(["sweep", "--workdir", str(build / "inbox")]) == 2
