"""Publishing: what is linked, sealed and pointed to, and what a death in between leaves."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from catchment.config import ReleaseSettings
from catchment.errors import BadInput, Damage, EnvironmentFault, WorkdirLocked
from catchment.release import publish as publishing
from catchment.release.audit import audit
from catchment.release.publish import publish
from catchment.schema.records import StoredFile
from catchment.storage import digest_file, locked, stored_files
from tests.release.synthetic_build import (
    HUMAN,
    LIVER,
    Synthetic,
    five_studies,
    lay_out,
    publish_build,
    put,
    sample,
    sha256,
    snapshot,
)

TODAY = date(2026, 11, 20)


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the program catches it."""


def pointer(made: Synthetic) -> dict[str, str]:
    found: dict[str, str] = json.loads((made.workdir / "releases/latest.json").read_bytes())
    return found


def one_more(made: Synthetic) -> None:
    """Send one more submission."""
    accession = f"CAT{len(made.manifests):08d}Z"
    made.submission(accession, f"more-{len(made.manifests)}", (sample(accession, 1, "s", HUMAN, LIVER),))
    made.dataset(made.asset(accession, "massspec", 1))


# --- what is published -------------------------------------------------------------------------------------------


def test_a_release_holds_what_was_laid_out_its_documents_and_nothing_else(made: Synthetic) -> None:
    layout = lay_out(made)
    publication = publish(made.build(), layout, made.workdir, ReleaseSettings(), TODAY)
    found = snapshot(made.workdir / publication.path)
    placed = {f"{placement.path}/{file.path}": file.sha256 for placement in layout for file in placement.files}
    documents = {"manifest.json", "croissant.json", "ro-crate-metadata.json", "datacite.json", "index.html"}
    assert set(found) == set(placed) | documents
    assert {path: sha256(found[path]) for path in placed} == placed
    assert publication.files == len(found)
    assert publication.bytes == sum(map(len, found.values()))


def test_the_manifest_lists_every_file_but_itself_and_every_store(made: Synthetic, release: Path) -> None:
    manifest = json.loads((release / "manifest.json").read_bytes())
    assert list(manifest) == ["release", "files", "stores"]
    expected = [file.model_dump() for file in stored_files(release) if file.path != "manifest.json"]
    assert manifest["files"] == expected
    stores = {store["path"]: (store["kind"], store["logical_digest"]) for store in manifest["stores"]}
    first = made.normalised[0].dataset.product
    assert stores[f"datasets/CAT00000001A.D0001/{first.path}"] == ("soma", first.logical_digest)
    assert stores["census/soma"] == ("soma", sha256(b"census"))
    assert len(stores) == 7
    assert all((release / path).exists() for path in stores)


def test_the_pointer_names_the_release_and_the_sha256_of_its_manifest(made: Synthetic, release: Path) -> None:
    said = pointer(made)
    assert list(said) == ["release", "manifest_sha256", "published_at"]
    assert said["release"] == release.name == "2026.1"
    assert said["manifest_sha256"] == digest_file(release / "manifest.json")


def test_stores_are_linked_not_copied_and_everything_is_read_only(made: Synthetic, release: Path) -> None:
    record = made.normalised[0].dataset
    inside = record.files[0].path
    store, linked = made.workdir / record.store / inside, release / f"datasets/{record.dataset}" / inside
    assert store.samefile(linked)
    for folder, _, names in os.walk(release):
        for name in names:
            assert stat.S_IMODE(Path(folder, name).stat().st_mode) == 0o444, name


def test_unsafe_bytes_are_in_no_release(made: Synthetic, release: Path) -> None:
    unsafe = next(record for record in made.held if not record.publish_bytes).asset.files[0].sha256
    safe = next(record for record in made.held if record.publish_bytes).asset.files[0].sha256
    published = {file.sha256 for file in stored_files(release)}
    assert safe in published
    assert unsafe not in published


def test_two_builds_of_the_same_give_the_same_bytes(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        made = five_studies(tmp_path / name)
        found.append(snapshot(made.workdir / publish_build(made).path))
    assert found[0] == found[1]


def test_no_document_names_a_folder_of_this_machine(made: Synthetic, release: Path) -> None:
    for path, data in snapshot(release).items():
        assert str(made.workdir.parent).encode() not in data, path


# --- versions ----------------------------------------------------------------------------------------------------


def test_the_same_content_is_not_published_again(made: Synthetic) -> None:
    first = publish_build(made)
    before = snapshot(made.workdir / "releases")
    assert publish_build(made, date(2027, 1, 1)) == first
    assert snapshot(made.workdir / "releases") == before


@pytest.mark.parametrize(
    "change",
    [
        one_more,
        lambda made: made.held.pop(),
        lambda made: made.outside_census.clear(),
        lambda made: made.manifests.append(
            made.manifests.pop().model_copy(
                update={"study": made.manifests[-1].study.model_copy(update={"id": "fly", "title": "Another title"})}
            )
        ),
    ],
    ids=["a submission", "a held asset", "a stage", "a title"],
)
def test_any_change_of_content_is_a_new_release_and_the_old_one_stays(
    made: Synthetic, change: Callable[[Synthetic], Any]
) -> None:
    first = publish_build(made)
    before = snapshot(made.workdir / first.path)
    change(made)
    second = publish_build(made)
    assert (first.release, second.release) == ("2026.1", "2026.2")
    assert second.content_digest != first.content_digest
    assert snapshot(made.workdir / first.path) == before
    assert pointer(made)["release"] == "2026.2"
    assert audit(made.workdir / first.path) == audit(made.workdir / second.path) == []


def test_changed_settings_that_documents_show_are_a_new_release(made: Synthetic) -> None:
    publish_build(made)
    assert publish_build(made, title="A better name").release == "2026.2"


def test_a_soma_written_anew_under_other_names_is_the_same_content(made: Synthetic) -> None:
    first = publish_build(made)
    record = made.normalised[0]
    store = made.workdir / record.dataset.store
    part = store / record.dataset.product.path / "data" / "part-0"
    put(part.with_name("part-1"), part.read_bytes())
    part.unlink()
    dataset = record.dataset.model_copy(update={"files": stored_files(store)})
    made.normalised[0] = record.model_copy(update={"dataset": dataset})
    assert publish_build(made).release == first.release
    changed = record.dataset.product.model_copy(update={"logical_digest": sha256(b"other values")})
    made.normalised[0] = record.model_copy(update={"dataset": dataset.model_copy(update={"product": changed})})
    assert publish_build(made).release == "2026.2"


def test_versions_count_within_a_year_and_are_never_used_again(made: Synthetic) -> None:
    releases = []
    for today in (TODAY, TODAY, date(2027, 1, 2)):
        releases.append(publish_build(made, today).release)
        one_more(made)
    (made.workdir / "releases/2027.7").mkdir()
    (made.workdir / "releases/2027.x").mkdir()
    releases.append(publish_build(made, date(2027, 3, 1)).release)
    shutil.rmtree(made.workdir / "releases/2027.8")
    one_more(made)
    releases.append(publish_build(made, date(2027, 3, 1)).release)
    assert releases == ["2026.1", "2026.2", "2027.1", "2027.8", "2027.9"]


# --- death, rivals, damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["link", "write_document", "to_json", "sync_folder", "write_atomically", "point_to"])
def test_a_publication_killed_at_any_step_leaves_the_old_release_and_the_next_completes(
    made: Synthetic, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    first = publish_build(made)
    before = snapshot(made.workdir / first.path)
    said = pointer(made)
    one_more(made)
    layout = lay_out(made)
    real, calls = getattr(publishing, step), []

    def dies(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) > 2 or step not in ("link", "write_document"):
            raise Killed
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(publishing, step, dies)
        patch.setattr(publishing.shutil, "rmtree", lambda *_, **__: None)  # a killed process tidies nothing
        with pytest.raises(Killed):
            publish(made.build(), layout, made.workdir, ReleaseSettings(), TODAY)
    assert pointer(made) == said
    assert audit(made.workdir / first.path) == []
    second = publish(made.build(), layout, made.workdir, ReleaseSettings(), TODAY)
    assert pointer(made)["release"] == second.release == "2026.2"
    assert sorted(path.name for path in (made.workdir / "releases").iterdir() if path.is_dir()) == ["2026.1", "2026.2"]
    assert audit(made.workdir / second.path) == []
    assert snapshot(made.workdir / first.path) == before


def test_the_second_of_two_publishers_is_turned_away(made: Synthetic) -> None:
    layout = lay_out(made)
    with (
        locked(made.workdir / "releases", "publish"),
        pytest.raises(WorkdirLocked, match="another process is busy with publish"),
    ):
        publish(made.build(), layout, made.workdir, ReleaseSettings(), TODAY)
    assert not (made.workdir / "releases/latest.json").exists()


def test_a_version_taken_meanwhile_is_never_overwritten(made: Synthetic, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = lay_out(made)
    rival = made.workdir / "releases/2026.1/theirs"
    real = publishing.link_files

    def link_files(*arguments: Any) -> None:
        real(*arguments)
        put(rival, b"theirs")

    monkeypatch.setattr(publishing, "link_files", link_files)
    with pytest.raises(EnvironmentFault, match=r"REL-001 release 2026\.1 was published by another run; run again"):
        publish(made.build(), layout, made.workdir, ReleaseSettings(), TODAY)
    assert snapshot(made.workdir / "releases/2026.1") == {"theirs": b"theirs"}
    assert not list((made.workdir / "releases").glob(".staging-*"))


def test_a_full_disk_is_told_and_leaves_nothing(made: Synthetic, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    layout = lay_out(made)
    monkeypatch.setattr(publishing, "sync_folder", full)
    with pytest.raises(EnvironmentFault, match=r"No space left on device \(\d+ MB free\); make room"):
        publish(made.build(), layout, made.workdir, ReleaseSettings(), TODAY)
    assert [path.name for path in (made.workdir / "releases").iterdir()] == [".publish.lock"]


def damage_store(made: Synthetic, how: Callable[[Path], Any]) -> None:
    record = made.normalised[0].dataset
    how(made.workdir / record.store / record.files[0].path)


def replace_by_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), r"found \d+ bytes, expected \d+"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"?"), "found another sha256 than in its record"),
        (Path.unlink, "expected the file that its record lists"),
        (replace_by_link, "found a link or a special file"),
    ],
    ids=["truncated", "changed", "gone", "a link"],
)
def test_a_store_that_is_not_what_its_record_says_is_not_published(
    made: Synthetic, how: Callable[[Path], Any], message: str
) -> None:
    layout = lay_out(made)
    damage_store(made, how)
    with pytest.raises(Damage, match=message):
        publish(made.build(), layout, made.workdir, ReleaseSettings(), TODAY)
    assert [path.name for path in (made.workdir / "releases").iterdir()] == [".publish.lock"]


def test_a_path_that_leaves_the_release_is_refused(made: Synthetic) -> None:
    layout = lay_out(made)
    evil = StoredFile(path="../../../outside", bytes=5, sha256=sha256(b"evil!"))
    put(made.workdir / layout[0].source / "../../../outside", b"evil!")
    layout = (layout[0].model_copy(update={"files": (evil,)}), *layout[1:])
    with pytest.raises(BadInput, match="found a path that leaves the release"):
        publish(made.build(), layout, made.workdir, ReleaseSettings(), TODAY)


def test_a_layout_without_catalogue_is_refused(made: Synthetic) -> None:
    with pytest.raises(BadInput, match="no catalogue; run `catchment step index` first"):
        publish(made.build(), lay_out(made)[:-1], made.workdir, ReleaseSettings(), TODAY)


def test_a_pointer_that_is_no_json_is_told(made: Synthetic) -> None:
    publish_build(made)
    (made.workdir / "releases/latest.json").write_text("{")
    with pytest.raises(Damage, match=r"latest\.json: not JSON"):
        publish_build(made)


def test_an_empty_build_is_published(empty: Path) -> None:
    assert audit(empty) == []
    assert json.loads((empty / "manifest.json").read_bytes())["stores"] == []
