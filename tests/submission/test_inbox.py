"""The inbox shows what was received whole, and stops at a name that fits no id."""

from __future__ import annotations

from pathlib import Path

import pytest

from catchment.errors import BadInput
from catchment.schema.records import Asset, SourceFile
from catchment.submission.accession import accession
from catchment.submission.inbox import asset_digest, asset_keys, located, manifests, source_findings

from .conftest import MAGIC, receive, write_upload

CELLS = MAGIC["singlecell"]
FIRST = accession(1)


@pytest.fixture
def inbox(tmp_path: Path, toys: None) -> Path:
    receive(write_upload(tmp_path / "up", a_h5ad=CELLS, b_tif=MAGIC["imaging"]), tmp_path / "inbox")
    return tmp_path / "inbox"


def test_an_inbox_lists_its_assets_sorted(inbox: Path) -> None:
    assert asset_keys(inbox) == [(FIRST, "imaging", "a0002"), (FIRST, "singlecell", "a0001")]
    assert [manifest.accession for manifest in manifests(inbox)] == [FIRST]


def test_an_inbox_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert asset_keys(tmp_path / "inbox") == []
    assert manifests(tmp_path / "inbox") == []


@pytest.mark.parametrize("name", ["mine", "CAT1", "CAT00000001K.v", "cat00000001K", "CAT00000001K copy"])
def test_a_folder_that_fits_no_accession_stops_with_its_name(inbox: Path, name: str) -> None:
    (inbox / name).mkdir()
    with pytest.raises(BadInput, match=f"the name '{name}' fits no id; expected an accession such as CAT"):
        asset_keys(inbox)


@pytest.mark.parametrize("name", ["A1", "a b", "$(id)", "{asset}", "-a", "a.b", "é"])
def test_a_file_that_fits_no_asset_id_stops_with_its_name(inbox: Path, name: str) -> None:
    (inbox / FIRST / "imaging" / f"{name}.json").write_text("{}")
    with pytest.raises(BadInput, match="fits no id; expected an asset id of a-z, 0-9 and -") as caught:
        asset_keys(inbox)
    assert repr(name) in str(caught.value)


def test_a_submission_without_a_manifest_is_not_seen(inbox: Path) -> None:
    (inbox / FIRST / "manifest.json").unlink()
    assert asset_keys(inbox) == []
    assert manifests(inbox) == []


def test_what_is_hidden_is_still_arriving_and_not_seen(inbox: Path) -> None:
    (inbox / FIRST).rename(inbox / f".{FIRST}.receiving")
    assert asset_keys(inbox) == []
    assert manifests(inbox) == []


def an_asset(path: str = "raw/a0001.h5ad", **changes: object) -> Asset:
    file = SourceFile(path=path, name="a.h5ad", bytes=4, sha256="a" * 64)
    plain = {
        "accession": FIRST,
        "modality": "singlecell",
        "asset": "a0001",
        "dataset": f"{FIRST}.D0001",
        "format": "h5ad",
    }
    return Asset.model_validate({**plain, "files": (file,), **changes})


def test_a_located_asset_has_absolute_paths(tmp_path: Path) -> None:
    assert located(an_asset(), tmp_path).files[0].path == str(tmp_path / "raw/a0001.h5ad")
    assert located(an_asset("/data/a.h5ad"), tmp_path).files[0].path == "/data/a.h5ad"
    assert located(an_asset(), tmp_path).files[0].name == "a.h5ad"


def test_what_a_conversion_depends_on_is_not_where_the_files_lie_nor_what_was_found() -> None:
    finding = {"code": "X-001", "level": "info", "where": "", "found": "", "expected": "", "fix": ""}
    assert (
        asset_digest(an_asset()) == asset_digest(an_asset("/data/a.h5ad")) == asset_digest(an_asset(findings=[finding]))
    )
    assert asset_digest(an_asset()) != asset_digest(an_asset(format="h5"))
    assert asset_digest(an_asset()) != asset_digest(an_asset(constants={"suspension_type": "cell"}))


def test_a_file_that_is_as_it_was_received_has_no_findings(inbox: Path) -> None:
    from catchment.storage import load

    asset = load(Asset, inbox / FIRST / "singlecell/a0001.json")
    assert source_findings(asset, inbox / FIRST) == []
