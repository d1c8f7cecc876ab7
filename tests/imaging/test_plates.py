"""Plates: one OME-Zarr with wells and fields, every plane held against tifffile, and what is missing said."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import tifffile
import zarr
from ome_zarr.io import parse_url
from ome_zarr.reader import Plate, Reader
from ome_zarr.utils import info
from ome_zarr_models.v05 import HCS, Well

from catchment.imaging import MODALITY
from catchment.imaging.axes import Slices
from catchment.imaging.readers.tiff import TiffReader
from catchment.modalities import RECOGNISER
from catchment.schema.records import Description, Finding, Product
from catchment.storage import Place
from catchment.submission.receive import receive
from catchment.submission.sighting import Sighting, uploaded

from .conftest import Carry, Passage, carry
from .plate_files import (
    At,
    cellvoyager_name,
    cellvoyager_record,
    htd,
    imagexpress_name,
    pixels_at,
    places,
    write_cellvoyager,
    write_image,
    write_imagexpress,
)

WELLS = [(2, 3), (2, 11), (4, 3)]


def rows_of(passage: Passage) -> list[dict[str, Any]]:
    """The rows of the index, read by pyarrow alone."""
    assert not passage.held, passage.findings
    assert isinstance(passage.product, Product)
    rows: list[dict[str, Any]] = pq.read_table(passage.folder / passage.product.side_cars["images"]).to_pylist()
    return rows


def only(passage: Passage, code: str) -> Finding:
    """The one finding of a code."""
    (finding,) = [finding for finding in passage.findings if finding.code == code]
    return finding


def plate_of(passage: Passage) -> dict[str, Any]:
    """The metadata of the plate."""
    plate: dict[str, Any] = zarr.open_group(passage.store, mode="r").attrs.asdict()["ome"]["plate"]
    return plate


def held_against_tifffile(passage: Passage, folder: Path) -> int:
    """Hold every plane of the store against the image that the index names; return how many there are."""
    seen = set()
    for row in rows_of(passage):
        stored = np.asarray(zarr.open_array(passage.store / row["path"] / "0", mode="r")[...])
        assert list(stored.shape) == row["shape"]
        members = iter(row["members"])
        for c in range(stored.shape[1]):
            for t in range(stored.shape[0]):
                for z in range(stored.shape[2]):
                    name = next(members)["file"]
                    assert (stored[t, c, z] == tifffile.imread(folder / name)).all(), name
                    seen.add(name)
        assert next(members, None) is None
    return len(seen)


# --- a plate of a CellVoyager ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cellvoyager(tmp_path_factory: pytest.TempPathFactory) -> Passage:
    folder = tmp_path_factory.mktemp("cv") / "measured"
    write_cellvoyager(folder, places(WELLS, fields=2, channels=2, planes=3), wanted=WELLS)
    write_image(folder / "SC_even light.tif", pixels_at(At(1, 1)))
    return carry(folder, folder.parent / "out")


def test_every_plane_is_the_one_that_tifffile_sees_in_its_place(cellvoyager: Passage) -> None:
    assert cellvoyager.findings == []
    for at in places(WELLS, fields=2, channels=2, planes=3):
        stored = cellvoyager.pixels(image=f"{at.well[0]}/{at.well[1:]}/{at.field - 1}")
        assert stored.shape == (1, 2, 3, 24, 20)
        assert (stored[0, at.channel - 1, at.z - 1] == pixels_at(at)).all()
    assert held_against_tifffile(cellvoyager, Path(cellvoyager.asset.files[0].path).parent) == 36


def test_the_plate_its_wells_and_fields_are_valid_ome_zarr(cellvoyager: Passage) -> None:
    group = zarr.open_group(cellvoyager.store, mode="r")
    plate = HCS.from_zarr(group)
    assert [well.path for well in plate.ome_attributes.plate.wells] == ["B/03", "B/11", "D/03"]
    assert [len(well.ome_attributes.well.images) for well in plate.well_groups] == [2, 2, 2]
    for well in plate.ome_attributes.plate.wells:
        assert len(Well.from_zarr(group[well.path]).members or {}) == 2
    own = plate_of(cellvoyager)
    assert (own["name"], len(own["rows"]), len(own["columns"]), own["field_count"]) == ("screen 7", 8, 12, 2)
    assert own["wells"][1] == {"path": "B/11", "rowIndex": 1, "columnIndex": 10}
    assert own["acquisitions"] == [{"id": 0, "name": "stacks of 3: 405nm BP445/45, GFP", "maximumfieldcount": 2}]


def test_a_plate_opens_as_a_grid_of_wells_in_ome_zarr_py(cellvoyager: Passage) -> None:
    location = parse_url(cellvoyager.store)
    assert location is not None
    nodes = list(Reader(location)())
    (node,) = [node for node in nodes if node.first(Plate) is not None]
    grid = np.asarray(node.data[0])
    assert grid.shape == (1, 2, 3, 8 * 24, 12 * 20)
    for at in places(WELLS, fields=1, channels=2, planes=3):
        own = grid[0, at.channel - 1, at.z - 1, (at.row - 1) * 24 : at.row * 24, (at.column - 1) * 20 : at.column * 20]
        assert (own == pixels_at(at)).all()
    assert np.count_nonzero(grid.any(axis=(0, 1, 2)).reshape(8, 24, 12, 20).any(axis=(1, 3))) == 3


def test_ome_zarr_info_knows_plate_and_fields(cellvoyager: Passage) -> None:
    (plate,) = [node for node in info(cellvoyager.store) if node.first(Plate) is not None]
    assert plate.metadata["metadata"]["plate"]["field_count"] == 2
    (field,) = list(info(cellvoyager.store / "D/03/1"))
    assert [level.shape for level in field.data] == [(1, 2, 3, 24, 20)]


def test_names_colours_wavelengths_and_sizes_are_those_of_the_microscope(cellvoyager: Passage) -> None:
    from ome_types import from_xml

    ome = zarr.open_group(cellvoyager.store / "B/03/0", mode="r").attrs.asdict()["ome"]
    told = [(channel["label"], channel["color"]) for channel in ome["omero"]["channels"]]
    assert told == [("405nm BP445/45", "002FFF"), ("GFP", "00FFA1")]
    (transform,) = ome["multiscales"][0]["datasets"][0]["coordinateTransformations"]
    assert transform["scale"] == [1.0, 1.0, 2.5, 0.65, 0.325]
    document = from_xml((cellvoyager.store / "OME/METADATA.ome.xml").read_text(encoding="utf-8"))
    waves = [(c.excitation_wavelength, c.emission_wavelength) for c in document.images[0].pixels.channels]
    assert waves == [(405.0, 445.0), (None, 525.0)]
    assert isinstance(cellvoyager.description, Description)
    assert (cellvoyager.description.format, cellvoyager.description.instrument) == ("plate", "Yokogawa CV8000")


def test_a_channel_without_sizes_has_those_of_the_others(tmp_path: Path, through: Carry) -> None:
    passage = through(write_cellvoyager(tmp_path / "in", places([(1, 1)], fields=1, channels=3)))
    assert passage.findings == []
    assert isinstance(passage.description, Description)
    assert passage.description.facts["physical_size_um"] == {"z": None, "y": 0.65, "x": 0.325}


def test_the_index_says_well_row_column_field_and_channels_of_each_image(cellvoyager: Passage) -> None:
    told = ("path", "well", "row", "column", "field", "acquisition", "plate", "channels")
    rows = [tuple(row[key] for key in told) for row in rows_of(cellvoyager)]
    assert rows[3] == ("B/11/1", "B11", "B", "11", "2", 0, "screen 7", ["405nm BP445/45", "GFP"])
    series = zarr.open_group(cellvoyager.store / "OME", mode="r").attrs.asdict()["ome"]["series"]
    assert series == [row[0] for row in rows]


def test_a_plate_contributes_a_measurement_for_each_channel_of_each_field(cellvoyager: Passage) -> None:
    contribution = MODALITY.contribute(cellvoyager.dataset(), cellvoyager.asset, Place(str(cellvoyager.folder)))
    assert contribution.title == "measured"
    assert contribution.counts == {"images": 6, "planes": 36, "channels": 12}


def test_a_plate_in_a_zip_is_the_same_plate(cellvoyager: Passage, tmp_path: Path, through: Carry) -> None:
    folder = Path(cellvoyager.asset.files[0].path).parent
    with zipfile.ZipFile(tmp_path / "plate.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, f"measured/{path.name}")
    passage = through(tmp_path / "plate.zip")
    assert passage.findings == []
    assert [row["digest"] for row in rows_of(passage)] == [row["digest"] for row in rows_of(cellvoyager)]
    assert plate_of(passage) == plate_of(cellvoyager)


# --- other microscopes and names ---------------------------------------------------------------------------------


def test_time_points_and_channels_of_an_imagexpress_are_put_together(tmp_path: Path, through: Carry) -> None:
    listed = places([(1, 2), (2, 2)], fields=2, channels=2, times=2)
    folder = write_imagexpress(tmp_path / "ix", listed, movie=True)
    write_image(
        folder / "TimePoint_1/my_plate_A02_s1_w1_thumb6A01BBD7-92F1-4DFD-98AA-6A01BBD77557.tif", pixels_at(listed[0])
    )
    passage = through(folder)
    assert passage.findings == []
    assert held_against_tifffile(passage, folder) == 16
    for at in listed:
        stored = passage.pixels(image=f"{at.well[0]}/02/{at.field - 1}")
        assert (stored[at.t - 1, at.channel - 1, 0] == pixels_at(at)).all()
    assert rows_of(passage)[0]["channels"] == ["DAPI", "FITC"]
    own = plate_of(passage)
    assert (own["name"], [row["name"] for row in own["rows"]]) == ("my_plate", ["A", "B"])


def test_channels_taken_at_other_planes_are_acquisitions_of_their_own(tmp_path: Path, through: Carry) -> None:
    folder = write_imagexpress(tmp_path / "ix", places([(1, 1)], fields=2, channels=2, planes=4), stack=True)
    write_imagexpress(folder, [At(1, 1, field, channel) for field in (1, 2) for channel in (1, 3)])
    passage = through(folder)
    assert passage.findings == []
    shapes = [(row["acquisition"], row["channels"], row["shape"][:3]) for row in rows_of(passage)]
    assert shapes == [
        (0, ["DAPI", "FITC 2"], [1, 2, 4]), (0, ["DAPI", "FITC 2"], [1, 2, 4]),
        (1, ["DAPI", "FITC 3"], [1, 2, 1]), (1, ["DAPI", "FITC 3"], [1, 2, 1]),
    ]  # fmt: skip
    assert held_against_tifffile(passage, folder) == 20
    assert [one["maximumfieldcount"] for one in plate_of(passage)["acquisitions"]] == [2, 2]
    HCS.from_zarr(zarr.open_group(passage.store, mode="r"))
    sizes = zarr.open_group(passage.store / "A/01/0", mode="r").attrs.asdict()["ome"]["multiscales"][0]["datasets"][0]
    assert sizes["coordinateTransformations"][0]["scale"] == [1.0, 1.0, 2.0, 1.5, 1.5]


def test_an_htd_file_names_channels_and_says_what_was_to_be_imaged(tmp_path: Path, through: Carry) -> None:
    folder = write_imagexpress(tmp_path / "ix", places([(1, 1), (2, 3)], fields=2, channels=2))
    text = htd([(1, 1), (2, 2), (2, 3)], 3, ["Hoechst", "Concanavalin"], times=2)
    (folder / "my_plate.HTD").write_text(text, encoding="latin-1", newline="")
    passage = through(folder)
    assert rows_of(passage)[0]["channels"] == ["Hoechst", "Concanavalin"]
    finding = only(passage, "IMG-055")
    assert finding.found == "no image of well B02, 1 of 3 fields of each well, 1 of 2 time points"
    assert (finding.level, finding.count) == ("warning", 3)
    assert (len(plate_of(passage)["rows"]), len(plate_of(passage)["columns"])) == (2, 3)


NAMES: dict[str, tuple[Callable[[At], str], dict[str, str], str]] = {
    "SBS": (lambda at: f"Channel{at.channel}-0{at.column}-{at.well[0]}-{at.well[1:]}.tif", {}, "channel 1"),
    "Phenix": (lambda at: f"Images/r{at.row:02d}c{at.column:02d}f01p01-ch{at.channel}sk1fk1fl1.tiff", {}, "channel 1"),
    "CellVoyager without index": (cellvoyager_name, {}, "channel 1"),
    "pattern": (
        lambda at: f"run/{at.well}/x{at.row}_{'ab'[at.channel - 1]}.tif",
        {"plate_names": "{well}/{skip}_{channel}", "channels": "a=DAPI, b=tubulin"}, "DAPI",
    ),
    "rows and columns": (
        lambda at: f"{at.row}-{at.column}-{at.channel}.png.tif",
        {"plate_names": "{row}-{column}-{channel}{skip}"}, "channel 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", NAMES)
def test_names_tell_wells(how: str, tmp_path: Path, through: Carry) -> None:
    name_of, told, first = NAMES[how]
    listed = places([(1, 1), (2, 1), (2, 3)], fields=1, channels=2)
    for at in listed:
        write_image(tmp_path / "in" / name_of(at), pixels_at(at))
    passage = through(tmp_path / "in", **told)
    assert [row["path"] for row in rows_of(passage)] == ["A/01/0", "B/01/0", "B/03/0"]
    for at in listed:
        assert (passage.pixels(image=f"{at.well[0]}/{at.well[1:]}/0")[0, at.channel - 1, 0] == pixels_at(at)).all()
    assert rows_of(passage)[0]["channels"][0] == first
    assert {*passage.codes} == {"IMG-020"}


def test_a_table_tells_the_treatment_of_each_well(tmp_path: Path, through: Carry) -> None:
    folder = write_imagexpress(tmp_path / "ix", places([(1, 1), (1, 2)], fields=2, channels=1))
    (folder / "layout.csv").write_text("well,treatment\nA1,untreated\nA02,Paclitaxel\n", encoding="utf-8")
    told = [(row["well"], row["field"], row["treatment"]) for row in rows_of(through(folder))]
    assert told == [
        ("A01", "1", "untreated"), ("A01", "2", "untreated"), ("A02", "1", "Paclitaxel"), ("A02", "2", "Paclitaxel"),
    ]  # fmt: skip


# --- what is missing or does not fit -----------------------------------------------------------------------------

FULL = places([(1, 1), (1, 2)], fields=2, channels=2, planes=2)
HOLE = At(1, 2, 2, 2, 2)


def without(*gone: At) -> list[At]:
    """All but some places."""
    return [at for at in FULL if at not in gone]


def changed(folder: Path, name: str, old: str, new: str) -> Path:
    """Change a file of a plate."""
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


def removed(folder: Path, name: str) -> Path:
    """Take a file out of a plate."""
    (folder / name).unlink()
    return folder


def plus(folder: Path, name: str, at: At = HOLE, pixels: np.ndarray | None = None) -> Path:
    """Add an image to a plate."""
    write_image(folder / name, pixels_at(at) if pixels is None else pixels)
    return folder


FAULTS: dict[str, tuple[Callable[[Path], Path], str, str]] = {
    "no such plane": (
        lambda p: write_cellvoyager(p, without(HOLE)), "IMG-045", "no image for channel 2 z2 of screen 7 A02 2",
    ),
    "no such plane anywhere else": (
        lambda p: write_imagexpress(p, [*FULL, At(1, 1, 1, 1, 3)], stack=True),
        "IMG-045", "no image for channel 1 z3 of",
    ),
    "listed, not there": (
        lambda p: removed(write_cellvoyager(p, FULL), cellvoyager_name(HOLE)), "IMG-054", cellvoyager_name(HOLE),
    ),
    "twice": (
        lambda p: plus(write_imagexpress(p, FULL[:1]), "sub/../" + imagexpress_name(FULL[0]).replace("77557", "77558")),
        "IMG-046", "the place of my_plate_A01_s1_w1",
    ),
    "other size": (
        lambda p: plus(write_cellvoyager(p, FULL), cellvoyager_name(HOLE), pixels=np.zeros((9, 9), np.uint16)),
        "IMG-043", "9 x 9 pixels",
    ),
    "no channel": (
        lambda p: write_cellvoyager(p, without(*(at for at in FULL if at[:4] == (1, 2, 1, 2)))),
        "IMG-044", "no image of GFP",
    ),
    "no field": (
        lambda p: write_cellvoyager(p, without(*(at for at in FULL if at[:3] == (1, 2, 2)))),
        "IMG-055", "no image of field 2 of well A02",
    ),
    "no well": (
        lambda p: write_cellvoyager(p, FULL, wanted=[(1, 1), (1, 2), (3, 5)]), "IMG-055", "no image of well C05",
    ),
    "microscope failed": (
        lambda p: write_cellvoyager(p, FULL, more=cellvoyager_record(At(1, 9), "ERR")),
        "IMG-055", "no image of A09 field 1 t1",
    ),
    "not on the plate": (lambda p: plus(write_cellvoyager(p, FULL), "overview.tif"), "IMG-056", "overview.tif"),
    "damaged index": (
        lambda p: changed(write_cellvoyager(p, FULL), "MeasurementData.mlf", "</bts:MeasurementData>", ""),
        "IMG-053", "XML that ends in",
    ),
    "odd index": (
        lambda p: changed(write_cellvoyager(p, FULL), "MeasurementData.mlf", 'bts:Row="1"', 'bts:Row="A"'),
        "IMG-053", "an attribute that is odd",
    ),
    "empty index": (
        lambda p: changed(plus(write_cellvoyager(p, FULL[:1]), "x.tif"), "MeasurementData.mlf", '"IMG"', '"ERR"'),
        "IMG-053", "no image in it",
    ),
    "entities": (
        lambda p: changed(write_cellvoyager(p, FULL), "my.mes", "<bts:M", '<!DOCTYPE a [<!ENTITY b "c">]><bts:M'),
        "XML-001", "DOCTYPE",
    ),
    "names that say nothing": (lambda p: plus(plus(p, "one.tif"), "two.tif"), "IMG-052", "2 images, such as one.tif"),
}  # fmt: skip


@pytest.mark.parametrize("what", FAULTS)
def test_what_is_missing_or_does_not_fit_is_a_finding_that_names_it(what: str, tmp_path: Path, through: Carry) -> None:
    make, code, words = FAULTS[what]
    passage = through(make(tmp_path / "in"))
    finding = only(passage, code)
    assert words in finding.found
    assert finding.where.startswith("in")
    if finding.level == "warning":
        assert len(rows_of(passage)) in (3, 4)


def test_a_broken_htd_and_a_pattern_that_is_none_are_said(tmp_path: Path, through: Carry) -> None:
    folder = write_imagexpress(tmp_path / "ix", FULL[:2])
    (folder / "a.HTD").write_text("no such thing", encoding="utf-8")
    assert 'no "HTSInfoFile"' in only(through(folder), "IMG-053").found
    assert only(through(folder, plate_names="{spot}"), "IMG-051").found == "{spot} is unknown"
    assert only(through(folder, plate_names="x{well}"), "IMG-052").found.startswith("2 images")


def test_a_plane_that_is_read_otherwise_a_second_time_holds_the_plate(
    tmp_path: Path, through: Carry, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_cellvoyager(tmp_path / "in", FULL)
    original = TiffReader.eager

    def wrong(reader: TiffReader, scene: int, wanted: Slices) -> np.ndarray:
        pixels = original(reader, scene, wanted)
        return pixels + (cellvoyager_name(HOLE) in reader.source.name)

    monkeypatch.setattr(TiffReader, "eager", wrong)
    finding = only(through(folder), "IMG-011")
    assert finding.where == "in: image 3"


# --- recognition -------------------------------------------------------------------------------------------------


def parts(folder: Path) -> list[str]:
    """What an upload without description is taken for."""
    return Sighting(uploaded(folder, RECOGNISER), RECOGNISER).parts()


def test_the_folder_of_one_plate_is_one_asset_and_that_of_two_is_two(tmp_path: Path) -> None:
    write_imagexpress(tmp_path / "screen/one/2026-01-01/17", FULL[:2])
    assert parts(tmp_path / "screen") == ["screen"]
    write_cellvoyager(tmp_path / "screen/two", FULL[:2])
    assert parts(tmp_path / "screen") == ["one", "two"]


def test_a_plate_does_not_swallow_data_that_lie_beside_its_folder(tmp_path: Path) -> None:
    write_cellvoyager(tmp_path / "screen/plate", FULL[:2])
    (tmp_path / "screen/TRACE.log").write_text("words", encoding="utf-8")
    assert parts(tmp_path / "screen") == ["screen"]
    (tmp_path / "screen/cells.h5ad").write_bytes(b"x")
    assert parts(tmp_path / "screen") == ["TRACE.log", "cells.h5ad", "plate"]


def test_a_folder_of_other_images_is_many_assets(tmp_path: Path) -> None:
    for name in ("a_blue.tif", "b_red.tif", "sample_B12.tif"):
        write_image(tmp_path / "in" / name, pixels_at(HOLE))
    assert len(parts(tmp_path / "in")) == 3


def test_a_listed_folder_of_images_is_a_plate_by_the_pattern_of_its_submitter(tmp_path: Path) -> None:
    write_image(tmp_path / "in/plate/a1-red.tif", pixels_at(HOLE))
    text = "study: {title: a}\nassets:\n  - file: plate\n    annotations: {plate_names: '{well}-{channel}'}\n"
    (tmp_path / "in/submission.yaml").write_text(text, encoding="utf-8")
    (asset,) = receive(tmp_path / "in", tmp_path / "inbox", RECOGNISER).assets
    assert (asset.format, asset.folder, asset.findings) == ("plate", "plate", ())
    located = tmp_path / "inbox" / asset.accession
    files = tuple(file.model_copy(update={"path": str(located / file.path)}) for file in asset.files)
    description = MODALITY.describe(asset.model_copy(update={"files": files}))
    assert isinstance(description, Description)
    assert [scene["facts"]["well"] for scene in description.facts["scenes"]] == ["A01"]
