"""Records are frozen, refuse what they do not know, and say by `outcome` which kind they are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from catchment.schema import records
from catchment.schema.records import Admitted, Asset, Converted, Held, Normalised, Record, Shape, SourceFile

from .kept import EXAMPLES, KINDS

SHAPES = sorted(
    (kind for kind in vars(records).values() if isinstance(kind, type) and issubclass(kind, Shape)),
    key=lambda kind: kind.__name__,
)


def document(name: str) -> dict[str, Any]:
    return dict(json.loads((EXAMPLES / "v1" / f"{name}.json").read_bytes()))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_every_shape_is_frozen_and_refuses_unknown_keys(shape: type[Shape]) -> None:
    assert shape.model_config["frozen"] is True
    assert shape.model_config["extra"] == "forbid"


def test_a_record_cannot_be_changed() -> None:
    asset = Asset.model_validate(document("asset"))
    with pytest.raises(ValidationError, match="frozen"):
        asset.dataset = "other"  # type: ignore[misc]


@pytest.mark.parametrize("name", sorted(KINDS))
def test_an_unknown_key_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValidationError, match="colour"):
        KINDS[name].model_validate({**document(name), "colour": "red"})


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_half_filled_record_is_refused(name: str) -> None:
    for key, field in KINDS[name].model_fields.items():
        if field.is_required():
            half = {k: v for k, v in document(name).items() if k != key}
            with pytest.raises(ValidationError, match=key):
                KINDS[name].model_validate(half)


@pytest.mark.parametrize(("name", "kind"), [("held", Held), ("admitted", Admitted), ("converted", Converted)])
def test_a_union_of_records_is_told_apart_by_its_outcome(name: str, kind: type[Record]) -> None:
    union = TypeAdapter[Any](Held | Admitted | Converted | Normalised)
    assert type(union.validate_python(document(name))) is kind


def test_a_held_record_cannot_pass_for_done() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter[Any](Admitted | Held).validate_python({**document("held"), "outcome": "done"})


@pytest.mark.parametrize(
    "accession",
    ["CAT0000001D", "CAT00000001", "CAT00000001d", "cat00000001D", "CAT00000001D.v", "CAT00000001D\n", "CAT٠٠٠٠٠٠٠١D"],
)
def test_an_accession_of_another_form_is_refused(accession: str) -> None:
    with pytest.raises(ValidationError, match="accession"):
        Asset.model_validate({**document("asset"), "accession": accession})


@pytest.mark.parametrize("asset", ["", "-a", "A1", "a/b", "..", "a b", "a\n", "é", "a" * 81, "$(id)", "{wildcard}"])
def test_an_asset_id_that_could_be_more_than_a_name_is_refused(asset: str) -> None:
    with pytest.raises(ValidationError, match="asset"):
        Asset.model_validate({**document("asset"), "asset": asset})


@pytest.mark.parametrize("sha256", ["", "a" * 63, "A" * 64, "g" * 64, "a" * 64 + "\n"])
def test_a_checksum_of_another_form_is_refused(sha256: str) -> None:
    with pytest.raises(ValidationError, match="sha256"):
        SourceFile(path="raw/x", name="x", bytes=1, sha256=sha256)


def test_times_are_apart_from_how_a_record_was_made() -> None:
    assert not {"started_at", "seconds"} & set(records.MadeBy.model_fields)


def test_a_metric_that_is_not_a_number_is_kept_as_valid_json() -> None:
    dataset = records.Dataset.model_validate({**document("converted")["dataset"], "metrics": {"mean": float("nan")}})
    assert json.loads(dataset.model_dump_json(), parse_constant=pytest.fail)["metrics"] == {"mean": None}


def test_an_asset_of_one_file_is_kept_without_a_folder_and_a_folder_with_its_name() -> None:
    asset = Asset.model_validate(document("asset"))
    assert "folder" not in json.loads(asset.model_dump_json())
    assert asset.name == asset.files[0].name
    folder = asset.model_copy(update={"folder": "run.d"})
    assert Asset.model_validate_json(folder.model_dump_json()) == folder
    assert (folder.name, asset.model_copy(update={"files": ()}).name) == ("run.d", asset.asset)
