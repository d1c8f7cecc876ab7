"""What a description lists is found from the first day: its files, each with what has become of it, and its licence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from catchment.catalogue.describe import describe
from catchment.schema.submission_records import DeclaredData, DeclaredFile, Funder, Manifest, Resource, Study
from tests.release.synthetic_build import Synthetic, publish_build

PAGE = DeclaredFile(name="page.html", title="A <b>page</b>", md5="a" * 32)
IMAGES = DeclaredFile(name="Images/x.zip", title="Images", md5="b" * 32)


def described(accession: str, *files: DeclaredFile) -> Manifest:
    return Manifest(
        accession=accession,
        dialect="d4d",
        content_digest="0" * 64,
        study=Study(
            id="10.1234/maps",
            title="Maps",
            licence="CC-BY-NC-SA-4.0",
            version="2.0",
            funders=(Funder(name="A fund", number="G-1"),),
            usage="Prohibited: care of patients.",
            has_embargoed_parts=True,
            resources=(Resource(name="Runs in MassIVE"),),
            declared=(DeclaredData(modality="massspec", title="Runs"),),
        ),
        samples=(),
        assets=(),
        datasets={},
        declared_files=files,
        received_at="2026-11-20T10:00:00+00:00",
    )


@pytest.fixture
def release(made: Synthetic) -> Path:
    awaited = described("CAT00000091P", PAGE, IMAGES)
    arrived = described("CAT00000092X", PAGE, IMAGES.model_copy(update={"status": "verified"}))
    made.manifests += [arrived, awaited]
    asset = made.asset("CAT00000092X", "imaging", 1)
    made.dataset(asset)
    return made.workdir / publish_build(made).path


def test_a_study_is_found_with_each_of_its_files_once(release: Path) -> None:
    found: dict[str, Any] = describe(release, "10.1234/maps")
    statuses = {file["name"]: file["status"] for file in found["declared_files"]}
    assert statuses == {"Images/x.zip": "verified", "page.html": "awaited"}
    assert (found["n_declared_files"], found["n_awaited_files"]) == (2, 1)
    assert (found["elsewhere"], found["elsewhere_identifiers"]) == (["Runs in MassIVE"], [""])
    assert found["declared_modalities"] == ["massspec"]
    assert found["modalities"] == ["imaging"]


def test_the_page_says_what_is_awaited_and_what_must_be_kept_in_mind(release: Path) -> None:
    page = (release / "index.html").read_text(encoding="utf-8")
    for words in (
        "awaiting bytes",
        "verified",
        "2 declared files, 1 arrived",
        "md5 " + "a" * 32,
        "Prohibited: care of patients.",
        "Parts of this study are under embargo.",
        "Runs in MassIVE (no accession given yet)",
        "Funded by A fund, G-1.",
        "A &lt;b&gt;page&lt;/b&gt;",
    ):
        assert words in page
    assert "<b>page" not in page


def test_the_licence_of_a_study_reaches_what_is_derived_from_it(release: Path) -> None:
    address = "https://spdx.org/licenses/CC-BY-NC-SA-4.0"
    datacite = json.loads((release / "datacite.json").read_bytes())
    assert [rights["rightsIdentifier"] for rights in datacite["rightsList"]][1:] == ["CC-BY-NC-SA-4.0"]
    croissant = json.loads((release / "croissant.json").read_bytes())
    files = {file["@id"]: file for file in croissant["distribution"]}
    assert files["CAT00000092X.D0001"]["license"] == address
    crate = json.loads((release / "ro-crate-metadata.json").read_bytes())
    entities = {entity["@id"]: entity for entity in crate["@graph"]}
    assert entities["datasets/CAT00000092X.D0001/"]["license"] == {"@id": address}
    assert address in entities
