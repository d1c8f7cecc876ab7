"""Conversions, read back with zarr alone and compared with what tifffile or Pillow were given, pixel by pixel."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import ome_zarr_models
import pyarrow.parquet as pq
import pytest
import tifffile
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader
from ome_zarr_models.v05.bioformats2raw import BioFormats2Raw
from PIL import Image

from catchment import compute
from catchment.config import ImagingConvert
from catchment.imaging import MODALITY, layout
from catchment.imaging.pyramid import halve
from catchment.imaging.shards import LevelFiles
from catchment.schema.records import Description, Product, Unreadable
from catchment.storage import Place, stored_files

from .conftest import Carry, Passage, Write, carry, ramp

convert_module = importlib.import_module("catchment.imaging.convert")
DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]


def written(passage: Passage) -> Product:
    """The product of a passage that no error stopped."""
    assert not passage.held, passage.findings
    assert isinstance(passage.product, Product)
    return passage.product


@given(
    shape=st.tuples(*(st.integers(1, most) for most in (3, 3, 4, 70, 70))),
    dtype=st.sampled_from(DTYPES),
    order=st.sampled_from("<>"),
    how=st.sampled_from(["strips", "tiles", "zlib", "tiles zlib"]),
    seed=st.integers(0, 100),
)
@settings(max_examples=25)
def test_level_0_is_the_source_bit_by_bit(
    tmp_path_factory: pytest.TempPathFactory, shape: tuple, dtype: str, order: str, how: str, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("random")
    raw = np.random.default_rng(seed).integers(0, 256, (*shape, np.dtype(dtype).itemsize), dtype=np.uint8)
    pixels = raw.view(dtype)[..., 0]
    path = folder / "image.ome.tif"
    tifffile.imwrite(
        path,
        pixels,
        ome=True,
        byteorder=order,
        photometric="minisblack",
        metadata={"axes": "TCZYX"},
        tile=(16, 32) if "tiles" in how else None,
        compression="zlib" if "zlib" in how else None,
    )
    passage = carry(path, folder / "out")
    written(passage)
    level = passage.pixels()
    assert (level.shape, level.dtype) == (shape, pixels.dtype)
    assert level.tobytes() == pixels.tobytes()
    for number in range(1, 100):
        if not (passage.store / str(number)).exists():
            break
        level = halve(level)
        assert passage.pixels(number).tobytes() == level.tobytes()


def test_every_level_is_there_and_halves_the_one_before(write: Write, through: Carry) -> None:
    pixels = ramp(2, 601, 333)
    passage = through(write(pixels, metadata={"axes": "ZYX"}))
    product = written(passage)
    assert product.facts["levels"] == 3
    expected = pixels.reshape(1, 1, 2, 601, 333)
    for number in range(3):
        assert (passage.pixels(number) == expected).all()
        expected = halve(expected)


def test_colours_become_channels_red_green_blue(write: Write, through: Carry) -> None:
    pixels = ramp(37, 41, 3, dtype=np.uint8)
    passage = through(write(pixels, "photo.tif", photometric="rgb"))
    written(passage)
    assert isinstance(passage.description, Description)
    assert passage.description.facts["channel_names"] == ["R", "G", "B"]
    assert (passage.pixels()[0, :, 0] == np.moveaxis(pixels, -1, 0)).all()


def test_colours_in_planes_of_their_own_are_the_same(write: Write, through: Carry) -> None:
    pixels = ramp(3, 37, 41, dtype=np.uint8)
    passage = through(write(pixels, "photo.tif", photometric="rgb", planarconfig="separate"))
    written(passage)
    assert (passage.pixels()[0, :, 0] == pixels).all()


def test_several_channels_of_colours_keep_their_order(write: Write, through: Carry) -> None:
    pixels = ramp(2, 2, 20, 30, 3, dtype=np.uint8)
    passage = through(write(pixels, photometric="rgb", metadata={"axes": "CZYXS"}))
    written(passage)
    for channel in range(6):
        assert (passage.pixels()[0, channel] == pixels[channel // 3, ..., channel % 3]).all()


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "1"])
def test_png_is_what_pillow_sees(mode: str, tmp_path: Path, through: Carry) -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (33, 45, 3), dtype=np.uint8)).convert(mode)
    image.save(tmp_path / "a.png")
    passage = through(tmp_path / "a.png")
    written(passage)
    seen = np.asarray(image.convert({"P": "RGB", "1": "L"}.get(mode, mode))).reshape(33, 45, -1)
    assert (passage.pixels()[0, :, 0] == np.moveaxis(seen, -1, 0)).all()


def test_png_colours_of_16_bits_keep_them_all(tmp_path: Path, through: Carry) -> None:
    import imagecodecs

    pixels = np.random.default_rng(0).integers(0, 65536, (20, 30, 3), dtype=np.uint16)
    (tmp_path / "deep.png").write_bytes(imagecodecs.png_encode(pixels))
    passage = through(tmp_path / "deep.png")
    written(passage)
    assert (passage.pixels()[0, :, 0] == np.moveaxis(pixels, -1, 0)).all()


def test_jpeg_is_what_pillow_sees(tmp_path: Path, through: Carry) -> None:
    Image.fromarray(ramp(33, 45, 3, dtype=np.uint8)).save(tmp_path / "a.jpg")
    passage = through(tmp_path / "a.jpg")
    written(passage)
    assert (passage.pixels()[0, :, 0] == np.moveaxis(np.asarray(Image.open(tmp_path / "a.jpg")), -1, 0)).all()


def test_truth_values_are_0_and_1(write: Write, through: Carry) -> None:
    pixels = ramp(20, 30) % 2 == 0
    passage = through(write(pixels, "mask.tif", photometric="minisblack"))
    written(passage)
    assert passage.pixels().dtype == np.uint8
    assert (passage.pixels()[0, 0, 0] == pixels).all()


def test_an_imagej_hyperstack_keeps_its_axes_and_sizes(write: Write, through: Carry) -> None:
    pixels = ramp(3, 4, 2, 20, 30)
    path = write(
        pixels,
        "stack.tif",
        imagej=True,
        resolution=(5, 5),
        metadata={"axes": "TZCYX", "unit": "um", "spacing": 0.7},
    )
    passage = through(path)
    written(passage)
    assert isinstance(passage.description, Description)
    assert passage.description.facts["physical_size_um"] == {"z": 0.7, "y": 0.2, "x": 0.2}
    assert (passage.pixels() == pixels.transpose(0, 2, 1, 3, 4)).all()


def test_a_stack_behind_a_single_page_is_read_whole(write: Write, through: Carry) -> None:
    pixels = ramp(6, 20, 30)
    path = write(pixels, "run.tif", byteorder=">", photometric="minisblack", metadata={"axes": "ZYX"}, truncate=True)
    with tifffile.TiffFile(path) as tiff:
        assert len(tiff.pages) == 1
    passage = through(path)
    written(passage)
    assert (passage.pixels()[0, 0] == pixels).all()
    path.write_bytes(path.read_bytes()[:-500])
    assert "IMG-002" in through(path).codes


def test_a_movie_of_small_planes_is_few_files(write: Write, through: Carry) -> None:
    pixels = ramp(50, 9, 8)
    passage = through(write(pixels, metadata={"axes": "TYX"}))
    written(passage)
    assert (passage.pixels()[:, 0, 0] == pixels).all()
    assert len(list((passage.store / "0/c").rglob("*"))) < 20


# --- the store as others see it ----------------------------------------------------------------------------------


def test_the_store_is_valid_ome_zarr(write: Write, through: Carry) -> None:
    path = write(
        ramp(2, 3, 300, 400),
        metadata={
            "axes": "CZYX",
            "PhysicalSizeX": 0.1,
            "PhysicalSizeY": 0.2,
            "PhysicalSizeZ": 0.3,
            "Channel": {"Name": ["DAPI", "ALB"]},
        },
    )
    passage = through(path)
    written(passage)
    group = ome_zarr_models.open_ome_zarr(zarr.open_group(passage.store, mode="r"))
    assert type(group).__module__.startswith("ome_zarr_models.v05")
    (multiscale,) = group.attributes.ome.multiscales
    assert [(axis.name, axis.type, getattr(axis, "unit", None)) for axis in multiscale.axes] == [
        ("t", "time", None),
        ("c", "channel", None),
        ("z", "space", "micrometer"),
        ("y", "space", "micrometer"),
        ("x", "space", "micrometer"),
    ]
    scales = [dataset.coordinateTransformations[0].scale for dataset in multiscale.datasets]
    assert scales == [[1, 1, 0.3, 0.2, 0.1], [1, 1, 0.3, 0.4, 0.2]]
    channels = group.attributes.ome.omero["channels"]
    assert [(channel["label"], channel["color"]) for channel in channels] == [("DAPI", "0000FF"), ("ALB", "00FF00")]
    assert [(channel["window"]["min"], channel["window"]["max"]) for channel in channels] == [(0, 250), (0, 250)]
    array = zarr.open_array(passage.store / "0", mode="r")
    assert (array.metadata.dimension_names, array.shards) == (("t", "c", "z", "y", "x"), (1, 1, 2, 32, 32))


def test_the_ome_zarr_package_opens_it(write: Write, through: Carry) -> None:
    pixels = ramp(2, 40, 50)
    passage = through(write(pixels, metadata={"axes": "CYX"}))
    written(passage)
    location = parse_url(passage.store)
    assert location is not None
    (node,) = list(Reader(location)())
    assert node.data[0].shape == (1, 2, 1, 40, 50)
    assert (np.asarray(node.data[0])[0, :, 0] == pixels).all()


def test_several_images_are_one_collection(tmp_path: Path, through: Carry) -> None:
    path = tmp_path / "two.ome.tif"
    first, second = ramp(2, 30, 20), ramp(3, 10, 50) + 1
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(first, photometric="minisblack", metadata={"axes": "CYX", "Name": "one"})
        writer.write(second, photometric="minisblack", metadata={"axes": "ZYX", "Name": "two"})
    passage = through(path)
    product = written(passage)
    assert product.facts["image_shapes"] == [[1, 2, 1, 30, 20], [1, 1, 3, 10, 50]]
    assert (passage.pixels(image="0")[0, :, 0] == first).all()
    assert (passage.pixels(image="1")[0, 0] == second).all()
    root = zarr.open_group(passage.store, mode="r")
    assert root.attrs["ome"] == {"version": "0.5", "bioformats2raw.layout": 3}
    assert root["OME"].attrs["ome"] == {"version": "0.5", "series": ["0", "1"]}
    with tifffile.TiffFile(path) as tiff:
        assert (passage.store / "OME/METADATA.ome.xml").read_text() == tiff.ome_metadata
    BioFormats2Raw.from_zarr(root)
    for name in "01":
        ome_zarr_models.open_ome_zarr(root[name])


def test_an_axis_without_a_size_has_no_unit(write: Write, through: Carry) -> None:
    passage = through(write(ramp(2, 20, 20), metadata={"axes": "ZYX", "PhysicalSizeX": 0.1}))
    written(passage)
    (multiscale,) = json.loads((passage.store / "zarr.json").read_text())["attributes"]["ome"]["multiscales"]
    assert [axis.get("unit") for axis in multiscale["axes"]] == [None, None, None, None, "micrometer"]
    assert multiscale["datasets"][0]["coordinateTransformations"][0]["scale"] == [1, 1, 1, 1, 0.1]


# --- the same bytes every time -----------------------------------------------------------------------------------


def test_converting_twice_gives_the_same_bytes(write: Write, through: Carry) -> None:
    path = write(ramp(2, 3, 90, 80), metadata={"axes": "CZYX"})
    first, second = through(path), through(path)
    assert stored_files(first.folder) == stored_files(second.folder)
    assert first.product == second.product


def test_the_logical_digest_does_not_know_of_chunks_and_files(write: Write, through: Carry) -> None:
    pixels = ramp(2, 90, 80)
    one = through(write(pixels, "a.ome.tif", metadata={"axes": "ZYX"}))
    other = through(
        write(pixels, "b.ome.tif", metadata={"axes": "ZYX"}, tile=(16, 16), byteorder=">", compression="zlib"),
        settings=ImagingConvert(chunk_yx=64, shard_yx=128, shard_z=1),
    )
    assert written(one).logical_digest == written(other).logical_digest
    pixels[1, 5, 6] += 1
    third = through(write(pixels, "c.ome.tif", metadata={"axes": "ZYX"}))
    assert written(third).logical_digest != written(one).logical_digest


def test_the_logical_digest_knows_of_shape_and_dtype(write: Write, through: Carry) -> None:
    zeros = [
        np.zeros((4, 20, 10), np.uint8),
        np.zeros((4, 10, 20), np.uint8),
        np.zeros((4, 20, 10), np.int8),
        np.zeros((4, 20, 5), np.uint16),
    ]
    paths = [write(pixels, f"{i}.ome.tif", metadata={"axes": "ZYX"}) for i, pixels in enumerate(zeros)]
    paths.append(write(zeros[0], "t.ome.tif", metadata={"axes": "TYX"}))
    assert len({written(through(path)).logical_digest for path in paths}) == 5


def test_parallel_and_tiled_conversion_gives_the_same_bytes(
    write: Write, through: Carry, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(ramp(2, 3, 90, 300), metadata={"axes": "CZYX"}, tile=(32, 32))
    alone = through(path)
    monkeypatch.setattr(convert_module, "WORTH_A_SCHEDULER_BYTES", 0)
    monkeypatch.setattr(layout.passes, "__defaults__", (1 << 12,))
    monkeypatch.setenv("CATCHMENT_THREADS", "3")
    together = through(path)
    assert stored_files(alone.store) == stored_files(together.store)
    names = ["histograms.parquet", "thumbnail.png", "source.ome.xml"]
    assert [(alone.folder / name).read_bytes() == (together.folder / name).read_bytes() for name in names] == [True] * 3
    first, second = (pq.read_table(each.folder / "planes.parquet") for each in (alone, together))
    # edges between tiles are not looked at: what is sharp is measured of whole planes only in one of the two
    assert first.drop_columns("focus") == second.drop_columns("focus")


# --- read back ---------------------------------------------------------------------------------------------------


def test_a_store_that_differs_from_its_source_is_an_error(
    write: Write, through: Carry, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = LevelFiles.write

    def flip(self: Any, region: Any, pixels: np.ndarray) -> None:
        changed = pixels.copy()
        changed[-1, -1, -1, -1, -1] ^= 1
        original(self, region, changed)

    monkeypatch.setattr(LevelFiles, "write", flip)
    passage = through(write(ramp(2, 20, 20), metadata={"axes": "CYX"}))
    (finding,) = [finding for finding in passage.findings if finding.level == "error"]
    assert (finding.code, finding.found) == ("IMG-030", "2 files or tiles are not as they were written")
    assert "t0 c0 z0 y0 x0" in finding.where


def test_a_file_that_the_disk_changed_is_an_error_also_where_its_pixels_are_not_decoded(
    write: Write, through: Carry, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = LevelFiles.close

    def spoil(self: Any) -> dict[str, str]:
        written = original(self)
        for name in written:
            path = self._image / name
            if name == "0/c/0/1/0/0/0":
                path.write_bytes(path.read_bytes()[:-1] + b"?")
        return written

    monkeypatch.setattr(LevelFiles, "close", spoil)
    settings = ImagingConvert(chunk_yx=16, shard_yx=32, shard_z=2, thumbnail_px=16, compare_whole_mb=0)
    passage = through(write(ramp(2, 20, 20), metadata={"axes": "CYX"}), settings=settings)
    (finding,) = [finding for finding in passage.findings if finding.level == "error"]
    assert (finding.code, finding.count) == ("IMG-030", 1)
    assert "0/c/0/1/0/0/0" in finding.where


def test_a_shard_that_is_not_there_is_an_error(write: Write, through: Carry, monkeypatch: pytest.MonkeyPatch) -> None:
    original = LevelFiles.write

    def forget(self: Any, region: Any, pixels: np.ndarray) -> None:
        if region[1].start == 0:
            original(self, region, pixels)

    monkeypatch.setattr(LevelFiles, "write", forget)
    passage = through(write(np.zeros((2, 20, 20), np.uint8), metadata={"axes": "CYX"}))
    assert [finding.found for finding in passage.findings if finding.level == "error"] == ["level 0: 1 of 2 shards"]


def test_a_plane_of_zeros_is_stored_not_left_out(write: Write, through: Carry) -> None:
    passage = through(write(np.zeros((2, 20, 20), np.uint8), metadata={"axes": "CYX"}))
    written(passage)
    assert len([path for path in (passage.store / "0/c").rglob("*") if path.is_file()]) == 2


def test_of_a_large_image_samples_are_read_a_second_time(
    write: Write, through: Carry, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    original = convert_module.SourceDigests.__call__
    monkeypatch.setattr(
        convert_module.SourceDigests, "__call__", lambda self, block: seen.append(block.bounds) or original(self, block)
    )
    settings = ImagingConvert(chunk_yx=16, shard_yx=32, shard_z=2, thumbnail_px=16, compare_whole_mb=0)
    written(through(write(ramp(10, 20, 20), metadata={"axes": "ZYX"}), settings=settings))
    assert [bounds[2] for bounds in seen] == [(0, 1), (7, 8), (9, 10)]


def test_no_scheduler_is_started_for_a_small_image(
    write: Write, through: Carry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compute, "cluster", lambda threads: pytest.fail("a scheduler was started"))
    written(through(write(ramp(9, 20, 20), metadata={"axes": "ZYX"})))


def test_pixels_that_break_after_admission_hold_the_conversion(write: Write, tmp_path: Path) -> None:
    path = write(ramp(2, 60, 60), metadata={"axes": "ZYX"}, compression="zlib")
    with tifffile.TiffFile(path) as tiff:
        offset = tiff.pages[1].dataoffsets[0]
    data = bytearray(path.read_bytes())
    data[offset : offset + 20] = b"\xff" * 20
    path.write_bytes(bytes(data))
    passage = carry(path, tmp_path / "out")
    assert [finding.code for finding in passage.findings if finding.level == "error"] == ["IMG-010"]
    (tmp_path / "again").mkdir()
    assert isinstance(passage.description, Description)
    result = MODALITY.convert(passage.asset, passage.description, Place(str(tmp_path / "again")), ImagingConvert())
    assert isinstance(result, Unreadable)
    assert [finding.code for finding in result.findings] == ["IMG-010"]
