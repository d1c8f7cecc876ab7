"""A release held against its manifest: every kind of damage is named, with its file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catchment.errors import BadInput
from catchment.release.audit import audit
from catchment.release.publish import DOCUMENTS
from tests.release.synthetic_build import put

THUMBNAIL = "datasets/CAT00000001A.D0001/thumbnail.png"


def flip(path: Path) -> None:
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    # the release's own copy: its store keeps the bytes
    path.unlink()
    path.write_bytes(data)


def truncate(path: Path) -> None:
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[:-1])


def relink(path: Path) -> None:
    target = path.rename(path.parents[2] / "elsewhere")
    path.symlink_to(target)


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def codes(release: Path) -> list[tuple[str, str]]:
    return [(finding.code, finding.where) for finding in audit(release)]


def test_a_whole_release_has_no_findings(published: Path) -> None:
    assert audit(published) == []


@pytest.mark.parametrize("path", [THUMBNAIL, "catalogue/studies.parquet", "census/ledger.parquet", *DOCUMENTS])
@pytest.mark.parametrize(
    ("damage", "code"), [(flip, "REL-005"), (truncate, "REL-004"), (Path.unlink, "REL-002"), (make_folder, "REL-006")]
)
def test_a_damaged_file_is_named(release: Path, path: str, damage: Callable[[Path], Any], code: str) -> None:
    damage(release / path)
    assert codes(release) == [(code, path)]


def test_a_flipped_bit_says_what_was_sealed_and_what_is_there(release: Path) -> None:
    sealed = {file["path"]: file["sha256"] for file in json.loads((release / "manifest.json").read_bytes())["files"]}
    flip(release / THUMBNAIL)
    (finding,) = audit(release)
    assert finding.expected == f"sha256 {sealed[THUMBNAIL]}"
    assert finding.found.startswith("sha256 ")
    assert finding.found != finding.expected
    assert finding.fix.startswith("restore this file from a replica")


def test_what_was_never_sealed_is_named(release: Path) -> None:
    put(release / "datasets/extra.txt", b"extra")
    put(release / ".hidden", b"")
    (release / "link").symlink_to(release / "datasets", target_is_directory=True)
    assert codes(release) == [("REL-003", ".hidden"), ("REL-003", "datasets/extra.txt"), ("REL-003", "link")]


def test_a_renamed_file_is_missing_and_unlisted(release: Path) -> None:
    (release / THUMBNAIL).rename(release / "datasets/renamed.png")
    assert codes(release) == [("REL-002", THUMBNAIL), ("REL-003", "datasets/renamed.png")]


def test_a_link_is_no_file_of_the_release_even_with_the_right_bytes(release: Path) -> None:
    relink(release / THUMBNAIL)
    assert ("REL-006", THUMBNAIL) in codes(release)
    folder = release / "datasets/CAT00000002A.D0001"
    target = folder.rename(release.parent / "elsewhere")
    folder.symlink_to(target, target_is_directory=True)
    assert ("REL-006", "datasets/CAT00000002A.D0001/thumbnail.png") in codes(release)


def test_many_faults_are_all_named(release: Path) -> None:
    paths = [path.relative_to(release).as_posix() for path in sorted(release.glob("datasets/*/thumbnail.png"))]
    for path in paths:
        flip(release / path)
    assert codes(release) == [("REL-005", path) for path in paths]


def rewrite(release: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    path = release / "manifest.json"
    document = json.loads(path.read_bytes())
    change(document)
    path.unlink()
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda document: document.update(release="2025.1"), "the manifest of release 2025.1"),
        (lambda document: document["files"].append(document["files"][0]), "the path 'catalogue/"),
        (
            lambda document: document["files"].append({"path": "../latest.json", "bytes": 1, "sha256": "0" * 64}),
            "the path '../latest.json'",
        ),
        (lambda document: document.pop("files"), "1 faults, first: Field required"),
        (lambda document: document["files"][0].update(sha256="x"), "1 faults, first: String should match"),
    ],
    ids=["another release", "twice", "outside", "no files", "no sha256"],
)
def test_an_unfit_manifest_is_named(release: Path, change: Callable[[dict[str, Any]], Any], found: str) -> None:
    rewrite(release, change)
    faults = [
        finding.found for finding in audit(release) if (finding.code, finding.where) == ("REL-007", "manifest.json")
    ]
    assert any(fault.startswith(found) for fault in faults)


def test_a_manifest_rewritten_to_fit_other_bytes_differs_from_the_pointer(release: Path) -> None:
    from catchment.storage import digest_file

    flip(release / THUMBNAIL)
    sha256 = digest_file(release / THUMBNAIL)

    def hide(document: dict[str, Any]) -> None:
        for file in document["files"]:
            if file["path"] == THUMBNAIL:
                file["sha256"] = sha256

    rewrite(release, hide)
    assert codes(release) == [("REL-007", "manifest.json")]


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b'{"release": NaN}'])
def test_a_manifest_that_cannot_be_read_is_named(release: Path, data: bytes) -> None:
    (release / "manifest.json").unlink()
    assert codes(release) == [("REL-007", "manifest.json")]
    (release / "manifest.json").write_bytes(data)
    assert codes(release) == [("REL-007", "manifest.json")]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such folder; give the folder of a release"):
        audit(tmp_path / "2026.1")
