"""What follows a conversion: metrics, side-cars, the derived view, the contribution, the estimate."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from catchment.config import ImagingConvert, ImagingNormalise
from catchment.imaging import MODALITY
from catchment.schema.records import Description, Product, Sample
from catchment.storage import Place

from .conftest import Carry, Passage, Write, ramp

SAMPLE = Sample(
    id="h1",
    accession="CAT00000001D.S0001",
    organism_ontology_term_id="NCBITaxon:9606",
    tissue_ontology_term_id="UBERON:0002107",
    tissue_type="tissue",
)


@pytest.fixture
def stack(write: Write, through: Carry) -> Passage:
    pixels = np.zeros((3, 2, 20, 30), np.uint16)
    pixels[0] = np.arange(600).reshape(20, 30)
    pixels[1, :, :10] = 4095
    path = write(
        pixels, metadata={"axes": "CZYX", "SignificantBits": 12, "Channel": {"Name": ["DAPI", "ALB", "empty"]}}
    )
    return through(path, samples=(SAMPLE, SAMPLE.model_copy(update={"id": "h2", "tissue_type": "organoid"})))


def test_metrics_are_those_of_the_pixels(stack: Passage) -> None:
    metrics = stack.dataset().metrics
    assert metrics["channel_means"] == [299.5, 2047.5, 0]
    assert {name: metrics[name] for name in ("n_images", "n_planes", "n_channels", "size_z", "size_x", "dtype")} == {
        "n_images": 1,
        "n_planes": 6,
        "n_channels": 3,
        "size_z": 2,
        "size_x": 30,
        "dtype": "uint16",
    }
    assert (metrics["min"], metrics["max"], metrics["mean"]) == (0, 4095, pytest.approx((299.5 + 2047.5) / 3))
    assert (metrics["saturated_fraction"], metrics["empty_channels"]) == (0.5, 1)


def test_floats_have_no_saturation(write: Write, through: Carry) -> None:
    passage = through(write(ramp(9, 9, dtype=np.float32), metadata={"axes": "YX"}))
    assert passage.dataset().metrics["saturated_fraction"] is None


def test_the_sources_own_metadata_is_kept(stack: Passage) -> None:
    assert isinstance(stack.product, Product)
    assert set(stack.product.side_cars) == {"channels", "histograms", "planes", "thumbnail", "ome_xml"}
    assert b'Name="DAPI"' in (stack.folder / stack.product.side_cars["ome_xml"]).read_bytes()


def test_the_derived_view_is_a_recipe_between_percentiles(stack: Passage, tmp_path: Path) -> None:
    (tmp_path / "view").mkdir()
    settings = ImagingNormalise(low_percentile=10, high_percentile=90)
    derived = MODALITY.normalise(
        stack.dataset(), stack.asset, Place(str(stack.folder)), Place(str(tmp_path / "view")), settings
    )
    written = json.loads((tmp_path / "view" / derived.side_cars["intensity_windows"]).read_text())
    assert written == derived.recipe
    windows = {window["name"]: (window["low"], window["high"]) for window in written["windows"]}
    assert windows == {"DAPI": (59, 539), "ALB": (0, 4095), "empty": (None, None)}


def test_the_target_of_an_antibody_is_what_the_image_measures(stack: Passage, tmp_path: Path) -> None:
    (tmp_path / "view").mkdir()
    asset = stack.asset.model_copy(update={"annotations": {"antibody_target": "USP7"}})
    store, view = Place(str(stack.folder)), Place(str(tmp_path / "view"))
    derived = MODALITY.normalise(stack.dataset(), asset, store, view, ImagingNormalise())
    rows = pq.read_table(view.path / derived.side_cars["features"]).to_pylist()
    assert rows == [{"kind": "protein", "feature_id": None, "gene": "USP7"}]


def test_the_derived_view_leaves_the_archival_dataset_alone(stack: Passage, tmp_path: Path) -> None:
    before = stack.dataset().files
    (tmp_path / "view").mkdir()
    MODALITY.normalise(
        stack.dataset(), stack.asset, Place(str(stack.folder)), Place(str(tmp_path / "view")), ImagingNormalise()
    )
    assert stack.dataset().files == before


def test_the_contribution_counts_channels_and_names_terms(stack: Passage) -> None:
    contribution = MODALITY.contribute(stack.dataset(), stack.asset, Place(str(stack.folder)))
    assert contribution.counts == {"images": 1, "planes": 6, "channels": 3}
    assert contribution.terms == {
        "organism_ontology_term_id": ("NCBITaxon:9606",),
        "tissue_ontology_term_id": ("UBERON:0002107",),
        "tissue_type": ("organoid", "tissue"),
        "assay_ontology_term_id": ("EFO:0002909",),
    }
    assert [(m.id, m.label, m.count, m.unit, m.analyte) for m in contribution.measurements] == [
        ("CAT00000001D.D0001.C0001", "DAPI", 2, "planes", "morphology"),
        ("CAT00000001D.D0001.C0002", "ALB", 2, "planes", "morphology"),
        ("CAT00000001D.D0001.C0003", "empty", 2, "planes", "morphology"),
    ]


def test_an_antibody_says_that_the_image_shows_a_protein(write: Write, through: Carry) -> None:
    passage = through(write(ramp(9, 9), metadata={"axes": "YX"}), antibody="anti-ALB")
    assert MODALITY.contribute(passage.dataset(), passage.asset, Place(str(passage.folder))).analyte == "protein"


def test_the_thumbnail_shows_bright_pixels_in_the_colours_of_their_channels(write: Write, through: Carry) -> None:
    pixels = np.zeros((2, 3, 40, 80), np.uint16)
    pixels[0, 1, :, :20] = 500
    pixels[1, 2, :, 60:] = 900
    settings = ImagingConvert(chunk_yx=16, shard_yx=32, shard_z=2, thumbnail_px=40)
    passage = through(write(pixels, metadata={"axes": "CZYX"}), settings=settings)
    assert isinstance(passage.product, Product)
    data = (passage.folder / passage.product.side_cars["thumbnail"]).read_bytes()
    thumbnail = np.asarray(Image.open(io.BytesIO(data)))
    assert thumbnail.shape == (20, 40, 3)
    assert thumbnail[10, 5].tolist() == [0, 0, 255]
    assert thumbnail[10, 20].tolist() == [0, 0, 0]
    assert thumbnail[10, 35].tolist() == [0, 255, 0]


def test_the_thumbnail_of_a_photograph_is_the_photograph(tmp_path: Path, through: Carry) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (10, 12, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    passage = through(tmp_path / "a.png")
    assert isinstance(passage.product, Product)
    thumbnail = Image.open(passage.folder / passage.product.side_cars["thumbnail"])
    assert (np.asarray(thumbnail) == pixels).all()


def test_the_estimate_grows_with_the_image_but_its_memory_is_bounded(stack: Passage) -> None:
    assert isinstance(stack.description, Description)
    small = MODALITY.estimate(stack.description)
    scene = {"shape": [1, 3, 400, 20_000, 20_000], "bytes": 3 * 400 * 20_000**2 * 2, "samples_per_pixel": 1}
    facts = {**stack.description.facts, "scenes": [scene]}
    large = MODALITY.estimate(stack.description.model_copy(update={"facts": facts}))
    assert small.memory_mb < large.memory_mb < 4_000
    assert large.pieces > 1_000 * small.pieces
