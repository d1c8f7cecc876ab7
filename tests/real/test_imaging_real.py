"""Real images: each has the outcome that docs/formats.md tells; cut ones are held, never raised on."""

from __future__ import annotations

from pathlib import Path

import ome_zarr_models
import pytest
import tifffile
import zarr

from catchment import isolation
from catchment.config import ImagingConvert
from catchment.isolation import Limits
from catchment.modalities import convert_asset, inspect_asset
from catchment.schema.records import Description, Product
from catchment.schema.rules import RULES
from tests.imaging.conftest import asset_of, carry
from tests.real.imaging_outcomes import (
    FILES,
    PLATE_FOLDERS,
    asked_files,
    gpl_is_there,
    opinions_of,
    outcome_of,
    outcome_of_plate,
    plate_planes,
    real_files,
)
from tests.real.outcomes import FORMATS, table_of, without_version

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FILES.is_dir(), reason="the real images are not in ../shared/data/imaging"),
]
DEFAULT = ImagingConvert()


def files_in(*folders: str) -> list[str]:
    """Every file of some folders, relative to the folder of real images."""
    return sorted(str(path.relative_to(FILES)) for folder in folders for path in (FILES / folder).glob("*"))


@pytest.fixture(scope="module")
def told() -> dict[str, list[str]]:
    """The table of docs/formats.md, without the readers' versions."""
    return table_of(FORMATS, "imaging")


@pytest.mark.parametrize("name", real_files())
def test_the_outcome_is_the_one_in_the_table(name: str, tmp_path: Path, told: dict[str, list[str]]) -> None:
    assert outcome_of(name, tmp_path / "out").cells(version=False) == without_version(told[name])


def test_the_table_of_opinions_names_every_image_that_is_asked_about() -> None:
    assert list(table_of(FORMATS, "opinions")) == asked_files()


# a colour image, a mosaic on which two readers differ, wavelengths, and what no reader can make whole
ASKED_EACH_TIME = ("czi/RGB-8bit.czi", "czi/S3_1Pos_2Mosaic", "lif/", "wsi/")


@pytest.mark.skipif(not gpl_is_there(), reason="the optional readers are not built: make readers ACCEPT_LICENCES=gpl")
@pytest.mark.parametrize(
    "name",
    [
        name if name.startswith(ASKED_EACH_TIME) else pytest.param(name, marks=pytest.mark.long)
        for name in asked_files()
    ],
)
def test_independent_readers_say_what_the_table_says(name: str) -> None:
    assert opinions_of(name) == table_of(FORMATS, "opinions")[name]


def test_the_table_names_every_real_image(told: dict[str, list[str]]) -> None:
    planes = {name.partition(" (")[0] for name in told if name.endswith(" planes)")}
    assert {name for name in told if not name.endswith((" planes)", "/"))} == set(real_files())
    assert planes == set(plate_planes())
    assert [name for name in told if name.endswith("/")] == [f"{folder}/" for folder in PLATE_FOLDERS]


@pytest.mark.parametrize("folder", PLATE_FOLDERS)
def test_a_plate_has_the_outcome_of_the_table(folder: str, tmp_path: Path, told: dict[str, list[str]]) -> None:
    assert outcome_of_plate(folder, tmp_path / "out").cells(version=False) == without_version(told[f"{folder}/"])


@pytest.mark.parametrize("plate", sorted(plate_planes()))
def test_planes_of_plates_have_the_outcome_of_the_table(plate: str, tmp_path: Path, told: dict[str, list[str]]) -> None:
    planes = plate_planes()[plate]
    lines = [without_version(cells) for name, cells in told.items() if name.startswith(f"{plate} (")]
    for number, name in enumerate(planes[:: max(1, len(planes) // 5)]):
        assert outcome_of(name, tmp_path / str(number)).cells(version=False) in lines


@pytest.mark.parametrize("name", ["ome-tiff/s_1_t_1_c_1_z_1.ome.tiff", "czi/S3_1Pos_2Mosaic_T1_Z1_CH1.czi"])
def test_what_is_written_is_valid_ome_zarr(name: str, tmp_path: Path) -> None:
    passage = carry(FILES / name, tmp_path / "out", settings=DEFAULT)
    images = [passage.store / str(number) for number in range(3)] if "S3" in name else [passage.store]
    for image in images:
        ome_zarr_models.open_ome_zarr(zarr.open_group(image, mode="r"))


def test_a_scan_is_published_without_the_pictures_of_its_slide(tmp_path: Path) -> None:
    passage = carry(FILES / "wsi/CMU-1-Small-Region.svs", tmp_path / "out", settings=DEFAULT)
    assert isinstance(passage.description, Description)
    assert passage.description.facts["n_scenes"] == 1
    (finding,) = [finding for finding in passage.findings if finding.code == "IMG-022"]
    assert (finding.found, RULES["IMG-022"].unsafe) == ("Thumbnail, Label, Macro", True)


def test_a_data_set_that_names_someone_says_so_without_the_name(tmp_path: Path) -> None:
    passage = carry(FILES / "dicom/SC1_JLSN.dcm", tmp_path / "out", settings=DEFAULT)
    (finding,) = [finding for finding in passage.findings if finding.code == "IMG-023"]
    assert finding.found == "PatientName, PatientID"


@pytest.mark.parametrize("part", [0.01, 0.3, 0.6, 0.9, 0.995])
@pytest.mark.parametrize(
    "name",
    [
        "czi/CellDivision_T3_Z5_CH2_X240_Y170_comp1.czi",
        "czi/mosaic_test.czi",
        "dicom/OT-MONO2-8-colon.dcm",
        "lif/LeicaLASX_wavelength-sweep_example.lif",
        "mrc/EMD-3001.map.bz2",
        "mrc/EMD-3197.map",
        "mrc/emd_3197.map.gz",
        "nd2/cluster.nd2",
        "spe/spestack_test.spe",
    ],
)
def test_a_real_file_that_was_cut_is_always_held(name: str, part: float, tmp_path: Path) -> None:
    data = (FILES / name).read_bytes()
    cut = tmp_path / Path(name).name
    cut.write_bytes(data[: int(len(data) * part)])
    assert carry(cut, tmp_path / "out").held


def test_a_calibrated_image_has_its_pixel_size_and_uncalibrated_ones_have_none(tmp_path: Path) -> None:
    sizes = {}
    for name in ("ome-tiff/s_1_t_1_c_1_z_1.ome.tiff", "ome-tiff/FOV7_HV110_P0500510000.ome.tiff", "tiff/multipage.tif"):
        passage = carry(FILES / name, tmp_path / Path(name).stem)
        assert isinstance(passage.description, Description)
        sizes[name] = passage.description.facts["physical_size_um"]["x"]  # type: ignore[index,call-overload]
        assert ("IMG-020" in passage.codes) == (sizes[name] is None)
    assert sizes == {
        "ome-tiff/s_1_t_1_c_1_z_1.ome.tiff": pytest.approx(1.0833, abs=1e-4),
        "ome-tiff/FOV7_HV110_P0500510000.ome.tiff": None,
        "tiff/multipage.tif": None,
    }


def test_a_movie_whose_pages_are_unnamed_is_said_to_be_assumed(tmp_path: Path) -> None:
    passage = carry(FILES / "tiff/calcium_imaging.tif", tmp_path / "out", settings=DEFAULT)
    assert "IMG-021" in passage.codes
    assert passage.pixels().shape == (1000, 1, 1, 30, 40)


def end_of_use(path: Path) -> int:
    """Return the byte after the last one that pixels or directories of a one-page TIFF use."""
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        ends = [offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)]
        return max(*ends, *(tag.valueoffset + tag.valuebytecount for tag in page.tags), page.offset + 2)


@pytest.mark.parametrize("part", [0.02, 0.1, 0.4, 0.7, 0.9, 0.999])
@pytest.mark.parametrize("name", files_in("ome-tiff"))
def test_a_real_ome_tiff_that_was_cut_is_always_held(name: str, part: float, tmp_path: Path) -> None:
    cut = tmp_path / Path(name).name
    cut.write_bytes((FILES / name).read_bytes()[: int(end_of_use(FILES / name) * part)])
    assert carry(cut, tmp_path / "out").held


def test_bytes_that_nothing_uses_may_be_missing(tmp_path: Path) -> None:
    name = "ome-tiff/s_1_t_1_c_1_z_1.ome.tiff"
    end = end_of_use(FILES / name)
    data = (FILES / name).read_bytes()
    assert end < len(data) / 2
    (tmp_path / "cut.ome.tiff").write_bytes(data[:end])
    passage = carry(tmp_path / "cut.ome.tiff", tmp_path / "out")
    assert (passage.pixels().squeeze() == tifffile.imread(FILES / name)).all()


def test_a_confined_child_admits_and_converts(tmp_path: Path) -> None:
    asset = asset_of(FILES / "ome-tiff/s_1_t_1_c_1_z_1.ome.tiff")
    limits = Limits(memory_mb=4_000)
    inspection = isolation.call(inspect_asset, asset, str(tmp_path), {}, limits=limits)
    assert inspection.findings == ()
    made = isolation.call(convert_asset, asset, inspection.description, str(tmp_path), {}, limits=limits)
    assert isinstance(made.product, Product)
    assert (tmp_path / made.product.path / "zarr.json").exists()
    assert made.metrics["size_x"] == 475
