"""A spatial dataset has a scene that tiledbsoma's own spatial API reads: spots, images, and one upon the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pytest
import tiledbsoma

from catchment.schema.records import Product

from .conftest import Kitchen
from .variants import beads, sections, visium

SPOTS = 30
HIRES_SCALE = 0.25


def section(spots: int = SPOTS, **images: np.ndarray) -> anndata.AnnData:
    """Return a small Visium section: a spot every 20 pixels of an image of 160 x 120, the corner of one dark."""
    adata = visium(spots)
    across = np.arange(spots)
    adata.obsm["spatial"] = np.column_stack([across % 6 * 20 + 10.5, across // 6 * 20 + 30.0])
    full = np.random.default_rng(1).integers(0, 256, (160, 120, 3), dtype=np.uint8)
    levels = images or {"hires": full[::4, ::4].copy(), "fullres": full}
    factors = {"spot_diameter_fullres": 17.0, "tissue_hires_scalef": HIRES_SCALE}
    adata.uns["spatial"] = {"is_single": True, "V1_Brain": {"images": levels, "scalefactors": factors}}
    return adata


def converted(kitchen: Kitchen, adata: anndata.AnnData) -> tuple[Product, Path, Path]:
    path = kitchen.h5ad(adata=adata)
    product, place = kitchen.convert(path)
    assert isinstance(product, Product), product
    assert product.findings == ()
    return product, place.path / product.path, path


def test_spots_are_a_point_cloud_where_the_file_has_them(kitchen: Kitchen) -> None:
    adata = section()
    product, soma, _ = converted(kitchen, adata)
    assert product.facts["scene"] == "V1_Brain"
    with tiledbsoma.open(str(soma)) as experiment:
        scene = experiment.spatial["V1_Brain"]
        assert [(axis.name, axis.unit) for axis in scene.coordinate_space] == [("x", "pixels"), ("y", "pixels")]
        spots = scene.obsl["loc"]
        table = spots.read().concat().to_pandas().sort_values("soma_joinid")
        np.testing.assert_array_equal(table[["x", "y"]], adata.obsm["spatial"])
        assert table["soma_joinid"].tolist() == list(range(SPOTS))
        assert (spots.metadata["soma_geometry_type"], spots.metadata["soma_geometry"]) == ("radius", 8.5)
        corner = spots.read_spatial_region([0, 0, 31, 31]).data.concat().to_pandas()
        assert sorted(corner["soma_joinid"]) == [0, 1]
        present = experiment["obs_spatial_presence"].read().concat().to_pandas()
        assert present["soma_joinid"].tolist() == list(range(SPOTS))
        assert set(present["scene_id"]) == {"V1_Brain"}
        assert present["data"].all()
        np.testing.assert_array_equal(experiment.ms["RNA"].obsm["spatial"].read().to_numpy(), adata.obsm["spatial"])


def test_images_are_levels_of_one_and_are_kept_once(kitchen: Kitchen) -> None:
    adata = section()
    images = adata.uns["spatial"]["V1_Brain"]["images"]
    _, soma, _ = converted(kitchen, adata)
    with tiledbsoma.open(str(soma)) as experiment:
        scene = experiment.spatial["V1_Brain"]
        image = scene.img["V1_Brain"]
        assert (image.level_count, image.level_shape(0), image.level_shape(1)) == (2, (160, 120, 3), (40, 30, 3))
        for name, expected in images.items():
            np.testing.assert_array_equal(image[name].read().to_numpy(), expected)
        assert image.metadata["tissue_hires_scalef"] == HIRES_SCALE
        # a region is asked for in pixels of the largest level, whichever level is read; its bounds are inside
        for name, step in (("fullres", 1), ("hires", 4)):
            read = image.read_spatial_region(name, [72, 52, 92, 72])
            rows, columns = (slice(first // step, last // step + 1) for first, last in ((52, 72), (72, 92)))
            np.testing.assert_array_equal(read.data.to_numpy(), images[name][rows, columns])
        uns = experiment.ms["RNA"]["uns"]["spatial"]["V1_Brain"]
        assert "images" not in uns or not list(uns["images"])
        assert uns["scalefactors"].metadata["spot_diameter_fullres"] == 17.0


def test_a_spot_is_found_on_an_image_that_is_smaller_than_the_slide(kitchen: Kitchen) -> None:
    adata = section(hires=np.zeros((40, 30, 3), np.uint8), lowres=np.zeros((8, 6, 3), np.uint8))
    _, soma, _ = converted(kitchen, adata)
    with tiledbsoma.open(str(soma)) as experiment:
        scene = experiment.spatial["V1_Brain"]
        assert list(scene.get_transform_to_multiscale_image("V1_Brain").scale_factors) == [HIRES_SCALE, HIRES_SCALE]
        assert isinstance(scene.get_transform_to_point_cloud_dataframe("loc"), tiledbsoma.IdentityTransform)
        smallest = scene.get_transform_to_multiscale_image("V1_Brain", level="lowres")
        np.testing.assert_allclose(smallest.scale_factors, [0.05, 0.05])


def test_beads_have_a_scene_without_images(kitchen: Kitchen) -> None:
    adata = beads()
    adata.obsm["spatial"] = np.array([[1.5, -2], [3, 4], [3, 4], [0, 0]])
    product, soma, path = converted(kitchen, adata)
    assert product.facts["scene"] == "section"
    assert "SOMA-003" not in kitchen.codes(path)
    with tiledbsoma.open(str(soma)) as experiment:
        table = experiment.spatial["section"].obsl["loc"].read().concat().to_pandas().sort_values("soma_joinid")
        np.testing.assert_array_equal(table[["x", "y"]], adata.obsm["spatial"])
        assert list(experiment.spatial["section"].img) == []


def two_libraries() -> anndata.AnnData:
    adata = section()
    adata.uns["spatial"]["V1_Heart"] = adata.uns["spatial"]["V1_Brain"]
    return adata


def without(part: str, key: str) -> Callable[[], anndata.AnnData]:
    def made() -> anndata.AnnData:
        adata = section()
        del getattr(adata, part)[key]
        return adata

    return made


def nowhere() -> anndata.AnnData:
    adata = section()
    adata.obsm["spatial"][3, 1] = np.nan
    return adata


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (sections, "no obsm['spatial'] with two columns"),
        (two_libraries, "several libraries: 'V1_Brain', 'V1_Heart'"),
        (without("uns", "spatial"), "positions, but no uns['spatial']"),
        (without("obsm", "spatial"), "no obsm['spatial'] with two columns"),
        (nowhere, "positions that are no numbers"),
    ],
)
def test_where_the_data_lack_a_scene_it_is_said(kitchen: Kitchen, make: Any, found: str) -> None:
    path = kitchen.h5ad(adata=make())
    (finding,) = (one for one in kitchen.findings(path) if one.code == "SOMA-003")
    assert (finding.level, finding.where, finding.found) == ("info", "uns/spatial", found)


def test_several_sections_in_one_dataset_have_no_scene(kitchen: Kitchen) -> None:
    adata = section()
    adata.uns["spatial"]["is_single"] = False
    product, soma, path = converted(kitchen, adata)
    assert [one.found for one in kitchen.findings(path) if one.code == "SOMA-003"] == [
        "several sections in one dataset (is_single is False)"
    ]
    assert "scene" not in product.facts
    with tiledbsoma.open(str(soma)) as experiment:
        assert "spatial" not in experiment
        images = experiment.ms["RNA"]["uns"]["spatial"]["V1_Brain"]["images"]
        assert sorted(images) == ["fullres", "hires"]


def test_another_place_or_pixel_or_scale_gives_another_digest(kitchen: Kitchen) -> None:
    moved, painted, scaled = section(), section(), section()
    moved.obsm["spatial"][4, 0] += 1
    painted.uns["spatial"]["V1_Brain"]["images"]["hires"][0, 0, 0] ^= 1
    scaled.uns["spatial"]["V1_Brain"]["scalefactors"]["spot_diameter_fullres"] = 18.0
    digests = set()
    for number, adata in enumerate((section(), moved, painted, scaled)):
        product, _ = kitchen.convert(kitchen.h5ad(adata=adata), f"out{number}")
        assert isinstance(product, Product)
        digests.add(product.logical_digest)
    assert len(digests) == 4
