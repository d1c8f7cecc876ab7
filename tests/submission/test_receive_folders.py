"""A folder that is one measurement, and a file with what lies beside it, are one asset with all their files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from catchment.contract import HEAD_BYTES
from catchment.modalities import RECOGNISER
from catchment.schema.records import Asset, Finding
from catchment.storage import load
from catchment.submission.accession import accession
from catchment.submission.inbox import asset_digest, located, source_findings
from catchment.submission.sighting import Sighting, uploaded
from catchment.submission.upload import look_at

from .conftest import MAGIC, only, receive, snapshot
from .test_receive import CELLS, IMAGE, RUN, described

pytestmark = pytest.mark.usefixtures("toys")
FIRST = accession(1)


def write_tree(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def run_folder(root: Path, name: str = "run.mzml") -> Path:
    """Write a folder that a toy modality takes for a run."""
    write_tree(root / name, {"main": RUN, "main_bin": b"peaks", "1.m/method.xml": b"<m/>", "empty": b""})
    return root


def codes(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.code for finding in findings]


# --- folders -----------------------------------------------------------------------------------------------------


def test_a_listed_folder_is_one_asset_laid_out_as_it_was_sent(tmp_path: Path) -> None:
    upload = run_folder(tmp_path / "up")
    (upload / "submission.yaml").write_text(described("[{file: run.mzml}]"))
    receipt = receive(upload, tmp_path / "inbox")
    asset = only(receipt)
    assert (asset.modality, asset.format, asset.folder, asset.name) == (
        *("massspec", "toy-massspec"),
        *("run.mzml", "run.mzml"),
    )
    assert (asset.findings, receipt.manifest.findings) == ((), ())
    assert {file.name: file.path for file in asset.files} == {
        "run.mzml/1.m/method.xml": "raw/a0001.mzml/1.m/method.xml",
        "run.mzml/empty": "raw/a0001.mzml/empty",
        "run.mzml/main": "raw/a0001.mzml/main",
        "run.mzml/main_bin": "raw/a0001.mzml/main_bin",
    }
    for file in asset.files:
        copy = tmp_path / "inbox" / FIRST / file.path
        assert copy.read_bytes() == (upload / file.name).read_bytes()
        assert hashlib.sha256(copy.read_bytes()).hexdigest() == file.sha256
        assert copy.stat().st_mode & 0o777 == 0o444
    assert load(Asset, tmp_path / "inbox" / FIRST / "massspec/a0001.json") == asset
    assert asset.file("MAIN") == asset.files[2]
    assert asset.file("method.xml") is None


def test_a_folder_may_be_listed_with_a_slash_at_its_end(tmp_path: Path) -> None:
    upload = run_folder(tmp_path / "up")
    (upload / "submission.yaml").write_text(described("[{file: run.mzml/}]"))
    receipt = receive(upload, tmp_path / "inbox")
    assert (only(receipt).folder, only(receipt).findings, receipt.manifest.findings) == ("run.mzml", (), ())


def test_a_folder_given_by_itself_is_one_asset(tmp_path: Path) -> None:
    run_folder(tmp_path)
    receipt = receive(tmp_path / "run.mzml", tmp_path / "inbox")
    asset = only(receipt)
    assert (asset.folder, len(asset.files), receipt.manifest.study.title) == ("run.mzml", 4, "run.mzml")
    assert receipt.manifest.findings == ()


def test_without_a_description_the_topmost_folder_that_is_known_takes_all_below_it(tmp_path: Path) -> None:
    upload = run_folder(tmp_path / "up")
    run_folder(upload / "run.mzml", "inner.mzml")
    write_tree(upload, {"cells.h5ad": CELLS, "more/stack.tif": IMAGE, "more/.hidden": b"x"})
    receipt = receive(upload, tmp_path / "inbox")
    assert {asset.name: len(asset.files) for asset in receipt.assets} == {
        "cells.h5ad": 1,
        "more/stack.tif": 1,
        "run.mzml": 8,
    }
    assert [(finding.code, finding.where) for finding in receipt.manifest.findings] == [("LIST-002", "more/.hidden")]


def test_a_folder_that_nobody_knows_is_an_error_that_names_what_is_in_it(tmp_path: Path) -> None:
    upload = write_tree(tmp_path / "up", {"run.mzml/notes.txt": b"x", "other/notes.txt": b"y"})
    (upload / "submission.yaml").write_text(described("[{file: run.mzml}, {file: other}]"))
    receipt = receive(upload, tmp_path / "inbox")
    asset = only(receipt)
    found = [(f.code, f.where, f.found) for f in (*asset.findings, *receipt.manifest.findings)]
    words = "a folder of 1 files, the first of them notes.txt"
    assert found == [("FMT-001", "run.mzml", words), ("FMT-002", "other", words)]
    assert asset.format == "unrecognised"


def test_a_file_in_two_assets_is_an_error_on_the_second(tmp_path: Path) -> None:
    upload = run_folder(tmp_path / "up")
    (upload / "submission.yaml").write_text(described("[{file: run.mzml}, {file: run.mzml/main, modality: massspec}]"))
    first, second = receive(upload, tmp_path / "inbox").assets
    assert first.findings == ()
    (finding,) = second.findings
    assert (finding.code, finding.where) == ("LIST-004", "run.mzml/main")
    assert finding.found == "run.mzml/main is part of run.mzml already"


def test_a_declared_checksum_of_a_folder_is_that_of_its_lines(tmp_path: Path) -> None:
    upload = run_folder(tmp_path / "up")
    names = ["1.m/method.xml", "empty", "main", "main_bin"]
    lines = (f"{hashlib.sha256((upload / 'run.mzml' / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    right = hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
    (upload / "submission.yaml").write_text(described(f"[{{file: run.mzml, sha256: {right}}}]"))
    assert only(receive(upload, tmp_path / "inbox")).findings == ()
    (upload / "submission.yaml").write_text(described(f"[{{file: run.mzml, sha256: '{'0' * 64}'}}]"))
    (finding,) = only(receive(upload, tmp_path / "inbox")).findings
    assert (finding.code, finding.found) == (
        "SUM-001",
        f"sha256 {right} over the sorted `sha256  name` lines of 4 files",
    )


def test_names_that_no_path_can_keep_apart_are_numbered_and_said_so(tmp_path: Path) -> None:
    upload = write_tree(tmp_path / "up", {"run.mzml/main": RUN, "run.mzml/a b": b"1", "run.mzml/a_b": b"2"})
    asset = only(receive(upload, tmp_path / "inbox"))
    assert {file.name: file.path for file in asset.files} == {
        "run.mzml/a b": "raw/a0001.mzml/000001",
        "run.mzml/a_b": "raw/a0001.mzml/000002",
        "run.mzml/main": "raw/a0001.mzml/000003",
    }
    assert [(f.code, f.level, f.where, f.found) for f in asset.findings] == [
        ("PATH-003", "warning", "run.mzml", "3 files, kept under numbers")
    ]
    assert receive(upload, tmp_path / "other", reference=True).assets[0].findings == ()


def test_links_inside_a_folder_are_not_part_of_it(tmp_path: Path) -> None:
    upload = run_folder(tmp_path / "up")
    (tmp_path / "secret").write_bytes(b"x")
    (upload / "run.mzml/link").symlink_to(tmp_path / "secret")
    assert "run.mzml/link" not in {file.name for file in only(receive(upload, tmp_path / "inbox")).files}


@pytest.mark.parametrize("reference", [False, True])
def test_any_changed_file_of_a_folder_is_noticed(tmp_path: Path, reference: bool) -> None:
    upload = run_folder(tmp_path / "up")
    inbox = tmp_path / "inbox"
    asset = only(receive(upload, inbox, reference=reference))
    assert source_findings(asset, inbox / FIRST) == []
    own = located(asset, inbox / FIRST)
    changed = Path(own.files[3].path)
    changed.chmod(0o644)
    changed.write_bytes(b"more peaks")
    assert [(f.code, f.where) for f in source_findings(asset, inbox / FIRST)] == [("SRC-001", "run.mzml/main_bin")]
    changed.unlink()
    assert [f.found for f in source_findings(asset, inbox / FIRST)] == ["the file is gone"]


def test_the_same_folder_received_again_changes_nothing(tmp_path: Path) -> None:
    upload = run_folder(tmp_path / "up")
    inbox = tmp_path / "inbox"
    first = receive(upload, inbox)
    before = snapshot(inbox)
    again = receive(upload, inbox)
    assert (again.new, again.assets, snapshot(inbox)) == (False, first.assets, before)


def test_a_copied_and_a_referenced_folder_have_one_digest_and_another_inner_name_has_another(tmp_path: Path) -> None:
    upload = run_folder(tmp_path / "up")
    copied = only(receive(upload, tmp_path / "a"))
    referenced = only(receive(upload, tmp_path / "b", reference=True))
    assert asset_digest(copied) == asset_digest(referenced)
    (upload / "run.mzml/main_bin").rename(upload / "run.mzml/renamed_bin")
    assert asset_digest(only(receive(upload, tmp_path / "a"))) != asset_digest(copied)


# --- a file and what belongs to it -------------------------------------------------------------------------------


SLIDE = {"deep/My slide.tif": IMAGE, "deep/_My slide_/stack1/frame.ets": b"e", "deep/My slide.side": b"s"}


def test_what_belongs_to_a_file_is_one_asset_with_it(tmp_path: Path) -> None:
    receipt = receive(write_tree(tmp_path / "up", {**SLIDE, "deep/b.tif": IMAGE}), tmp_path / "inbox")
    slide, alone = receipt.assets
    assert (slide.name, slide.folder, alone.name) == ("deep/My slide.tif", "", "deep/b.tif")
    assert [(file.name, file.path) for file in slide.files] == [
        ("deep/My slide.tif", "raw/a0001/My_slide.tif"),
        ("deep/My slide.side", "raw/a0001/My_slide.side"),
        ("deep/_My slide_/stack1/frame.ets", "raw/a0001/_My_slide_/stack1/frame.ets"),
    ]
    assert slide.file("my slide.side") == slide.files[1]
    assert (slide.findings, receipt.manifest.findings) == ((), ())
    assert [file.path for file in alone.files] == ["raw/a0002.tif"]


def test_one_file_given_by_itself_brings_along_what_belongs_to_it_and_nothing_else(tmp_path: Path) -> None:
    write_tree(tmp_path / "up", {**SLIDE, "deep/b.tif": IMAGE})
    (tmp_path / "up/deep/link.side").symlink_to("b.tif")
    receipt = receive(tmp_path / "up/deep/My slide.tif", tmp_path / "inbox")
    assert [file.name for file in only(receipt).files] == [
        "My slide.tif",
        "My slide.side",
        "_My slide_/stack1/frame.ets",
    ]
    assert receipt.manifest.other_files == ()


# --- what a recogniser is shown ----------------------------------------------------------------------------------


def test_the_head_of_a_folder_names_all_files_below_it_and_reads_one_when_asked(tmp_path: Path) -> None:
    upload = look_at(run_folder(tmp_path))
    head = Sighting(upload, RECOGNISER).head("run.mzml")
    assert (head.name, head.size, head.start) == ("run.mzml", 0, b"")
    assert head.members == ("1.m/method.xml", "empty", "main", "main_bin")
    main = head.member("main")
    assert (main.name, main.size, main.start) == ("run.mzml/main", len(RUN), RUN[:HEAD_BYTES])


def test_an_upload_that_is_no_asset_itself_stays_a_folder_of_files(tmp_path: Path) -> None:
    upload = write_tree(tmp_path / "up", {"a.tif": MAGIC["imaging"]})
    assert uploaded(upload, RECOGNISER).names == ("a.tif",)
