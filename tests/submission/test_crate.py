"""An RO-Crate as a folder describes an upload; one that is none is refused with what is wrong with it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from catchment.errors import BadInput
from catchment.submission.crate import FILE_NAME, read_crate
from catchment.submission.draft import Draft
from tests.submission.conftest import receive

DESCRIPTOR = {"@id": FILE_NAME, "@type": "CreativeWork", "about": {"@id": "./"}}
ROOT = {
    "@id": "./",
    "@type": "Dataset",
    "name": "Nuclei",
    "description": ["One.", "Two."],
    "license": {"@id": "https://spdx.org/licenses/CC-BY-4.0"},
    "identifier": {"@id": "https://doi.org/10.1234/Nuclei"},
    "keywords": "nuclei, liver",
    "version": 2,
    "author": [{"@id": "https://orcid.org/0000-0002-1825-0097"}, "Grace"],
    "funder": {"@id": "#fund"},
    "usageInfo": "not for care",
    "hasPart": [{"@id": "images/a%20b.tif"}, {"@id": "https://example.org/x.raw"}, {"@id": "page.html"}],
}
OTHERS = [
    {"@id": "https://orcid.org/0000-0002-1825-0097", "@type": "Person", "name": "Ada", "affiliation": {"@id": "#i"}},
    {"@id": "#i", "@type": "Organization", "name": "An institute"},
    {"@id": "#fund", "@type": "Organization", "name": "A fund"},
    {"@id": "#note", "@type": "File", "name": "no file"},
    {"@id": "images/a%20b.tif", "@type": ["File", "ImageObject"], "contentSize": "11 B", "sha256": "c" * 64},
    {"@id": "page.html", "@type": "File", "encodingFormat": ["text/html"], "name": "A page"},
    {"@id": "https://example.org/x.raw", "@type": "File", "name": "A run"},
]


def text_of(root: dict[str, Any] | None = None, *more: Any) -> str:
    graph = [DESCRIPTOR, {**ROOT, **(root or {})}, *OTHERS, *more]
    return json.dumps({"@context": "https://w3id.org/ro/crate/1.2/context", "@graph": graph})


def drafted(text: str, *names: str) -> Draft:
    return read_crate(text, [FILE_NAME, *names], lambda name: name.endswith((".tif", ".d")))


def test_a_crate_gives_its_study() -> None:
    study = drafted(text_of()).study
    assert (study.id, study.doi, study.title) == ("10.1234/nuclei", "10.1234/Nuclei", "Nuclei")
    assert (study.description, study.version, study.usage) == ("One.\nTwo.", "2", "not for care")
    assert (study.licence, study.keywords) == ("CC-BY-4.0", ("nuclei", "liver"))
    assert [(one.name, one.orcid, one.affiliation) for one in study.contributors] == [
        ("Ada", "0000-0002-1825-0097", "An institute"),
        ("Grace", None, None),
    ]
    assert [funder.name for funder in study.funders] == ["A fund"]
    assert [(one.name, one.identifier) for one in study.resources] == [("A run", "https://example.org/x.raw")]
    assert study.extra["hasPart"] == ROOT["hasPart"]


def test_a_crate_gives_its_files() -> None:
    draft = drafted(text_of(), "images/a b.tif")
    assert [(file.name, file.bytes, file.sha256, file.arrived) for file in draft.files] == [
        ("images/a b.tif", 11, "c" * 64, "images/a b.tif"),
        ("page.html", None, "", ""),
    ]
    assert [(asset.file, asset.sha256) for asset in draft.assets] == [("images/a b.tif", "c" * 64)]
    assert not draft.findings


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("CC BY 4.0", "CC-BY-4.0"),
        ({"@id": "https://creativecommons.org/licenses/by-nc/4.0/"}, "CC-BY-NC-4.0"),
        ({"@id": "#l", "@type": "CreativeWork", "name": "MIT"}, "MIT"),
        ("ask us", "ask us"),
        (None, None),
    ],
)
def test_the_licence_is_read_however_it_is_given(licence: Any, expected: str | None) -> None:
    assert drafted(text_of({"license": licence})).study.licence == expected


def test_a_folder_that_is_a_measurement_is_one_asset() -> None:
    more = (
        {"@id": "run.d/", "@type": "Dataset"},
        {"@id": "run.d/x.tif", "@type": "File"},
        {"@id": "n/", "@type": "Dataset"},
    )
    draft = drafted(text_of(None, *more), "run.d/x.tif", "n/y.txt")
    assert [asset.file for asset in draft.assets] == ["run.d"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "line 1: not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "no `@graph`"),
        ('{"@graph": {}}', "no `@graph`"),
        ('{"@graph": []}', "no descriptor"),
        (json.dumps({"@graph": [ROOT]}), "no descriptor"),
        (json.dumps({"@graph": [{**DESCRIPTOR, "about": "./"}, ROOT]}), "no descriptor"),
        (json.dumps({"@graph": [DESCRIPTOR, {**ROOT, "@type": "Person"}]}), "no descriptor"),
        (json.dumps({"@graph": [DESCRIPTOR, ROOT, {"name": "x"}]}), "1 entities of `@graph` have no `@id`"),
        (json.dumps({"@graph": [DESCRIPTOR, ROOT, ROOT]}), "1 entities have an `@id` that stands before"),
    ],
)
def test_what_is_no_crate_is_refused(text: str, words: str) -> None:
    with pytest.raises(BadInput, match=r"^ro-crate-metadata\.json") as caught:
        drafted(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("entity", "code", "words"),
    [
        ({"@id": "../../etc/passwd", "@type": "File"}, "PATH-002", "../../etc/passwd"),
        ({"@id": "..%2F..%2Fx", "@type": "File"}, "PATH-002", "..%2F..%2Fx"),
        ({"@id": "/etc/passwd", "@type": "File"}, "PATH-002", "/etc/passwd"),
        ({"@id": "x.tif", "@type": "File", "sha256": "abc"}, "D4D-003", "sha256 'abc'"),
    ],
)
def test_a_file_that_cannot_be_used_is_a_finding(entity: dict[str, str], code: str, words: str) -> None:
    (finding,) = drafted(text_of(None, entity)).findings
    assert finding.code == code
    assert words in finding.found


def test_a_crate_is_received_and_its_files_verified(toys: None, tmp_path: Path) -> None:
    up, image = tmp_path / "up", b"II*\0 pixels"
    (up / "images").mkdir(parents=True)
    (up / "images/a b.tif").write_bytes(image)
    (up / FILE_NAME).write_text(text_of().replace("c" * 64, hashlib.sha256(image).hexdigest()))
    receipt = receive(up, tmp_path / "inbox")
    assert receipt.manifest.dialect == "ro-crate"
    assert [file.status for file in receipt.manifest.declared_files] == ["verified", "awaited"]
    (asset,) = receipt.assets
    assert asset.files[0].name == "images/a b.tif"
    assert not asset.findings


def test_a_measurement_of_another_size_is_held(toys: None, tmp_path: Path) -> None:
    (tmp_path / "up/images").mkdir(parents=True)
    (tmp_path / "up/images/a b.tif").write_bytes(b"II*\0")
    (tmp_path / "up" / FILE_NAME).write_text(text_of().replace("c" * 64, ""))
    receipt = receive(tmp_path / "up", tmp_path / "inbox")
    assert receipt.manifest.declared_files[0].status == "mismatch"
    (finding,) = receipt.assets[0].findings
    assert (finding.code, finding.found, finding.expected) == ("SUM-001", "4 bytes", "11 bytes, as declared")
