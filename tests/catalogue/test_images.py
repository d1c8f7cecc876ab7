"""Images of sets in the catalogue: each has a row and an id, and is found by what it shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from catchment.catalogue.describe import describe
from catchment.catalogue.index import index
from catchment.catalogue.query import search
from catchment.config import ReleaseSettings
from catchment.imaging.image_index import NAME, write_index
from catchment.imaging.readers import Scene, SceneMember, Spot
from catchment.storage import stored_files
from tests.release.synthetic_build import Synthetic

A = "CAT00000001K"
LIVER = {"tissue_ontology_term_id": ("UBERON:0002107",)}
SHOWN = [("TP53", "untreated"), ("TP53", "Paclitaxel"), ("MYC", "untreated")]


def scene_of(protein: str, treatment: str) -> Scene:
    return Scene(
        name=f"{treatment} {protein}",
        shape=(1, 2, 1, 20, 30),
        dtype=np.dtype("uint8"),
        channel_names=("DAPI", protein),
        colours=(None, None),
        facts={"protein": protein, "treatment": treatment},
        members=(SceneMember(f"{treatment}/{protein}.jpg", "0" * 64, "DAPI", None),),
    )


def field_of(well: str, field: str) -> Scene:
    """A field of a plate."""
    return Scene(
        name=f"{well} field {field}",
        shape=(1, 2, 3, 20, 30),
        dtype=np.dtype("uint16"),
        channel_names=("DAPI", "tubulin"),
        colours=(None, None),
        facts={"plate": "screen 7", "well": well, "field": field},
        members=(SceneMember(f"{well}_{field}.tif", "1" * 64, "1", 1, 1),),
        spot=Spot(well[0], well[1:]),
    )


@pytest.fixture(scope="module")
def plates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogue of one plate of two wells with two fields each."""
    made = Synthetic(tmp_path_factory.mktemp("plates"))
    made.submission(A, "study")
    plate = made.dataset(made.asset(A, "imaging", 1), LIVER)
    store = made.workdir / plate.dataset.store
    fields = [field_of(well, field) for well in ("B02", "D08") for field in ("1", "2")]
    paths = ["B/02/0", "B/02/1", "D/08/0", "D/08/1"]
    write_index(store / NAME, fields, paths, ["a" * 64] * 4)
    product = plate.dataset.product.model_copy(update={"side_cars": {"images": NAME}})
    dataset = plate.dataset.model_copy(update={"product": product, "files": stored_files(store)})
    made.normalised[:] = [plate.model_copy(update={"dataset": dataset})]
    index(made.build(), made.workdir / "catalogue", ReleaseSettings())
    return made.workdir


def test_a_field_of_a_plate_is_found_by_its_well(plates: Path) -> None:
    (first, second) = search(plates, "D08", {}, of="images")
    assert (first["well"], first["field"], first["plate"]) == ("D08", "1", "screen 7")
    assert first["path"].endswith("/D/08/0")
    assert second["channels"] == ["DAPI", "tubulin"]
    assert found(plates, "screen tubulin") == ["B02 field 1", "B02 field 2", "D08 field 1", "D08 field 2"]
    assert found(plates, "D08 field 2") == ["D08 field 2"]


def test_a_plate_lists_its_wells_and_fields(plates: Path) -> None:
    shown = describe(plates, f"{A}.D0001")["images"]
    assert [(row["well"], row["field"]) for row in shown] == [("B02", "1"), ("B02", "2"), ("D08", "1"), ("D08", "2")]


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogue of one set of three images, and of one image that is no set."""
    made = Synthetic(tmp_path_factory.mktemp("images"))
    made.submission(A, "study")
    set_, single = (made.dataset(made.asset(A, "imaging", number), LIVER) for number in (1, 2))
    store = made.workdir / set_.dataset.store
    write_index(store / NAME, [scene_of(*shown) for shown in SHOWN], ["0", "1", "2"], ["a" * 64] * 3)
    product = set_.dataset.product.model_copy(update={"side_cars": {"images": NAME}})
    dataset = set_.dataset.model_copy(update={"product": product, "files": stored_files(store)})
    made.normalised[:] = [set_.model_copy(update={"dataset": dataset}), single]
    index(made.build(), made.workdir / "catalogue", ReleaseSettings())
    return made.workdir


def found(catalogue: Path, text: str, **asked: list[str]) -> list[str]:
    return [row["name"] for row in search(catalogue, text, asked, of="images")]


def test_an_image_is_found_by_its_protein_and_treatment(catalogue: Path) -> None:
    assert found(catalogue, "tp53") == ["untreated TP53", "Paclitaxel TP53"]
    assert found(catalogue, "TP53 paclitaxel") == ["Paclitaxel TP53"]
    assert found(catalogue, "BRCA1") == []


def test_what_is_asked_of_the_dataset_holds_for_its_images(catalogue: Path) -> None:
    assert len(found(catalogue, "", tissue=["liver"])) == len(found(catalogue, "liver")) == 3
    assert found(catalogue, "MYC", tissue=["brain"]) == []


def test_a_dataset_is_found_by_a_protein_of_one_of_its_images(catalogue: Path) -> None:
    assert [row["dataset_id"] for row in search(catalogue, "MYC", of="datasets")] == [f"{A}.D0001"]


def test_each_image_is_described_by_its_own_id(catalogue: Path) -> None:
    image = describe(catalogue, f"{A}.D0001.I00002")
    assert image["entity"] == "image"
    assert image["path"].endswith("/1")
    assert (image["protein"], image["treatment"], image["shape"]) == ("TP53", "Paclitaxel", [1, 2, 1, 20, 30])
    assert (image["source_files"], image["source_sha256"]) == (["Paclitaxel/TP53.jpg"], ["0" * 64])
    assert "antibody" not in image


def test_a_set_lists_its_images_and_another_dataset_has_none(catalogue: Path) -> None:
    assert [row["protein"] for row in describe(catalogue, f"{A}.D0001")["images"]] == ["TP53", "TP53", "MYC"]
    assert describe(catalogue, f"{A}.D0001")["proteins"] == ["MYC", "TP53"]
    assert "images" not in describe(catalogue, f"{A}.D0002")
