"""What is measured of planes and of light, against numpy's, scipy's and scikit-image's own ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import ome_zarr_models
import pyarrow.parquet as pq
import pytest
import zarr
from scipy import ndimage
from skimage.measure import block_reduce

from catchment.config import ImagingConvert, ImagingNormalise, Limit
from catchment.imaging import MODALITY
from catchment.imaging.illumination import SmoothField, field_of, flatness, grid_of
from catchment.imaging.planes import sharpness
from catchment.quality import judge
from catchment.storage import Place, stored_files

from .conftest import Carry, Write

RANDOM = np.random.default_rng(3)


def test_focus_is_the_variance_of_the_laplacian_over_the_squared_mean() -> None:
    plane = RANDOM.integers(0, 4000, (700, 61), dtype=np.uint16)
    inside = ndimage.laplace(plane.astype(np.float64))[1:-1, 1:-1]
    assert sharpness(plane).focus(plane.mean()) == pytest.approx(inside.var() / plane.mean() ** 2, rel=1e-6)


def test_a_blurred_plane_is_less_sharp_and_exposure_does_not_count() -> None:
    plane = RANDOM.integers(100, 4000, (90, 80)).astype(np.float32)
    blurred = ndimage.gaussian_filter(plane, 2)
    sharp, dull, bright = (sharpness(each).focus(float(each.mean())) for each in (plane, blurred, plane * 3))
    assert sharp is not None and dull is not None
    assert sharp > 20 * dull
    assert bright == pytest.approx(sharp, rel=1e-4)


def test_blocks_are_those_of_scikit_image() -> None:
    plane = RANDOM.integers(0, 255, (64, 128), dtype=np.uint8)
    grid = grid_of(plane)
    assert grid is not None
    assert np.allclose(np.reshape(grid, (8, 8)), block_reduce(plane, (8, 16), np.mean))


def test_vignetting_is_found_under_cells_and_an_even_field_is_even() -> None:
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    light = 1 - 0.3 * (x**2 + y**2)
    planes = [1000 + 500 * (ndimage.gaussian_filter(RANDOM.normal(size=(128, 128)), 3) > 0.1) for _ in range(60)]
    grids = [grid_of((plane * light).astype(np.uint16)) for plane in planes]
    field = field_of(grid for grid in grids if grid)
    even = field_of(grid for grid in (grid_of(plane.astype(np.uint16)) for plane in planes) if grid)
    assert field is not None and even is not None
    assert flatness(field) < 0.75 < 0.9 < flatness(even)
    smooth = SmoothField(field).at((128, 128), slice(0, 128), slice(0, 128))
    assert np.abs(smooth / smooth.mean() - light / light.mean()).max() < 0.06


def test_a_flat_field_is_taken_out_and_the_archival_pixels_stay(write: Write, through: Carry, tmp_path: Path) -> None:
    y, x = np.mgrid[-1:1:96j, -1:1:80j]
    even = RANDOM.integers(900, 1100, (40, 96, 80))
    lit = np.rint(even * (1 - 0.3 * (x**2 + y**2))).astype(np.uint16)
    passage = through(write(lit, metadata={"axes": "TYX"}))
    dataset, archival = passage.dataset(), stored_files(passage.folder)
    assert (
        isinstance(dataset.metrics["illumination_flatness"], float) and dataset.metrics["illumination_flatness"] < 0.8
    )
    (tmp_path / "view").mkdir()
    derived = MODALITY.normalise(
        dataset,
        passage.asset,
        Place(str(passage.folder)),
        Place(str(tmp_path / "view")),
        ImagingNormalise(flat_field=True),
    )
    assert stored_files(passage.folder) == archival
    told: Any = derived.recipe["flat_field"]
    root = zarr.open_group(tmp_path / "view" / told["path"], mode="r")
    ome_zarr_models.open_ome_zarr(root)
    image: Any = root["0"]
    flat = np.asarray(image[...])[:, 0, 0].astype(float)
    shares = flat.mean(0) / even.mean(0)
    assert (
        shares.max() / shares.min()
        < 1.05
        < 1.5
        < (lit.mean(0) / even.mean(0)).max() / (lit.mean(0) / even.mean(0)).min()
    )


def test_planes_are_told_one_by_one(write: Write, through: Carry) -> None:
    pixels = RANDOM.integers(10, 3000, (2, 5, 40, 50), dtype=np.uint16)
    pixels[0, 3] = pixels[0, 1]
    pixels[1, 2] = 7
    passage = through(
        write(pixels, metadata={"axes": "CZYX", "SignificantBits": 11}), settings=ImagingConvert(shard_z=2)
    )
    rows = pq.read_table(passage.folder / "planes.parquet").to_pylist()
    assert [(row["c"], row["z"]) for row in rows] == [(c, z) for c in range(2) for z in range(5)]
    for row in rows:
        plane = pixels[row["c"], row["z"]]
        assert (row["min"], row["max"], row["mean"]) == (plane.min(), plane.max(), pytest.approx(plane.mean()))
        percents = [row[name] for name in ("percentile_1", "background", "median", "percentile_99")]
        assert percents == np.percentile(plane, [1, 5, 50, 99], method="inverted_cdf").tolist()
        assert row["saturated_fraction"] == (plane >= 2047).mean()
        inside = ndimage.laplace(plane.astype(float))[1:-1, 1:-1]
        assert row["focus"] == pytest.approx(inside.var() / plane.mean() ** 2, rel=1e-6)
    assert [row["repeats_plane"] for row in rows] == [None] * 3 + [1] + [None] * 6
    assert [row["empty"] for row in rows] == [False] * 7 + [True] + [False] * 2
    metrics = passage.dataset().metrics
    assert (metrics["empty_planes"], metrics["repeated_planes"]) == (1, 1)
    assert {finding.where for finding in judge(metrics, ImagingConvert().limits)} == {
        "empty_planes",
        "repeated_planes",
        "saturated_fraction",
    }
    assert judge(metrics, {"illumination_flatness": Limit(min=1)})[0].code == "QC-001"


def test_an_ome_zarr_of_0_4_is_read_by_ome_zarr_models(write: Write, through: Carry, tmp_path: Path) -> None:
    pixels = RANDOM.integers(0, 999, (2, 3, 300, 280), dtype=np.uint16)
    settings = ImagingConvert(chunk_yx=64, shard_yx=128, shard_z=2, ome_zarr_version="0.4")
    passage = through(write(pixels, metadata={"axes": "CZYX"}), settings=settings)
    root = zarr.open_group(passage.store, mode="r", zarr_format=2)
    group = ome_zarr_models.open_ome_zarr(root)
    assert type(group).__module__.startswith("ome_zarr_models.v04")
    assert root.attrs["multiscales"][0]["version"] == "0.4"
    assert (passage.pixels()[0] == pixels).all()
    assert (passage.store / "0/0/1/2/4/4").is_file()
