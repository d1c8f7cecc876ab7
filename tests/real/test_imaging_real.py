"""Real images, converted and compared level 0 by level 0 with tifffile or Pillow; bad files held, never raised on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import ome_zarr_models
import pytest
import tifffile
import zarr
from PIL import Image

from catchment import isolation
from catchment.config import ImagingConvert
from catchment.isolation import Limits
from catchment.modalities import convert_asset, inspect_asset
from catchment.schema.records import Description, Product
from tests.imaging.conftest import asset_of, carry

FILES = Path(__file__).parents[2].parent / "shared" / "data" / "imaging"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FILES.is_dir(), reason="the real images are not in ../shared/data/imaging"),
]
DEFAULT = ImagingConvert()


def files_in(*folders: str) -> list[str]:
    """Every file of some folders, relative to the folder of real images."""
    return sorted(str(path.relative_to(FILES)) for folder in folders for path in (FILES / folder).glob("*"))


def seen_by_others(path: Path) -> np.ndarray:
    """An image as tifffile or Pillow has it: pages first, then y, x; samples moved before them."""
    if path.suffix == ".png":
        with Image.open(path) as image:
            return np.moveaxis(np.asarray(image), -1, 0)
    with tifffile.TiffFile(path) as tiff:
        series = tiff.series[0]
        pixels = series.asarray()
        return np.moveaxis(pixels, -1, -3) if series.axes.endswith("S") else pixels


@pytest.mark.parametrize("name", files_in("ome-tiff", "tiff", "png", "hcs_sbs"))
def test_level_0_is_what_others_read(name: str, tmp_path: Path) -> None:
    passage = carry(FILES / name, tmp_path / "out", settings=DEFAULT)
    assert not passage.held, passage.findings
    expected, level = seen_by_others(FILES / name), passage.pixels()
    assert level.dtype == expected.dtype.newbyteorder("=")
    assert level.squeeze().tobytes() == np.ascontiguousarray(expected.astype(level.dtype)).tobytes()
    ome_zarr_models.open_ome_zarr(zarr.open_group(passage.store, mode="r"))


@pytest.mark.parametrize("name", ["wsi/CMU-1-Small-Region.svs", "wsi/kidney-48-5.tif"])
def test_slides_are_converted_image_by_image(name: str, tmp_path: Path) -> None:
    passage = carry(FILES / name, tmp_path / "out", settings=DEFAULT)
    assert not passage.held, passage.findings
    with tifffile.TiffFile(FILES / name) as tiff:
        for number, series in enumerate(tiff.series):
            level = passage.pixels(image=str(number) if len(tiff.series) > 1 else "")
            assert (np.moveaxis(level[0, :, 0], 0, -1) == series.asarray()).all()


@pytest.mark.parametrize("name", [name for name in files_in("bad") if "small.svs" not in name])
def test_bad_files_are_held_with_a_finding(name: str, tmp_path: Path) -> None:
    passage = carry(FILES / name, tmp_path / "out")
    assert passage.held
    assert all(finding.code.startswith("IMG-") for finding in passage.findings)


def test_a_very_small_slide_is_no_bad_file(tmp_path: Path) -> None:
    assert not carry(FILES / "bad/small.svs", tmp_path / "out").held


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
