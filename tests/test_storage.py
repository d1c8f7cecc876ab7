"""Writing is whole or not at all; digests and keys are what they are said to be; a record that is none says why."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catchment import storage
from catchment.errors import BadInput, EnvironmentFault, NothingKept, RecordUnreadable, WorkdirLocked
from catchment.schema.records import Finding, Held, Normalised, StoredFile
from catchment.schema.submission_records import OtherFile
from catchment.storage import Place, kept

from .schema.kept import EXAMPLES, KINDS

EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ABC_SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)


def a_file(path: str = "x.bin", bytes_: int = 3) -> StoredFile:
    return StoredFile(path=path, bytes=bytes_, sha256=ABC_SHA256)


def full_disk(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# --- places ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("root", ["s3://bucket/key", "file:///tmp", "https://example.org/x"])
def test_a_place_of_another_scheme_is_refused_by_name(root: str) -> None:
    with pytest.raises(BadInput, match=f"{root}: storage scheme .*:// is not supported yet; give a local folder"):
        Place(root)


def test_a_place_is_divided_like_a_path() -> None:
    assert (Place("a") / "b").path == Path("a/b")
    assert (Place("a") / "b").uri == "a/b"


# --- digests and keys --------------------------------------------------------------------------------------------


def test_digests_are_sha256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert storage.digest_bytes(b"") == EMPTY_SHA256
    assert storage.digest_bytes(b"abc") == ABC_SHA256
    assert storage.digest_file(tmp_path / "abc") == ABC_SHA256


def test_the_digest_of_json_is_that_of_its_canonical_form() -> None:
    assert storage.digest_json({"b": [1, None], "a": "é"}) == storage.digest_bytes('{"a":"é","b":[1,null]}'.encode())


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), json_values, min_size=2, max_size=5))
def test_the_digest_of_json_does_not_depend_on_the_order_of_keys(value: dict[str, Any]) -> None:
    assert storage.digest_json(value) == storage.digest_json(dict(reversed(value.items())))


def test_a_content_key_differs_where_anything_differs() -> None:
    keys = [
        storage.content_key({"asset": "a"}, 1, {"level": 3}),
        storage.content_key({"asset": "b"}, 1, {"level": 3}),
        storage.content_key({"other": "a"}, 1, {"level": 3}),
        storage.content_key({"asset": "a"}, 2, {"level": 3}),
        storage.content_key({"asset": "a"}, 1, {"level": 4}),
        storage.content_key({"asset": "a"}, 1, {}),
        storage.content_key({}, 1, {"asset": "a"}),
    ]
    assert len(set(keys)) == len(keys)
    assert all(len(key) == 32 for key in keys)
    assert storage.content_key({"x": "1", "y": "2"}, 1, None) == storage.content_key({"y": "2", "x": "1"}, 1, None)


def test_stored_files_name_every_file_below_a_folder(tmp_path: Path) -> None:
    (tmp_path / "b/c").mkdir(parents=True)
    (tmp_path / "b/c/two").write_bytes(b"abc")
    (tmp_path / ".zarray").write_bytes(b"")
    assert storage.stored_files(tmp_path) == (
        StoredFile(path=".zarray", bytes=0, sha256=EMPTY_SHA256),
        StoredFile(path="b/c/two", bytes=3, sha256=ABC_SHA256),
    )


def test_the_digest_of_files_does_not_depend_on_their_order_and_does_on_their_names() -> None:
    one, two = a_file("one"), a_file("two")
    assert storage.digest_of_files([one, two]) == storage.digest_of_files([two, one])
    assert storage.digest_of_files([one, two]) != storage.digest_of_files([one, a_file("three")])


@pytest.mark.parametrize("kind", ["link to a file", "link to a folder", "dangling link", "pipe"])
def test_a_link_or_pipe_in_a_store_is_neither_followed_nor_kept(tmp_path: Path, kind: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"x")
    (outside / "secret").chmod(0o600)
    scratch = tmp_path / "scratch"
    (scratch / "deep").mkdir(parents=True)
    stray = scratch / "deep/stray"
    if kind == "pipe":
        os.mkfifo(stray)
    else:
        target = {"link to a file": outside / "secret", "link to a folder": outside}.get(kind, tmp_path / "nowhere")
        stray.symlink_to(target)
    with pytest.raises(NothingKept, match="deep/stray: found a link, pipe or device, expected files and folders"):
        storage.commit_folder(scratch, tmp_path / "final")
    assert not (tmp_path / "final").exists()
    assert (outside / "secret").stat().st_mode & 0o777 == 0o600


# --- writing -----------------------------------------------------------------------------------------------------


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "record"
    versions = [bytes([65 + n]) * 300_000 for n in range(2)]
    storage.write_atomically(path, versions[0])
    stop = threading.Event()

    def write() -> None:
        n = 0
        while not stop.is_set():
            n += 1
            storage.write_atomically(path, versions[n % 2])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = {path.read_bytes() for _ in range(300)}
    finally:
        stop.set()
        writer.join()
    assert seen <= set(versions)
    assert [p.name for p in tmp_path.iterdir()] == ["record"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_says_what_where_and_how_much_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "record"
    storage.write_atomically(path, b"old")
    monkeypatch.setattr(*((storage.os, "fsync") if step == "fsync" else (Path, "replace")), full_disk)
    with pytest.raises(EnvironmentFault, match=r"record: No space left on device \(\d+ MB free\); make room") as caught:
        storage.write_atomically(path, b"new")
    assert caught.value.exit_code == 3
    assert str(path) in str(caught.value)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["record"]


def test_a_folder_that_cannot_be_written_is_a_fault_of_the_environment(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(EnvironmentFault, match=r"file/record: (File exists|Not a directory)"):
        storage.write_atomically(tmp_path / "file/record", b"x")
    with pytest.raises(EnvironmentFault, match="/proc/nowhere/record: "):
        storage.write_atomically(Path("/proc/nowhere/record"), b"x")
    with pytest.raises(EnvironmentFault, match="file"), storage.scratch_folder(tmp_path / "file/store"):
        pass
    with pytest.raises(EnvironmentFault, match="file"), storage.locked(tmp_path / "file", "receive"):
        pass


def test_free_space_that_cannot_be_told_is_said_to_be_unknown() -> None:
    fault = storage.environment_fault(OSError(errno.EROFS, "x"), Path("/nowhere/at/all"))
    assert "Read-only file system (free space unknown)" in str(fault)


def test_saving_what_is_there_already_leaves_the_file_untouched(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    storage.save(a_file(), path)
    os.utime(path, ns=(1, 1))
    storage.save(a_file(), path)
    assert path.stat().st_mtime_ns == 1
    storage.save(a_file("y.bin"), path)
    assert path.stat().st_mtime_ns != 1
    assert json.loads(path.read_bytes())["path"] == "y.bin"


def test_a_record_is_kept_as_indented_json_in_the_order_of_its_type() -> None:
    text = storage.to_json(OtherFile(name="é", bytes=1, sha256=ABC_SHA256, role="metadata")).decode()
    assert text == f'{{\n  "name": "é",\n  "bytes": 1,\n  "sha256": "{ABC_SHA256}",\n  "role": "metadata"\n}}\n'


def test_a_committed_folder_appears_whole_and_read_only(tmp_path: Path) -> None:
    final = tmp_path / "deep/er/key"
    with storage.scratch_folder(final) as scratch:
        (scratch / "a/b").mkdir(parents=True)
        (scratch / "a/b/data").write_bytes(b"abc")
        assert not final.exists()
        storage.commit_folder(scratch, final)
        assert not scratch.exists()
    assert (final / "a/b/data").stat().st_mode & 0o777 == 0o444
    assert [p.name for p in final.parent.iterdir()] == ["key"]


def test_a_folder_is_not_committed_over_another(tmp_path: Path) -> None:
    final = tmp_path / "key"
    final.mkdir()
    (final / "old").write_bytes(b"")
    with pytest.raises(EnvironmentFault, match="key: Directory not empty"), storage.scratch_folder(final) as scratch:
        (scratch / "new").write_bytes(b"")
        storage.commit_folder(scratch, final)
    assert [p.name for p in final.iterdir()] == ["old"]
    assert [p.name for p in tmp_path.iterdir()] == ["key"]


def test_a_failed_step_leaves_no_scratch_behind(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), storage.scratch_folder(tmp_path / "key") as scratch:
        (scratch / "half").write_bytes(b"x")
        (scratch / "half").chmod(0o444)
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


# --- links -------------------------------------------------------------------------------------------------------


def test_a_link_is_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    storage.link(tmp_path / "a", tmp_path / "deep/b")
    assert (tmp_path / "deep/b").samefile(tmp_path / "a")


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP])
def test_where_linking_is_not_possible_a_read_only_copy_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    (tmp_path / "a").write_bytes(b"x")
    monkeypatch.setattr(storage.os, "link", refuse)
    storage.link(tmp_path / "a", tmp_path / "deep/b")
    assert (tmp_path / "deep/b").read_bytes() == b"x"
    assert (tmp_path / "deep/b").stat().st_mode & 0o777 == 0o444
    assert not (tmp_path / "deep/b").samefile(tmp_path / "a")


def test_a_copy_that_finds_the_disk_full_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"x")
    monkeypatch.setattr(storage.shutil, "copyfile", full_disk)
    with pytest.raises(EnvironmentFault, match="No space left"):
        storage.copy(tmp_path / "a", tmp_path / "b")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_link_never_replaces_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"new")
    (tmp_path / "b").write_bytes(b"old")
    with pytest.raises(EnvironmentFault, match="b: File exists"):
        storage.link(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"old"


# --- the lock ----------------------------------------------------------------------------------------------------

HOLDER = """
import sys, time
from pathlib import Path
from catchment.storage import locked
with locked(Path(sys.argv[1]), "receive"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        message = "another process is busy with receive here; wait for it to end, then run again"
        with pytest.raises(WorkdirLocked, match=message) as caught, storage.locked(tmp_path, "receive"):
            pass
        assert caught.value.exit_code == 3
        with storage.locked(tmp_path, "release"):
            pass
        holder.send_signal(signal.SIGKILL)
    with storage.locked(tmp_path, "receive"):
        pass


# --- loading -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", r"not JSON .*; delete it and run the step again"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "found a JSON list, expected an object"),
        (b"{}", "schema_version: found None, expected a number; this file is not a record"),
        (b'{"schema_version": "1"}', "schema_version: found '1', expected a number"),
        (b'{"schema_version": true}', "schema_version: found True, expected a number"),
        (b'{"schema_version": 2}', "schema_version: found 2, this program reads up to 1; use a newer catchment"),
        (b'{"schema_version": 0}', "schema_version: no migration leads on from 0; expected one to 1"),
        (b'{"schema_version": 1}', "made_by: Field required; expected a record of this version"),
    ],
)
def test_a_file_that_is_no_record_is_refused_with_its_name_and_reason(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "admit.json"
    path.write_bytes(content)
    with pytest.raises(RecordUnreadable, match=f"admit.json: .*{message}") as caught:
        storage.load(Held, path)
    assert caught.value.exit_code == 2


def test_a_record_that_is_missing_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "admit.json", tmp_path / "file/admit.json"):
        with pytest.raises(RecordUnreadable, match="no such record; run the step that writes it first"):
            storage.load(Held, path)


def test_a_record_that_cannot_be_read_is_a_fault_of_the_environment(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="Is a directory"):
        storage.load(Held, tmp_path)


def test_a_union_of_records_loads_as_the_one_that_was_saved(tmp_path: Path) -> None:
    for name in ("held", "normalised"):
        record = storage.load(KINDS[name], EXAMPLES / "v1" / f"{name}.json")
        storage.save(record, tmp_path / f"{name}.json")
        loaded = storage.load(Normalised | Held, tmp_path / f"{name}.json")
        assert type(loaded) is KINDS[name]
        assert loaded == record


@given(
    st.builds(
        Finding,
        code=st.just("X-001"),
        level=st.sampled_from(["error", "warning", "info"]),
        where=st.text(st.characters(codec="utf-8")),
        found=st.text(st.characters(codec="utf-8")),
        expected=st.text(st.characters(codec="utf-8")),
        fix=st.text(st.characters(codec="utf-8")),
        count=st.integers(1, 2**63),
    )
)
def test_a_shape_survives_its_json(finding: Finding) -> None:
    assert Finding.model_validate_json(storage.to_json(finding)) == finding


# --- stores under a key ------------------------------------------------------------------------------------------


def test_a_store_is_made_once_and_its_note_kept(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(scratch: Path) -> StoredFile:
        made.append(scratch)
        return StoredFile(path="x", bytes=len(made), sha256="a" * 64)

    first = kept(tmp_path / "key", StoredFile, make)
    assert kept(tmp_path / "key", StoredFile, make) == first
    assert len(made) == 1


def test_of_two_processes_that_make_one_store_the_first_to_end_is_kept(tmp_path: Path) -> None:
    store = tmp_path / "key"

    def first(scratch: Path) -> StoredFile:
        return StoredFile(path="first", bytes=1, sha256="a" * 64)

    def second(scratch: Path) -> StoredFile:
        kept(store, StoredFile, first)
        return StoredFile(path="second", bytes=1, sha256="a" * 64)

    assert kept(store, StoredFile, second).path == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
