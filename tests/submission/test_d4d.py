"""A D4D datasheet, the real one with all its faults and small ones with each, becomes a draft that loses nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from catchment.errors import BadInput
from catchment.submission.d4d import is_datasheet, read_d4d
from catchment.submission.d4d_text import read_datasheet
from tests.submission.conftest import receive

REAL = Path(__file__).parents[3] / "shared/data/datasheets/cm4ai-june-2025.d4d.yaml"
HEAD = "id: doi:10.1234/abc\ntitle: A study\ncreators: [Ada]\ninstances: []\n"


def file_entry(**facts: str) -> str:
    return HEAD + "subsets:\n  - " + "\n    ".join(f"{key}: {value}" for key, value in facts.items()) + "\n"


def all_text(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from all_text(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from all_text(inner)
    else:
        yield value


def is_zip(name: str) -> bool:
    return name.endswith(".zip")


def letters(text: str) -> int:
    return sum(character.isalnum() for character in text)


@pytest.fixture(scope="module")
def real() -> str:
    if not REAL.exists():
        pytest.skip("the shared data are not beside the project")
    return REAL.read_text(encoding="utf-8")


@pytest.mark.real
def test_the_real_datasheet_is_read_with_its_four_repairs_and_no_word_lost(real: str) -> None:
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load(real)  # what makes the repairs needed
    sheet = read_datasheet(real, "cm4ai.d4d.yaml")
    repaired = [finding.where for finding in sheet.repairs if finding.code == "D4D-001"]
    assert repaired == [f"cm4ai.d4d.yaml line {number}" for number in (1, 179, 198, 201)]
    assert [finding.count for finding in sheet.repairs if finding.code == "D4D-002"] == [11]
    lines = real.splitlines()[1:]
    assert letters("".join(all_text(sheet.document))) == sum(map(letters, lines))
    assert sheet.document["is_deidentified"]["description"] == [
        "Human Subjects: No; De-identified Samples: Yes.",
        "FDA Regulated: No.",
    ]
    assert sheet.document["subsets"][2]["is_data_split"] == "no"
    assert sheet.document["version"] == "2.0"


@pytest.mark.real
def test_the_real_datasheet_gives_its_study_ten_files_and_three_kinds_of_data(real: str) -> None:
    draft = read_d4d(real, "cm4ai.d4d.yaml", ["cm4ai.d4d.yaml"], is_zip)
    study = draft.study
    assert (study.id, study.doi, study.version) == ("10.18130/v3/f3td5r", "10.18130/V3/F3TD5R", "2.0")
    assert study.licence == "CC-BY-NC-SA-4.0"
    assert [person.name for person in study.contributors] == [
        "Trey Ideker", "Emma Lundberg", "Nevan Krogan", "Prashant Mali", "Andrej Sali", "Tim Clark",
    ]  # fmt: skip
    assert study.contributors[1].affiliation == "Stanford University"
    (funder,) = study.funders
    assert (funder.name, funder.number) == ("National Institutes of Health", "1OT2OD032742-01")
    assert [data.modality for data in study.declared] == ["imaging", "massspec", "singlecell"]
    assert [resource.identifier for resource in study.resources] == [None, None, None]
    assert study.related_dois == ("10.1101/2024.05.21.589311", "10.1101/2024.11.03.621734")
    assert study.has_embargoed_parts
    assert "clinical decision-making" in study.usage
    assert len(study.keywords) == 29
    assert len(draft.files) == 10
    assert {len(file.md5) for file in draft.files} == {32}
    assert {file.status for file in draft.files} == {"awaited"}
    assert not draft.assets
    codes = [finding.code for finding in draft.findings]
    assert (codes.count("D4D-004"), codes.count("D4D-005"), codes.count("D4D-006")) == (1, 3, 1)


@pytest.mark.parametrize(
    ("entry", "code", "words"),
    [
        ({"path": "../../x.zip", "md5": "0" * 32}, "PATH-002", "../../x.zip"),
        ({"path": "/etc/passwd"}, "PATH-002", "/etc/passwd"),
        ({"path": "https://example.org/x.zip"}, "PATH-002", "https://example.org/x.zip"),
        ({"path": "x.zip", "md5": "0" * 31}, "D4D-003", "md5 '0000000000000000000000000000000' of x.zip"),
        ({"path": "x.zip", "sha256": "z" * 64}, "D4D-003", "sha256"),
        ({"path": "x.zip", "bytes": "many"}, "D4D-003", "bytes 'many' of x.zip"),
        ({"path": "x.html", "media_type": "text/html", "format": "JSON"}, "D4D-004", "format JSON"),
    ],
)
def test_a_file_record_that_cannot_be_used_is_a_finding(entry: dict[str, str], code: str, words: str) -> None:
    draft = read_d4d(file_entry(**entry), "sheet.yaml", [], is_zip)
    (finding,) = draft.findings
    assert finding.code == code
    assert finding.where == "sheet.yaml: subsets[0]"
    assert words in finding.found


def test_a_path_that_is_listed_twice_is_taken_once() -> None:
    text = HEAD + "subsets:\n  - {path: x.zip, md5: " + "a" * 32 + "}\n  - {path: x.zip, md5: " + "b" * 32 + "}\n"
    draft = read_d4d(text, "sheet.yaml", [], is_zip)
    assert [file.md5 for file in draft.files] == ["a" * 32]
    assert [finding.code for finding in draft.findings] == ["D4D-003"]


def test_files_are_found_by_their_path_or_by_the_only_file_of_their_name() -> None:
    text = HEAD + "subsets:\n  - {path: Images/a.zip, md5: " + "a" * 32 + "}\n  - {path: b.zip}\n  - {path: p.html}\n"
    draft = read_d4d(text, "sheet.yaml", ["a.zip", "x/b.zip", "y/b.zip", "p.html"], is_zip)
    assert [file.arrived for file in draft.files] == ["a.zip", "", "p.html"]
    assert [(asset.file, asset.md5) for asset in draft.assets] == [("a.zip", "a" * 32)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id: a\nid: b\n", "key 'id' is given twice"),
        ("x: !!python/object:os.system {}\n", "not valid YAML"),
        ("a: &a [x, x]\nb: &b [*a, *a]\n" + "".join(f"c{n}: &c{n} [*b, *b]\n" for n in range(3)) + "d: [1", "YAML"),
        ("", "found a NoneType on top"),
        ("- a\n- b\n", "found a list on top"),
        ("a:\n\t- b: c: d\n", "line"),
        ("x: [" * 200, "64 levels"),
        ("# " + "x" * 4_000_001, "4,000,000"),
        ("a: " + "word: " * 5 + "\n  b: c: d\n" + "}", "YAML"),
    ],
)
def test_what_no_repair_mends_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(BadInput, match=r"^sheet\.yaml") as caught:
        read_datasheet(text, "sheet.yaml")
    assert words in str(caught.value)


def test_repairs_end_after_two_hundred() -> None:
    text = "description:\n" + "".join(f"  - a{n}: b: c\n" for n in range(300))
    with pytest.raises(BadInput, match="line 202"):
        read_datasheet(text, "sheet.yaml")


def test_windows_lines_a_byte_order_mark_less_text_and_fences_are_read() -> None:
    text = "```yaml\r\nid: x\r\ndescription:\r\n  - Note: a: b\r\n```\r\n"
    sheet = read_datasheet(text, "sheet.yaml")
    assert sheet.document == {"id": "x", "description": ["Note: a: b"]}
    assert [finding.where for finding in sheet.repairs] == [
        "sheet.yaml line 1",
        "sheet.yaml line 5",
        "sheet.yaml line 4",
    ]


def test_quotes_and_backslashes_of_a_repaired_line_stay() -> None:
    sheet = read_datasheet('notes:\n  - He said: "no": C:\\new\nkey: a: "b\\\\c"\n', "sheet.yaml")
    assert sheet.document == {"notes": ['He said: "no": C:\\new'], "key": 'a: "b\\\\c"'}


def test_a_mapping_where_the_schema_has_mappings_stays_one() -> None:
    sheet = read_datasheet("purposes:\n  - response: why\nexternal_resources:\n  - archival: [UVA]\n", "s")
    assert sheet.document == {"purposes": [{"response": "why"}], "external_resources": [{"archival": ["UVA"]}]}
    assert not sheet.repairs


def test_an_accession_that_is_given_is_kept_and_none_is_made_up() -> None:
    text = HEAD + "external_resources:\n  - external_resources: [MassIVE MSV000098237, SRA, 'see https://x.org/y.']\n"
    draft = read_d4d(text, "s", [], is_zip)
    assert [one.identifier for one in draft.study.resources] == ["MSV000098237", None, "https://x.org/y."]


def test_people_are_found_in_every_shape_of_the_schema() -> None:
    creators = (
        "creators:\n  - Ada\n  - name: Grace\n    orcid: https://orcid.org/0000-0002-1825-0097\n"
        "  - principal_investigator: Lise\n  - principal_investigator: {name: Emmy, affiliation: [Göttingen]}\n"
    )
    people = read_d4d("title: t\ninstances: []\n" + creators, "s", [], is_zip).study.contributors
    assert [(one.name, one.orcid, one.affiliation) for one in people] == [
        ("Ada", None, None),
        ("Grace", "0000-0002-1825-0097", None),
        ("Lise", None, None),
        ("Emmy", None, "Göttingen"),
    ]


def test_yaml_that_is_no_datasheet_is_not_taken_for_one() -> None:
    assert not is_datasheet("study: {title: x}\nassets: []\n")
    assert not is_datasheet("creators:\n- x\n")
    assert is_datasheet("=== x ===\ncreators:\n- x\nsubsets:\n- y\n")


# --- received ----------------------------------------------------------------------------------------------------


def sheet_of(folder: Path, md5: str, name: str = "Images/a.tif") -> None:
    folder.mkdir()
    (folder / "sheet.d4d.yaml").write_text(
        HEAD + f"subsets:\n  - {{path: {name}, md5: {md5}}}\n  - {{path: page.html, md5: {md5}}}\n"
    )


def test_a_datasheet_alone_is_received_with_its_files_awaited(toys: None, tmp_path: Path) -> None:
    sheet_of(tmp_path / "up", "a" * 32)
    receipt = receive(tmp_path / "up", tmp_path / "inbox")
    manifest = receipt.manifest
    assert (manifest.dialect, manifest.assets, manifest.study.id) == ("d4d", (), "10.1234/abc")
    assert [file.status for file in manifest.declared_files] == ["awaited", "awaited"]
    (finding,) = manifest.findings
    assert (finding.code, finding.level, finding.count) == ("LIST-005", "info", 2)
    (kept,) = manifest.other_files
    assert kept.role == "metadata"
    sent = tmp_path / "inbox" / manifest.accession / kept.path
    assert sent.read_bytes() == (tmp_path / "up/sheet.d4d.yaml").read_bytes()


def test_files_that_arrive_are_verified_by_their_md5(toys: None, tmp_path: Path) -> None:
    image = b"II*\0 pixels"
    sheet_of(tmp_path / "up", hashlib.md5(image).hexdigest())  # noqa: S324 - what datasheets declare
    (tmp_path / "up/Images").mkdir()
    (tmp_path / "up/Images/a.tif").write_bytes(image)
    (tmp_path / "up/page.html").write_text("another page")
    receipt = receive(tmp_path / "up", tmp_path / "inbox")
    assert [file.status for file in receipt.manifest.declared_files] == ["verified", "mismatch"]
    (asset,) = receipt.assets
    assert not asset.findings
    (finding,) = receipt.manifest.findings
    assert (finding.code, finding.where) == ("SUM-001", "page.html")
    roles = {file.name: file.role for file in receipt.manifest.other_files}
    assert roles == {"page.html": "described", "sheet.d4d.yaml": "metadata"}


def test_a_measurement_with_another_md5_is_held(toys: None, tmp_path: Path) -> None:
    sheet_of(tmp_path / "up", "b" * 32)
    (tmp_path / "up/a.tif").write_bytes(b"II*\0 pixels")
    receipt = receive(tmp_path / "up", tmp_path / "inbox")
    (asset,) = receipt.assets
    assert [finding.code for finding in asset.findings] == ["SUM-001"]
    assert f"declared md5 {'b' * 32}" in asset.findings[0].expected


def test_two_datasheets_on_top_are_refused(toys: None, tmp_path: Path) -> None:
    sheet_of(tmp_path / "up", "a" * 32)
    (tmp_path / "up/other.yaml").write_text(HEAD)
    with pytest.raises(BadInput, match="both describe the upload"):
        receive(tmp_path / "up", tmp_path / "inbox")
