"""The machine-readable documents of a release, read by others' readers where there are any."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from catchment.release.contents import identities
from catchment.release.croissant import data_type
from catchment.release.datacite import content_digest_of
from catchment.schema.records import StoredFile
from catchment.schema.tables import TABLES
from catchment.storage import digest_bytes, stored_files
from tests.release.synthetic_build import Synthetic, publish_build


def document(release: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((release / name).read_bytes())
    return found


# --- Croissant ---------------------------------------------------------------------------------------------------


def read_croissant(release: Path) -> dict[str, Any]:
    reader = Path(__file__).with_name("read_croissant.py")
    done = subprocess.run(
        [sys.executable, str(reader), str(release / "croissant.json")], capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="session")
def croissant(published: Path) -> dict[str, Any]:
    """What mlcroissant reads of the release."""
    return read_croissant(published)


def test_croissant_is_valid_without_a_warning(croissant: dict[str, Any]) -> None:
    assert croissant["issues"] == ""
    assert croissant["version"] == "2026.1"


@pytest.mark.parametrize(("table", "rows"), [("studies", 5), ("datasets", 8), ("samples", 6), ("files", 34)])
def test_croissant_loads_every_row_of_a_table(croissant: dict[str, Any], table: str, rows: int) -> None:
    records = croissant["records"][table]
    assert len(records) == rows
    assert {name.split("/")[1] for name in records[0]} == set(TABLES[table].names)


def test_croissant_loads_values_as_they_are(croissant: dict[str, Any]) -> None:
    study = next(row for row in croissant["records"]["studies"] if row["studies/study_id"] == "liver")
    assert study["studies/submissions"] == ["CAT00000001A", "CAT00000002A"]
    assert study["studies/n_datasets"] == 2
    dataset = croissant["records"]["datasets"][0]
    assert (dataset["datasets/n_cells"], dataset["datasets/n_images"], dataset["datasets/in_census"]) == (
        20,
        None,
        True,
    )


def test_croissant_declares_every_dataset_with_a_digest_that_can_be_recomputed(published: Path) -> None:
    objects = {item["@id"]: item for item in document(published, "croissant.json")["distribution"]}
    assert sum(id_.endswith(".D0001") for id_ in objects) == 6
    item = objects["CAT00000001A.D0001"]
    assert item["contentUrl"] == "datasets/CAT00000001A.D0001/singlecell-1.soma"
    lines = sorted(
        f"{file.sha256}  {item['contentUrl']}/{file.path}\n" for file in stored_files(published / item["contentUrl"])
    )
    assert item["sha256"] == digest_bytes("".join(lines).encode())


def test_croissant_of_an_empty_release_is_valid(empty: Path) -> None:
    found = read_croissant(empty)
    assert found["issues"] == ""
    assert found["records"] == {name: [] for name in ("studies", "datasets", "samples", "images", "files", "declared")}


def test_croissant_says_which_terms_were_measured(published: Path) -> None:
    measured = {item["name"]: item["value"] for item in document(published, "croissant.json")["variableMeasured"]}
    assert measured["analyte"] == ["RNA", "morphology", "protein"]
    assert "UBERON:0001117" in measured["tissue_ontology_term_id"]


def test_every_column_type_has_a_name_in_schema_org() -> None:
    import pyarrow as pa

    assert [data_type(kind) for kind in (pa.string(), pa.int64(), pa.bool_())] == [
        "sc:Text",
        "sc:Integer",
        "sc:Boolean",
    ]


# --- RO-Crate ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def crate(published: Path) -> dict[str, dict[str, Any]]:
    found = document(published, "ro-crate-metadata.json")
    assert found["@context"][0] == "https://w3id.org/ro/crate/1.1/context"
    entities = found["@graph"]
    assert len({entity["@id"] for entity in entities}) == len(entities)
    return {entity["@id"]: entity for entity in entities}


def references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [id_ for item in value for id_ in references(item)]
    if isinstance(value, dict):
        assert set(value) == {"@id"}, "JSON-LD of a crate is flat: entities refer, they do not nest"
        return [value["@id"]]
    return []


def test_whatever_the_crate_refers_to_is_in_it(crate: dict[str, dict[str, Any]]) -> None:
    outside = {"https://w3id.org/ro/crate/1.1"}
    for entity in crate.values():
        for name, value in entity.items():
            if not name.startswith("@"):
                assert set(references(value)) <= set(crate) | outside, name


def test_the_crate_describes_itself_and_its_root(crate: dict[str, dict[str, Any]]) -> None:
    # RO-Crate 1.1, "Root Data Entity": name, description, datePublished and license are required
    descriptor, root = crate["ro-crate-metadata.json"], crate["./"]
    assert (descriptor["@type"], descriptor["about"]) == ("CreativeWork", {"@id": "./"})
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    assert root["@type"] == "Dataset"
    assert root["datePublished"] == "2026-11-20"
    assert crate[root["license"]["@id"]]["name"] == "CC-BY-4.0"
    assert crate[root["author"][0]["@id"]]["name"] == "Ada Alm"
    assert all(root[name] for name in ("name", "description", "hasPart", "mentions"))


def test_every_data_entity_of_the_crate_is_on_disk(published: Path, crate: dict[str, dict[str, Any]]) -> None:
    parts = [crate[part["@id"]] for part in crate["./"]["hasPart"]]
    for part in parts:
        path = published / part["@id"]
        assert path.is_dir() if part["@type"] == "Dataset" else path.is_file(), part["@id"]
        if "sha256" in part:
            assert digest_bytes(path.read_bytes()) == part["sha256"]
    assert {"index.html", "manifest.json", "census/", "datasets/CAT00000001A.D0001/"} <= {part["@id"] for part in parts}


def test_actions_are_drawn_from_the_stamps(crate: dict[str, dict[str, Any]]) -> None:
    made = crate["#make-CAT00000001A.D0001"]
    assert made["object"] == [{"@id": "raw/CAT00000001A/f0001.bin"}]
    assert made["result"] == {"@id": "datasets/CAT00000001A.D0001/"}
    program = crate[made["instrument"]["@id"]]
    assert (program["name"], program["version"], program["softwareVersion"]) == (
        "catchment step normalise",
        "1",
        "0.1.0",
    )
    digest = crate[made["additionalProperty"][0]["@id"]]
    assert (digest["name"], len(digest["value"])) == ("digest of before", 64)
    census = crate["#assemble"]
    assert {"@id": "datasets/CAT00000006A.D0001/"} not in census["object"]
    assert len(census["object"]) == 5


def test_a_held_asset_is_an_action_that_failed_and_says_why(crate: dict[str, dict[str, Any]]) -> None:
    held = crate["#make-CAT00000004A.D0002"]
    assert held["actionStatus"] == "http://schema.org/FailedActionStatus"
    assert held["error"] == "ZIP-001: 12 rows, 13 ids"
    # its bytes are unsafe: the crate knows them by their digest only
    (source,) = held["object"]
    assert source["@id"].startswith("urn:sha256:")
    assert crate[source["@id"]]["name"] == "imaging-2.bin"


def test_no_document_but_the_pointer_holds_a_time(published: Path) -> None:
    for name in ("croissant.json", "ro-crate-metadata.json", "datacite.json", "index.html", "manifest.json"):
        assert not re.search(rb"\d\d:\d\d:\d\d", (published / name).read_bytes()), name


# --- DataCite ----------------------------------------------------------------------------------------------------


def test_datacite_has_what_its_schema_requires(published: Path) -> None:
    found = document(published, "datacite.json")
    # DataCite 4 JSON Schema, "required"
    for name in ("types", "creators", "titles", "publisher", "publicationYear", "schemaVersion"):
        assert found[name], name
    assert found["types"]["resourceTypeGeneral"] == "Dataset"
    assert found["creators"] == [
        {
            "name": "Ada Alm",
            "nameType": "Personal",
            "nameIdentifiers": [
                {
                    "nameIdentifier": "https://orcid.org/0000-0002-1825-0097",
                    "nameIdentifierScheme": "ORCID",
                    "schemeUri": "https://orcid.org",
                }
            ],
        }
    ]
    assert found["rightsList"][0]["rightsUri"] == "https://spdx.org/licenses/CC-BY-4.0"
    assert found["dates"] == [{"date": "2026-11-20", "dateType": "Issued"}]
    assert found["formats"] == ["mzml", "ome-zarr", "soma"]


def test_datacite_of_a_release_without_contributors_names_the_publisher(empty: Path) -> None:
    assert document(empty, "datacite.json")["creators"] == [{"name": "Catchment", "nameType": "Organizational"}]


def test_a_licence_may_be_an_address(made: Synthetic) -> None:
    release = made.workdir / publish_build(made, licence="https://example.org/terms").path
    assert document(release, "datacite.json")["rightsList"] == [
        {"rights": "https://example.org/terms", "rightsUri": "https://example.org/terms"}
    ]
    assert document(release, "croissant.json")["license"] == "https://example.org/terms"


def test_a_description_too_short_for_search_engines_says_what_is_there(made: Synthetic) -> None:
    release = made.workdir / publish_build(made, description="Ours.").path
    words = "Ours. It holds 8 datasets of 5 studies in open formats, with quality control and checksums."
    assert len(words) >= 50
    assert document(release, "croissant.json")["description"] == words


def test_the_content_digest_is_read_from_our_documents_only(published: Path) -> None:
    assert re.fullmatch("[0-9a-f]{64}", content_digest_of(document(published, "datacite.json")) or "")
    for other in ({}, [], None, {"alternateIdentifiers": 3}, {"alternateIdentifiers": [None, {}]}):
        assert content_digest_of(other) is None


def test_identities_put_one_digest_in_place_of_a_somas_files() -> None:
    from catchment.release.contents import Store

    def file(path: str) -> StoredFile:
        return StoredFile(path=path, bytes=1, sha256="1" * 64)

    files = tuple(map(file, ("a.soma/x", "a.soma/y/z", "a.somas", "b.zarr/x", "catalogue/files.parquet")))
    stores = (Store("a.soma", "soma", "2" * 64), Store("b.zarr", "ome-zarr", "3" * 64))
    assert [(one.path, one.sha256[0]) for one in identities(files, stores)] == [
        ("a.soma", "2"),
        ("a.somas", "1"),
        ("b.zarr/x", "1"),
    ]
