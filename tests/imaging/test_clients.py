"""Products opened by clients that others wrote, bioio-ome-zarr and ome-zarr-py: pixels, names, sizes as they were."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import tifffile
import zarr
from bioio_ome_zarr import Reader
from ome_types import from_xml
from ome_zarr.utils import info
from PIL import Image

from catchment.config import ImagingConvert
from catchment.demonstration.image_sets import write_image_set

from .conftest import Carry, Passage, Write, carry, ramp
from .plate_files import At, pixels_at, places, write_cellvoyager


@pytest.fixture(scope="module")
def cm4ai(tmp_path_factory: pytest.TempPathFactory) -> Passage:
    folder = tmp_path_factory.mktemp("cm4ai")
    write_image_set(folder / "images.zip", seed=5)
    return carry(folder / "images.zip", folder / "out", ImagingConvert(thumbnail_px=16), pixel_size_um="0.08")


def test_an_image_opens_with_its_pixels_channels_and_sizes(write: Write, through: Carry) -> None:
    pixels = ramp(2, 3, 40, 50)
    told = {"axes": "CZYX", "Channel": {"Name": ["DAPI", "GFP"]}, "PhysicalSizeX": 0.3, "PhysicalSizeY": 0.4}
    passage = through(write(pixels, metadata={**told, "PhysicalSizeZ": 1.5}))
    opened = Reader(passage.store)
    assert (opened.data[0] == pixels).all()
    assert opened.channel_names == ["DAPI", "GFP"]
    assert tuple(opened.physical_pixel_sizes) == (1.5, 0.4, 0.3)
    (node,) = info(passage.store)
    assert [level.shape[-2:] for level in node.data] == [(40, 50)]


def test_each_field_of_a_zip_opens_with_its_pixels_and_what_is_known_of_it(cm4ai: Passage) -> None:
    rows: list[dict[str, Any]] = pq.read_table(cm4ai.folder / "images.parquet").to_pylist()
    document = from_xml((cm4ai.store / "OME/METADATA.ome.xml").read_text(encoding="utf-8"))
    series = zarr.open_group(cm4ai.store / "OME", mode="r").attrs.asdict()["ome"]["series"]
    assert len(series) == len(rows) == len(document.images) == 6
    with zipfile.ZipFile(cm4ai.asset.files[0].path) as archive:
        for path, row, image in zip(series, rows, document.images, strict=True):
            opened = Reader(cm4ai.store / path)
            theirs = [np.asarray(Image.open(io.BytesIO(archive.read(m["file"])))) for m in row["members"]]
            assert (opened.data[0, :, 0] == np.stack(theirs)).all()
            assert opened.channel_names == row["channels"]
            assert opened.physical_pixel_sizes.X == 0.08
            (node,) = info(cm4ai.store / path)
            assert node.data[0].shape == opened.shape
            known = dict(image.annotation_refs[0].ref.value.items())
            assert {"protein", "treatment", "antibody", "region"} <= set(known)
            assert {fact: row[fact] for fact in known} == known


def test_each_field_of_a_plate_opens_with_its_pixels(tmp_path: Path, through: Carry) -> None:
    listed = places([(1, 2), (3, 4)], fields=2, channels=2, planes=2)
    passage = through(write_cellvoyager(tmp_path / "plate", listed))
    for well in ("A/02", "C/04"):
        for field in (0, 1):
            opened = Reader(passage.store / well / str(field))
            assert opened.channel_names == ["405nm BP445/45", "GFP"]
            assert tuple(opened.physical_pixel_sizes) == (2.5, 0.65, 0.325)
            for c, z in np.ndindex(2, 2):
                row, column = ord(well[0]) - 64, int(well[2:])
                assert (opened.data[0, c, z] == pixels_at(At(row, column, field + 1, c + 1, z + 1))).all()


@pytest.mark.parametrize("dtype", ["int16", "float32", "uint8"])
def test_signed_and_float_pixels_of_either_byte_order_open_as_they_are(
    dtype: str, tmp_path: Path, through: Carry
) -> None:
    pixels = (ramp(30, 20, dtype=np.int64) - 120).astype(dtype)
    for order in "<>":
        path = tmp_path / f"order{ord(order)}.tif"
        tifffile.imwrite(path, pixels, byteorder=order, photometric="minisblack")
        opened = Reader(through(path).store)
        assert (opened.dtype, (opened.data.squeeze() == pixels).all()) == (np.dtype(dtype), True)
