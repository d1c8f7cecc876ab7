"""An upload becomes a submission once, whole, with every fault noted; nothing hostile in it reaches a path."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from catchment.errors import BadInput
from catchment.schema.records import Asset, Finding
from catchment.schema.submission_records import Manifest
from catchment.storage import load
from catchment.submission import dialects
from catchment.submission.accession import accession
from catchment.submission.inbox import asset_keys

from .conftest import MAGIC, only, receive, write_upload
from .test_upload import ODD_NAMES

pytestmark = pytest.mark.usefixtures("toys")

CELLS, IMAGE, RUN = (MAGIC[name] + b" data" for name in ("singlecell", "imaging", "massspec"))
FIRST, SECOND = accession(1), accession(2)


def described(assets: str, samples: str = "[]") -> str:
    return f"study: {{title: t}}\nsamples: {samples}\nassets: {assets}\n"


def codes(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.code for finding in findings]


# --- the good case -----------------------------------------------------------------------------------------------


def test_an_upload_becomes_a_manifest_and_one_file_an_asset(tmp_path: Path) -> None:
    text = described("[{file: liver.h5ad, samples: [s1]}, {file: stack.ome.tif}]", "[{id: s1}]")
    upload = write_upload(tmp_path / "up", text, liver_h5ad=CELLS, stack_ome_tif=IMAGE)
    inbox = tmp_path / "inbox"
    receipt = receive(upload, inbox)
    assert receipt.new
    assert asset_keys(inbox) == [(FIRST, "imaging", "a0002"), (FIRST, "singlecell", "a0001")]
    manifest = load(Manifest, inbox / FIRST / "manifest.json")
    assert manifest == receipt.manifest
    assert (manifest.study.id, manifest.dialect, manifest.findings) == (FIRST, "catchment", ())
    assert manifest.datasets == {"a0001": f"{FIRST}.D0001", "a0002": f"{FIRST}.D0002"}
    assert [(file.name, file.role) for file in manifest.other_files] == [("submission.yaml", "metadata")]
    cells = load(Asset, inbox / FIRST / "singlecell/a0001.json")
    assert (cells.format, cells.findings) == ("toy-singlecell", ())
    assert [(s.id, s.accession) for s in cells.samples] == [("s1", f"{FIRST}.S0001")]
    (file,) = cells.files
    assert (file.path, file.name, file.bytes) == ("raw/a0001.h5ad", "liver.h5ad", len(CELLS))
    assert file.sha256 == hashlib.sha256(CELLS).hexdigest()
    assert (inbox / FIRST / file.path).read_bytes() == CELLS
    assert (inbox / FIRST / file.path).stat().st_mode & 0o777 == 0o444
    assert (inbox / FIRST / "raw/a0002.ome.tif").read_bytes() == IMAGE


def test_files_without_a_description_are_an_asset_each(tmp_path: Path) -> None:
    receipt = receive(write_upload(tmp_path / "up", a_h5ad=CELLS, b_mzML=RUN), tmp_path / "inbox")
    assert [(asset.asset, asset.modality) for asset in receipt.assets] == [
        ("a0001", "singlecell"),
        ("a0002", "massspec"),
    ]
    assert receipt.manifest.dialect == "files"
    assert receipt.manifest.study.title == "2 files without a description"


def test_an_asset_file_holds_no_time_and_no_place_of_this_machine(tmp_path: Path) -> None:
    receive(write_upload(tmp_path / "up", a_h5ad=CELLS), tmp_path / "inbox")
    text = (tmp_path / "inbox" / FIRST / "singlecell/a0001.json").read_text()
    assert str(tmp_path) not in text
    assert not re.search(r"\d{4}-\d{2}-\d{2}", text)


def test_the_study_of_a_submission_is_the_declared_one(tmp_path: Path) -> None:
    upload = write_upload(tmp_path / "up", "study: {id: liver-atlas, title: t}\n", a_h5ad=CELLS)
    assert receive(upload, tmp_path / "inbox").manifest.study.id == "liver-atlas"


# --- faults ------------------------------------------------------------------------------------------------------


def test_a_checksum_that_is_not_the_declared_one_is_found_on_the_asset(tmp_path: Path) -> None:
    right, wrong = hashlib.sha256(CELLS).hexdigest(), "0" * 64
    text = described(f"[{{file: a.h5ad, sha256: {right.upper()}}}, {{file: b.h5ad, sha256: '{wrong}'}}]")
    upload = write_upload(tmp_path / "up", text, a_h5ad=CELLS, b_h5ad=CELLS)
    good, bad = receive(upload, tmp_path / "inbox").assets
    assert good.findings == ()
    (finding,) = bad.findings
    assert (finding.code, finding.level, finding.where) == ("SUM-001", "error", "b.h5ad")
    assert right in finding.found
    assert wrong in finding.expected


def test_a_listed_file_that_is_missing_is_an_asset_that_is_held(tmp_path: Path) -> None:
    upload = write_upload(tmp_path / "up", described("[{file: a.h5ad}, {file: gone.mzML}]"), a_h5ad=CELLS)
    there, missing = receive(upload, tmp_path / "inbox").assets
    assert there.findings == ()
    assert (missing.modality, missing.files, missing.format) == ("massspec", (), "missing")
    assert [(f.code, f.where, f.found) for f in missing.findings] == [("LIST-001", "gone.mzML", "not in the upload")]


def test_a_missing_file_of_no_known_modality_is_found_on_the_upload(tmp_path: Path) -> None:
    upload = write_upload(tmp_path / "up", described("[{file: a.h5ad}, {file: gone.xyz}]"), a_h5ad=CELLS)
    receipt = receive(upload, tmp_path / "inbox")
    assert only(receipt).asset == "a0001"
    assert codes(receipt.manifest.findings) == ["LIST-001"]


def test_a_link_inside_the_upload_counts_as_missing(tmp_path: Path) -> None:
    upload = write_upload(tmp_path / "up", described("[{file: a.h5ad}]"))
    (tmp_path / "secret").write_bytes(CELLS)
    (upload / "a.h5ad").symlink_to(tmp_path / "secret")
    asset = only(receive(upload, tmp_path / "inbox"))
    assert (codes(asset.findings), asset.files) == (["LIST-001"], ())


def test_an_unlisted_file_is_a_warning_on_the_upload(tmp_path: Path) -> None:
    upload = write_upload(tmp_path / "up", described("[{file: a.h5ad}]"), a_h5ad=CELLS, notes_txt=b"hello")
    receipt = receive(upload, tmp_path / "inbox")
    assert only(receipt).findings == ()
    (finding,) = receipt.manifest.findings
    assert (finding.code, finding.level, finding.where) == ("LIST-002", "warning", "notes.txt")
    assert ("notes.txt", "unclaimed") in [(file.name, file.role) for file in receipt.manifest.other_files]


@pytest.mark.parametrize("name", ["../x.h5ad", "/etc/x.h5ad", "a/../../x.h5ad", "s3://b/x.h5ad", "C:\\x.h5ad"])
def test_a_listed_path_that_leaves_the_upload_is_an_error_and_is_never_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.h5ad").write_bytes(CELLS)
    upload = write_upload(tmp_path / "up", described(f"[{{file: '{name}'}}]"), other_h5ad=CELLS)
    asset = only(receive(upload, tmp_path / "inbox"))
    assert (codes(asset.findings), asset.files) == (["PATH-002"], ())
    assert asset.findings[0].where == name


@pytest.mark.parametrize("name", [".", "..", "/", "./"])
def test_a_listed_folder_is_an_error(tmp_path: Path, name: str) -> None:
    text = described(f"[{{file: '{name}', modality: imaging}}]")
    asset = only(receive(write_upload(tmp_path / "up", text, a_h5ad=CELLS), tmp_path / "inbox"))
    assert codes(asset.findings) == ["PATH-002"]


def test_a_sample_that_is_not_declared_is_an_error(tmp_path: Path) -> None:
    text = described("[{file: a.h5ad, samples: [s1, S1]}]", "[{id: s1}]")
    asset = only(receive(write_upload(tmp_path / "up", text, a_h5ad=CELLS), tmp_path / "inbox"))
    assert [(f.code, f.where, f.found) for f in asset.findings] == [("LINK-001", "a.h5ad: samples", "S1")]
    assert [sample.id for sample in asset.samples] == ["s1"]


def test_a_sample_with_a_term_that_does_not_exist_holds_the_assets_that_use_it(tmp_path: Path) -> None:
    samples = "[{id: good}, {id: bad, tissue_ontology_term_id: UBERON:9999999}]"
    text = described("[{file: a.h5ad, samples: [bad]}, {file: b.tif, samples: [good]}]", samples)
    receipt = receive(write_upload(tmp_path / "up", text, a_h5ad=CELLS, b_tif=IMAGE), tmp_path / "inbox")
    cells, image = receipt.assets
    assert image.findings == ()
    assert receipt.manifest.findings == ()
    (finding,) = cells.findings
    assert (finding.code, finding.where) == ("META-001", "sample bad: tissue_ontology_term_id")
    assert finding.found == "UBERON:9999999, which does not exist"


def test_the_faults_of_a_sample_that_nobody_uses_are_found_on_the_upload(tmp_path: Path) -> None:
    text = described("[{file: a.h5ad}]", "[{id: bad, tissue_type: leg}]")
    receipt = receive(write_upload(tmp_path / "up", text, a_h5ad=CELLS), tmp_path / "inbox")
    assert codes(receipt.manifest.findings) == ["META-002"]


@pytest.mark.parametrize(
    ("files", "assets", "modality", "format_", "found"),
    [
        (
            {"a_h5ad": RUN},
            "[{file: a.h5ad}]",
            "massspec",
            "toy-massspec",
            "content of massspec (toy-massspec), named as",
        ),
        ({"a_bin": RUN}, "[{file: a.bin, modality: imaging}]", "massspec", "toy-massspec", "declared as imaging"),
        ({"a_h5ad": b"<!DOCTYPE html>"}, "[{file: a.h5ad}]", "singlecell", "unrecognised", "b'<!DOCTYPE html>'"),
        ({"a_h5ad": b""}, "[{file: a.h5ad}]", "singlecell", "unrecognised", "an empty file"),
        ({"a_mzML_gz": b"\x1f\x8b junk"}, "[{file: a.mzML.gz}]", "massspec", "unrecognised", "an empty file"),
    ],
)
def test_a_file_whose_name_lies_is_an_error(
    tmp_path: Path, files: dict[str, bytes], assets: str, modality: str, format_: str, found: str
) -> None:
    asset = only(receive(write_upload(tmp_path / "up", described(assets), **files), tmp_path / "inbox"))
    assert (asset.modality, asset.format) == (modality, format_)
    (finding,) = asset.findings
    assert (finding.code, finding.level) == ("FMT-001", "error")
    assert found in finding.found


def test_a_file_that_nobody_knows_is_an_error_on_the_upload(tmp_path: Path) -> None:
    receipt = receive(write_upload(tmp_path / "up", notes_txt=b"hello"), tmp_path / "inbox")
    assert receipt.assets == ()
    (finding,) = receipt.manifest.findings
    assert (finding.code, finding.where, finding.found) == ("FMT-002", "notes.txt", "content that starts with b'hello'")


def test_a_file_that_nobody_knows_by_content_is_held_under_the_modality_it_was_declared_as(tmp_path: Path) -> None:
    upload = write_upload(tmp_path / "up", described("[{file: a.bin, modality: imaging}]"), a_bin=b"?")
    asset = only(receive(upload, tmp_path / "inbox"))
    assert (asset.modality, asset.format, codes(asset.findings)) == ("imaging", "unrecognised", ["FMT-002"])


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (b"study: {title: t}\nassets: [", "submission.yaml line 2: not valid YAML"),
        (b"study: {title: Z\xfcrich}", "submission.yaml: byte 16 is not UTF-8; save the file as UTF-8"),
        (b"study: {title: t}\nsdrf: runs.tsv", "sdrf: 'runs.tsv' is not in the upload; add it or drop the key"),
        (b"study: {title: t}\nsdrf: ../a.h5ad", "sdrf: '../a.h5ad' is not in the upload"),
    ],
)
def test_a_description_that_cannot_be_read_stops_before_anything_is_taken(
    tmp_path: Path, description: bytes, message: str
) -> None:
    upload = write_upload(tmp_path / "up", a_h5ad=CELLS)
    (upload / "submission.yaml").write_bytes(description)
    with pytest.raises(BadInput, match=re.escape(message)):
        receive(upload, tmp_path / "inbox")
    assert not (tmp_path / "inbox").exists()


def test_metadata_of_no_end_is_refused(tmp_path: Path) -> None:
    upload = write_upload(tmp_path / "up", a_h5ad=CELLS)
    with (upload / "submission.yaml").open("wb") as file:
        file.truncate(dialects.MAX_TEXT_BYTES + 1)
    with pytest.raises(BadInput, match=r"submission.yaml: found more than 50 MB of metadata"):
        receive(upload, tmp_path / "inbox")


def test_a_description_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    upload = write_upload(tmp_path / "up", "\ufeff" + described("[{file: a.h5ad}]"), a_h5ad=CELLS)
    assert only(receive(upload, tmp_path / "inbox")).findings == ()


# --- hostile names -----------------------------------------------------------------------------------------------


def test_names_of_the_submitter_become_metadata_and_never_a_path(tmp_path: Path) -> None:
    upload = tmp_path / "$(touch pwned) {asset}"
    upload.mkdir()
    for name in ODD_NAMES:
        (upload / name).write_bytes(CELLS + name.encode())
    (upload / "samples.h5ad").write_bytes(CELLS)
    inbox = tmp_path / "inbox"
    receipt = receive(upload, inbox)
    names = {asset.files[0].name for asset in receipt.assets}
    assert names == {*ODD_NAMES, "samples.h5ad"}
    for path in inbox.rglob("*"):
        assert re.fullmatch(r"[A-Za-z0-9./-]+", str(path.relative_to(inbox))), path


def test_a_hostile_title_is_kept_word_for_word(tmp_path: Path) -> None:
    title = "<script>alert('1')</script> =cmd|'/C calc'!A0 \u202e"
    upload = write_upload(tmp_path / "up", f"study: {{title: {json.dumps(title)}}}\n", a_h5ad=CELLS)
    receive(upload, tmp_path / "inbox")
    assert load(Manifest, tmp_path / "inbox" / FIRST / "manifest.json").study.title == title
