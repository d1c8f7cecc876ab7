"""A damaged release is restored from a replica, by the bytes that were sealed and by no others."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catchment import cli
from catchment.errors import BadInput, EnvironmentFault, WorkdirLocked
from catchment.release import repair as repairing
from catchment.release.audit import audit
from catchment.release.repair import repair
from catchment.storage import digest_file, locked
from tests.release.synthetic_build import Synthetic, publish_build, put, snapshot
from tests.release.test_audit import flip, make_folder, truncate

THUMBNAIL = "datasets/CAT00000001A.D0001/thumbnail.png"


@pytest.fixture
def replica(release: Path, tmp_path: Path) -> Path:
    """A whole copy of the release, elsewhere."""
    return Path(shutil.copytree(release, tmp_path / "replica"))


def point_outside(path: Path) -> None:
    """Leave a link to the right bytes, which lie outside the release."""
    releases = next(folder for folder in path.parents if folder.name == "releases")
    path.symlink_to(path.rename(releases.parent / "outside"))


def restored(release: Path, replica: Path) -> list[tuple[str, bool]]:
    return [(one.path, one.restored) for one in repair(release, replica)]


def notes(release: Path, replica: Path) -> dict[str, str]:
    return {one.path: one.note for one in repair(release, replica) if not one.restored}


def leftovers(release: Path) -> list[str]:
    return [path.name for path in release.parent.iterdir() if path.name.startswith(".staging-")]


@pytest.mark.parametrize("damage", [flip, truncate, Path.unlink, make_folder, point_outside])
@pytest.mark.parametrize("path", [THUMBNAIL, "catalogue/studies.parquet", "croissant.json"])
def test_a_damaged_file_is_restored_byte_for_byte(
    release: Path, replica: Path, path: str, damage: Callable[[Path], Any]
) -> None:
    whole = snapshot(release)
    damage(release / path)
    assert audit(release)
    assert restored(release, replica) == [(path, True)]
    assert snapshot(release) == whole == snapshot(replica)
    assert audit(release) == []
    assert stat.S_IMODE((release / path).stat().st_mode) == 0o444
    assert not leftovers(release)


def test_a_whole_release_is_left_as_it_is(release: Path, replica: Path) -> None:
    before = {path: path.stat().st_ino for path in release.rglob("*")}
    assert repair(release, replica) == ()
    assert {path: path.stat().st_ino for path in release.rglob("*")} == before


def test_every_damaged_file_is_restored_at_once(release: Path, replica: Path) -> None:
    paths = sorted(path.relative_to(release).as_posix() for path in release.glob("datasets/*/thumbnail.png"))
    for path in paths:
        flip(release / path)
    shutil.rmtree(release / "catalogue")
    tables = sorted(path.relative_to(replica).as_posix() for path in replica.glob("catalogue/*"))
    assert restored(release, replica) == [(path, True) for path in (*tables, *paths)]
    assert audit(release) == []


@pytest.mark.parametrize(
    ("harm", "note"),
    [
        (flip, "the replica has sha256 "),
        (truncate, "the replica has sha256 "),
        (Path.unlink, "the replica does not have it"),
        (make_folder, "the replica has a folder or a special file there"),
        (lambda path: shutil.rmtree(path.parent) or put(path.parent, b"x"), "the replica does not have it"),
    ],
    ids=["flipped", "truncated", "gone", "a folder", "no folder"],
)
def test_bytes_that_were_not_sealed_are_never_taken(
    release: Path, replica: Path, harm: Callable[[Path], Any], note: str
) -> None:
    flip(release / THUMBNAIL)
    flip(release / "census/ledger.parquet")
    damaged = (release / THUMBNAIL).read_bytes()
    harm(replica / THUMBNAIL)
    found = {one.path: one for one in repair(release, replica)}
    assert found["census/ledger.parquet"].restored
    assert not found[THUMBNAIL].restored
    assert found[THUMBNAIL].note.startswith(note)
    assert (release / THUMBNAIL).read_bytes() == damaged
    assert [(one.code, one.where) for one in audit(release)] == [("REL-005", THUMBNAIL)]
    assert not leftovers(release)


def test_what_the_manifest_does_not_list_is_named_by_the_audit_and_left(release: Path, replica: Path) -> None:
    extra = put(release / "datasets/extra.txt", b"extra")
    (release / THUMBNAIL).rename(release / "datasets/renamed.png")
    assert restored(release, replica) == [(THUMBNAIL, True)]
    assert extra.read_bytes() == b"extra"
    assert [(one.code, one.where) for one in audit(release)] == [
        ("REL-003", "datasets/extra.txt"),
        ("REL-003", "datasets/renamed.png"),
    ]


def test_a_folder_that_became_a_link_is_a_folder_again_and_what_it_led_to_stays(release: Path, replica: Path) -> None:
    folder = release / "datasets/CAT00000002A.D0001"
    elsewhere = folder.rename(release.parent / "elsewhere")
    folder.symlink_to(elsewhere, target_is_directory=True)
    before = snapshot(elsewhere)
    assert all(done for _, done in restored(release, replica))
    assert not folder.is_symlink()
    assert audit(release) == []
    assert snapshot(elsewhere) == before


def test_what_stands_in_the_way_is_not_removed(release: Path, replica: Path) -> None:
    make_folder(release / THUMBNAIL)
    put(release / THUMBNAIL / "inside", b"x")
    shutil.rmtree(release / "catalogue")
    put(release / "catalogue", b"a file")
    found = notes(release, replica)
    assert found[THUMBNAIL] == "a folder with files stands in its place; move it out of the release"
    assert found["catalogue/studies.parquet"] == (
        "a file stands in the place of the folder catalogue; move it out of the release"
    )
    assert (release / THUMBNAIL / "inside").read_bytes() == b"x"
    assert (release / "catalogue").read_bytes() == b"a file"


def test_damage_that_other_names_share_is_told_and_does_not_spread(made: Synthetic, release: Path) -> None:
    replica = Path(shutil.copytree(release, made.workdir / "replica"))
    path = release / THUMBNAIL
    store = made.workdir / made.normalised[0].dataset.store / "thumbnail.png"
    assert store.samefile(path)
    path.chmod(0o644)
    path.write_bytes(b"rotten" * 11 + b"!")
    (one,) = repair(release, replica)
    assert one.restored
    assert one.note == "the damaged bytes have 1 more names (its store, other releases); audit those"
    assert audit(release) == []
    assert store.read_bytes().startswith(b"rotten")


# --- the manifest ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [flip, truncate, Path.unlink], ids=["flipped", "truncated", "gone"])
def test_the_manifest_that_the_pointer_names_is_restored_first(
    release: Path, replica: Path, damage: Callable[[Path], Any]
) -> None:
    damage(release / "manifest.json")
    flip(release / THUMBNAIL)
    assert restored(release, replica) == [("manifest.json", True), (THUMBNAIL, True)]
    assert audit(release) == []


def test_a_manifest_rewritten_to_fit_other_bytes_is_not_believed(release: Path, replica: Path) -> None:
    for folder in (release, replica):
        flip(folder / THUMBNAIL)
        path = folder / "manifest.json"
        document = json.loads(path.read_bytes())
        for file in document["files"]:
            if file["path"] == THUMBNAIL:
                file["sha256"] = digest_file(folder / THUMBNAIL)
        path.unlink()
        path.write_text(json.dumps(document))
    flip(release / "census/ledger.parquet")
    found = notes(release, replica)
    assert list(found) == ["manifest.json"]
    assert found["manifest.json"].startswith("the replica has sha256 ")
    assert audit(release)


def test_without_the_pointer_no_manifest_is_taken_and_nothing_is_restored(made: Synthetic, release: Path) -> None:
    replica = Path(shutil.copytree(release, made.workdir / "replica"))
    made.submission("CAT00000007A", "new")
    publish_build(made)
    (release / "manifest.json").unlink()
    flip(release / THUMBNAIL)
    before = snapshot(release)
    found = notes(release, replica)
    assert found == {
        "manifest.json": "latest.json does not name this release: nothing says which manifest is the right one; "
        "restore it by hand"
    }
    assert snapshot(release) == before


def test_a_pointer_that_holds_no_sha256_restores_nothing(release: Path, replica: Path) -> None:
    (release.parent / "latest.json").write_text(json.dumps({"release": release.name, "manifest_sha256": "?"}))
    assert notes(release, replica)["manifest.json"].endswith("expected ?")


# --- refusals and death ------------------------------------------------------------------------------------------


def test_folders_that_cannot_be_a_replica_are_refused(release: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such folder; give a copy of the release"):
        repair(release, tmp_path / "nowhere")
    (tmp_path / "again").symlink_to(release, target_is_directory=True)
    with pytest.raises(BadInput, match="this is the release itself; give another copy of it"):
        repair(release, tmp_path / "again")
    with pytest.raises(BadInput, match="no such folder; give the folder of a release"):
        repair(tmp_path / "nothing", tmp_path)


def test_a_release_is_not_repaired_while_another_process_publishes(release: Path, replica: Path) -> None:
    flip(release / THUMBNAIL)
    with locked(release.parent, "publish"), pytest.raises(WorkdirLocked, match="busy with publish"):
        repair(release, replica)


@pytest.mark.parametrize("step", ["copyfile", "fsync", "sync_folder"])
def test_a_repair_killed_at_any_step_leaves_a_damaged_or_a_whole_file(
    made: Synthetic, release: Path, replica: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    whole = (release / THUMBNAIL).read_bytes()
    flip(release / THUMBNAIL)
    damaged = (release / THUMBNAIL).read_bytes()

    class Killed(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr({"copyfile": shutil, "fsync": os, "sync_folder": repairing}[step], step, die)
        patch.setattr(repairing.shutil, "rmtree", lambda *_, **__: None)  # a killed process tidies nothing
        with pytest.raises(Killed):
            repair(release, replica)
    assert (release / THUMBNAIL).read_bytes() == (whole if step == "sync_folder" else damaged)
    assert len(leftovers(release)) == 1
    repair(release, replica)
    assert audit(release) == []
    made.submission("CAT00000007A", "new")
    publish_build(made)
    assert not leftovers(release)


def test_a_full_disk_is_told_and_the_damaged_file_stays(
    release: Path, replica: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    flip(release / THUMBNAIL)
    monkeypatch.setattr(repairing.shutil, "copyfile", full)
    with pytest.raises(EnvironmentFault, match=r"No space left on device \(\d+ MB free\); make room"):
        repair(release, replica)
    assert not leftovers(release)
    assert [one.code for one in audit(release)] == ["REL-005"]


# --- the command -------------------------------------------------------------------------------------------------


def test_the_command_ends_with_0_when_whole_and_with_4_else(
    release: Path, replica: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flip(release / THUMBNAIL)
    command = ["audit", str(release), "--repair-from", str(replica)]
    assert cli.main(["audit", str(release)]) == 4
    assert "restore them with --repair-from" in capsys.readouterr().err
    assert cli.main([*command, "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)[0]["findings"] == []
    assert captured.err.strip() == f"restored: {THUMBNAIL}"
    flip(release / THUMBNAIL)
    flip(replica / THUMBNAIL)
    assert cli.main(command) == 4
    captured = capsys.readouterr()
    assert f"not restored: {THUMBNAIL}: the replica has sha256 " in captured.err
    assert "REL-005" in captured.out
