"""An upload is what lies there: regular files by any name, no links, read to the last byte."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catchment.contract import HEAD_BYTES
from catchment.errors import BadInput, EnvironmentFault
from catchment.submission import upload
from catchment.submission.upload import head, inflated_start, look_at, stays_inside, take

ODD_NAMES = (
    "two words.h5ad",
    'it\'s "quoted".h5ad',
    "$(id).csv",
    "`id`.csv",
    "a;rm -rf ~.h5ad",
    "{wildcard}.png",
    "-rf",
    "%s%n.png",
    "Zürich 肝臓 🧬.mzML",
    "con.txt",
    "back\\slash",
    "12:30.png",
    "<script>alert(1)</script>".replace("/", "∕"),
)


# --- which files -------------------------------------------------------------------------------------------------


def test_a_folder_is_its_regular_files_at_any_depth_sorted(tmp_path: Path) -> None:
    (tmp_path / "b/c").mkdir(parents=True)
    for name in ("b/c/two", "b/one", "z", ".hidden"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "empty").mkdir()
    found = look_at(tmp_path)
    assert found.names == (".hidden", "b/c/two", "b/one", "z")
    assert found.path("b/one") == tmp_path / "b/one"


def test_one_file_is_an_upload_and_a_link_to_it_is_followed_as_it_was_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "link").symlink_to("a.png")
    assert look_at(tmp_path / "a.png").names == ("a.png",)
    assert look_at(tmp_path / "link").names == ("a.png",)


def test_links_and_pipes_inside_are_not_followed(tmp_path: Path) -> None:
    inside = tmp_path / "upload"
    (inside / "real").mkdir(parents=True)
    (inside / "real/a.png").write_bytes(b"")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/key").write_bytes(b"x")
    (inside / "file-link").symlink_to(tmp_path / "secret/key")
    (inside / "folder-link").symlink_to(tmp_path / "secret")
    (inside / "loop").symlink_to(inside)
    (inside / "dangling").symlink_to("nowhere")
    os.mkfifo(inside / "pipe")
    assert look_at(inside).names == ("real/a.png",)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_printable_name_is_taken_as_a_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"abc")
    found = look_at(tmp_path)
    assert found.names == (name,)
    assert take(found.path(name), None)[0] == 3


@pytest.mark.parametrize(
    "name", [b"new\nline", b"\x1b[31mred", b"tab\t", b"\x7f", "csi\x9b31m".encode(), b"latin-\xe9"]
)
def test_a_name_that_could_command_a_terminal_is_refused_and_shown_escaped(tmp_path: Path, name: bytes) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    path.write_bytes(b"")
    for given_path in (tmp_path, path):
        with pytest.raises(BadInput, match="has control characters or is not UTF-8; rename it") as caught:
            look_at(given_path)
        assert str(caught.value).partition(": file name ")[2].isprintable()


@pytest.mark.parametrize("kind", ["nothing", "empty folder", "only links", "pipe", "loop", "long", "below a file"])
def test_where_there_is_no_file_the_path_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("x" * 300 if kind == "long" else "x")
    if kind in ("empty folder", "only links"):
        path.mkdir()
        if kind == "only links":
            (path / "link").symlink_to("/etc/hostname")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to("x")
    elif kind == "below a file":
        path.write_bytes(b"")
        path /= "y"
    with pytest.raises(BadInput) as caught:
        look_at(path)
    assert str(path) in str(caught.value)


def test_a_folder_that_cannot_be_read_is_not_an_empty_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "closed").mkdir()
    scan = os.scandir

    def scandir(path: Any) -> Any:
        if Path(path).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(EnvironmentFault, match="closed: Permission denied"):
        look_at(tmp_path)


# --- listed paths ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "a/b.png", "two words", "a..b", ".hidden", "a/b:c", "..."])
def test_a_plain_path_stays_inside(name: str) -> None:
    assert stays_inside(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "./", "/", "..", "../x", "a/../../x", "a/..", "/etc/passwd", "//host/share", "a//b", "./a", "a/"),
        *("C:\\x", "C:/x", "\\\\host\\share", "a\\..\\b", "file:///etc/shadow", "http://169.254.169.254/", "s3://b/k"),
    ],
)
def test_any_other_path_does_not(name: str) -> None:
    assert not stays_inside(name)


@given(st.text())
def test_a_path_that_stays_inside_is_below_any_folder(name: str) -> None:
    if stays_inside(name):
        normal = os.path.normpath(f"/upload/{name}")
        assert normal.startswith("/upload/")


# --- heads -------------------------------------------------------------------------------------------------------


def test_a_head_is_the_first_bytes_with_name_and_size(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"ab" * HEAD_BYTES)
    found = head(tmp_path / "f", "given name")
    assert (found.name, found.size, found.gzipped) == ("given name", 2 * HEAD_BYTES, False)
    assert found.start == b"ab" * (HEAD_BYTES // 2)


def test_the_head_of_gzip_is_what_is_inside(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(gzip.compress(b"<mzML" + b"\0" * 10_000_000))
    found = head(tmp_path / "f", "f")
    assert found.gzipped
    assert found.start[:5] == b"<mzML"
    assert len(found.start) == HEAD_BYTES


def test_the_head_of_truncated_gzip_is_as_much_as_there_is(tmp_path: Path) -> None:
    data = gzip.compress(os.urandom(50_000))
    (tmp_path / "f").write_bytes(data[:20_000])
    assert 10_000 < len(head(tmp_path / "f", "f").start) < 50_000


@pytest.mark.parametrize("data", [b"\x1f\x8b", b"\x1f\x8b garbage", b"\x1f\x8b\x08" + b"\xff" * 100])
def test_what_only_begins_like_gzip_has_an_empty_head(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "f").write_bytes(data)
    found = head(tmp_path / "f", "f")
    assert (found.start, found.gzipped) == (b"", True)


@given(st.binary(max_size=200))
def test_any_bytes_inflate_to_a_bounded_head(data: bytes) -> None:
    assert len(inflated_start(b"\x1f\x8b" + data)) <= HEAD_BYTES


def test_the_head_of_a_file_that_is_gone_is_a_fault_of_the_environment(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="No such file"):
        head(tmp_path / "x", "x")


# --- taking ------------------------------------------------------------------------------------------------------


def test_a_copy_is_whole_read_only_and_counted(tmp_path: Path) -> None:
    data = os.urandom(2_500_000)
    (tmp_path / "f").write_bytes(data)
    told: list[int] = []
    size, sha256 = take(tmp_path / "f", tmp_path / "deep/copy", told.append)
    assert (size, sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert (tmp_path / "deep/copy").read_bytes() == data
    assert (tmp_path / "deep/copy").stat().st_mode & 0o777 == 0o444
    assert sum(told) == len(data)
    assert len(told) == 3


def test_without_a_target_a_file_is_only_read(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"")
    assert take(tmp_path / "f", None) == (0, hashlib.sha256(b"").hexdigest())
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * 3_000_000)
    with pytest.raises(EnvironmentFault, match="f: changed while it was read; wait until the upload is complete"):
        take(path, None, lambda _: os.utime(path, ns=(1, 1)))


def test_a_file_that_is_gone_is_a_fault_of_the_environment(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="x: No such file"):
        take(tmp_path / "x", None)


def test_a_disk_that_is_full_is_named_with_its_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").write_bytes(b"x")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(upload.os, "fsync", full)
    with pytest.raises(EnvironmentFault, match=r"copy: No space left on device \(\d+ MB free\)"):
        take(tmp_path / "f", tmp_path / "copy")


def test_reading_needs_memory_for_a_block_only(tmp_path: Path) -> None:
    assert upload.BLOCK_BYTES <= 1 << 20 < sys.maxsize
