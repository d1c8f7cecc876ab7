"""Vendors' files that lie: each lie has its finding, and honest files come out as they were written."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from catchment.imaging.czi_layout import walk_czi
from catchment.imaging.readers import Source, UnreadableImage, open_reader
from catchment.schema.records import Finding
from catchment.schema.rules import RULES

from .conftest import Carry, ramp
from .vendor_files import czi, mrc, spe

SCALED = (
    b"<ImageDocument><Metadata><Information><Image><Dimensions><Channels><Channel Id='Channel:0' Name='DAPI'>"
    b"<Color>#FF0000FF</Color></Channel></Channels></Dimensions></Image></Information><Scaling><Items>"
    b"<Distance Id='X'><Value>2E-07</Value></Distance><Distance Id='Y'><Value>2E-07</Value></Distance>"
    b"<Distance Id='Z'><Value>0</Value></Distance></Items></Scaling></Metadata></ImageDocument>"
)


def errors(path: Path) -> list[str]:
    """Codes of the findings for which a file is not opened."""
    with pytest.raises(UnreadableImage) as caught:
        open_reader(Source(str(path), path.name))
    return [finding.code for finding in caught.value.findings]


def written(path: Path, data: bytes) -> Path:
    """A file with the data."""
    path.write_bytes(data)
    return path


# --- MRC ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["i1", "i2", "u2", "f4", "f2"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_map_comes_out_as_it_was_written(kind: str, order: str, tmp_path: Path, through: Carry) -> None:
    values = ramp(4, 20, 30, dtype=np.dtype(kind)) - (100 if kind == "i1" else 0)
    values = values.astype(kind)
    passage = through(written(tmp_path / "x.mrc", mrc(values, order)))
    assert passage.findings == []
    level = passage.pixels()
    assert level.dtype == (np.float32 if kind == "f2" else np.dtype(kind))
    assert (level[0, 0] == values).all()


def test_axes_of_a_map_are_put_in_order(tmp_path: Path, through: Carry) -> None:
    values = ramp(5, 6, 7, dtype=np.int16)  # sections run along y, rows along x, columns along z
    path = written(tmp_path / "x.map.gz", gzip.compress(mrc(values, axes=(3, 1, 2)), mtime=0))
    assert (through(path).pixels()[0, 0] == values.transpose(2, 0, 1)).all()


def test_a_stack_of_images_is_assumed_to_run_along_z(tmp_path: Path, through: Carry) -> None:
    path = written(tmp_path / "x.mrcs", mrc(ramp(5, 6, 7, dtype=np.int16), w23=0))
    assumed, told = through(path), through(path, page_axis="t")
    assert "IMG-021" in assumed.codes
    assert "IMG-021" not in told.codes
    assert (assumed.pixels().shape, told.pixels().shape) == ((1, 1, 5, 6, 7), (5, 1, 1, 6, 7))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"w3": 9}, "IMG-002"),
        ({"w4": 4}, "IMG-009"),
        ({"w1": -1}, "IMG-006"),
        ({"w17": 2}, "IMG-006"),
        ({"w24": 2**30}, "IMG-006"),
        ({"w23": 401, "w10": 3}, "IMG-009"),
    ],
)
def test_a_map_that_lies_is_held(changed: dict[str, int], code: str, tmp_path: Path) -> None:
    path = written(tmp_path / "x.mrc", mrc(ramp(4, 5, 6, dtype=np.int16), **changed))
    assert errors(path) == [code]


def test_a_compressed_map_that_declares_too_much_is_refused_before_it_is_decompressed(
    tmp_path: Path, through: Carry
) -> None:
    data = mrc(ramp(1, 5, 6, dtype=np.int16), w1=30_000, w2=30_000, w3=10)
    passage = through(written(tmp_path / "x.mrc.gz", gzip.compress(data)))
    assert "IMG-003" in passage.codes
    assert RULES["IMG-003"].unsafe


# --- SPE ---------------------------------------------------------------------------------------------------------


def test_frames_come_out_as_they_were_written(tmp_path: Path, through: Carry) -> None:
    frames = ramp(3, 20, 30)
    passage = through(written(tmp_path / "x.spe", spe(frames)))
    assert (passage.pixels()[:, 0, 0] == frames).all()
    assert "IMG-021" in passage.codes


@pytest.mark.parametrize(
    ("changed", "code"), [({"frames": 4}, "IMG-002"), ({"x": 0}, "IMG-006"), ({"kind": 7}, "IMG-009")]
)
def test_an_spe_that_lies_is_held(changed: dict[str, int], code: str, tmp_path: Path) -> None:
    assert errors(written(tmp_path / "x.spe", spe(ramp(3, 20, 30), **changed))) == [code]


# --- CZI ---------------------------------------------------------------------------------------------------------


def test_tiles_are_stitched_by_their_index_later_ones_on_top(tmp_path: Path, through: Carry) -> None:
    first, second = np.full((4, 6), 1, np.uint16), np.full((4, 6), 2, np.uint16)
    data = czi(({"X": 14, "Y": 1, "M": 1}, second), ({"X": 10, "Y": 0, "M": 0}, first), xml=SCALED)
    passage = through(written(tmp_path / "x.czi", data))
    level = passage.pixels()[0, 0, 0]
    assert level.tolist() == [[1] * 6 + [0] * 4] + [[1] * 4 + [2] * 6] * 3 + [[0] * 4 + [2] * 6]
    (finding,) = passage.findings
    assert (finding.code, finding.found[:17]) == ("IMG-024", "8 of 50 pixels of")


def test_channels_sizes_and_scenes_come_from_the_file(tmp_path: Path) -> None:
    tiles = [({"X": 0, "Y": 0, "C": c, "Z": z, "S": s}, ramp(5, 6)) for c in (0, 1) for z in (3, 4) for s in (0, 2)]
    reader = open_reader(Source(str(written(tmp_path / "x.czi", czi(*tiles, xml=SCALED))), "x.czi"))
    assert [scene.shape for scene in reader.scenes] == [(1, 2, 2, 5, 6)] * 2
    assert reader.scenes[0].channel_names == ("DAPI", "channel 1")
    assert reader.scenes[0].colours == ("0000FF", None)
    assert reader.scenes[0].physical_um == {"z": None, "y": 0.2, "x": 0.2}


def test_blue_comes_first_in_the_file_and_last_in_the_store(tmp_path: Path, through: Carry) -> None:
    pixels = np.zeros((3, 4, 3), np.uint8)
    pixels[..., 0], pixels[..., 2] = 10, 30
    passage = through(written(tmp_path / "x.czi", czi(({"X": 0, "Y": 0}, pixels), kind=3)))
    assert passage.pixels()[0, :, 0, 0, 0].tolist() == [30, 0, 10]


@pytest.mark.parametrize("packing", [0, 1])
def test_tiles_under_zstd_come_out_as_they_were_written(packing: int, tmp_path: Path, through: Carry) -> None:
    def encode(pixels: np.ndarray) -> bytes:
        plain = pixels.tobytes()
        apart = plain[0::2] + plain[1::2] if packing else plain
        return bytes([3, 1, packing]) + imagecodecs.zstd_encode(apart)

    pixels = (ramp(20, 30) * 300).astype(np.uint16)
    data = czi(({"X": 0, "Y": 0}, pixels), compression=6, encode=encode)
    assert (through(written(tmp_path / "x.czi", data)).pixels()[0, 0, 0] == pixels).all()


def test_a_tile_that_inflates_beyond_its_size_is_held(tmp_path: Path, through: Carry) -> None:
    bomb = imagecodecs.zstd_encode(bytes(50_000_000))
    data = czi(({"X": 0, "Y": 0}, ramp(20, 30)), compression=5, encode=lambda _: bomb)
    assert "IMG-010" in through(written(tmp_path / "x.czi", data)).codes


def test_a_plane_that_was_never_stored_is_an_error(tmp_path: Path) -> None:
    tiles = [({"X": 0, "Y": 0, "C": c, "Z": z}, ramp(5, 6)) for c, z in ((0, 0), (1, 0), (0, 1))]
    assert errors(written(tmp_path / "x.czi", czi(*tiles))) == ["IMG-008"]


@pytest.mark.parametrize(
    ("tiles", "how", "code"),
    [
        ([{"X": 0, "Y": 0, "H": 0}, {"X": 0, "Y": 0, "H": 1}], {}, "IMG-009"),
        ([{"X": 0, "Y": 0}, {"X": 2**30, "Y": 0}], {}, "IMG-006"),
        ([{"X": 0, "Y": 0}], {"compression": 4}, "IMG-013"),
        ([{"X": 0, "Y": 0}], {"kind": 9}, "IMG-013"),
        ([{"X": 0, "Y": 0}], {"kind": 3}, "IMG-002"),
        ([{"X": 0, "Y": 0}], {"xml": b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"}, "XML-001"),
        ([{"X": 0, "Y": 0}], {"xml": b"<a><b></a>"}, "IMG-006"),
        ([], {}, "IMG-006"),
    ],
)
def test_a_czi_that_cannot_be_right_is_held(tiles: list, how: dict, code: str, tmp_path: Path) -> None:
    data = czi(*[(starts, ramp(5, 6)) for starts in tiles], **how)
    assert errors(written(tmp_path / "x.czi", data)) == [code]


def test_the_picture_of_a_label_is_named_and_not_read(tmp_path: Path) -> None:
    data = czi(({"X": 0, "Y": 0}, ramp(5, 6)), attachments=(b"Label", b"Thumbnail"))
    reader = open_reader(Source(str(written(tmp_path / "x.czi", data)), "x.czi"))
    (finding,) = reader.container.findings
    assert (finding.code, finding.found) == ("IMG-022", "Label")


@pytest.mark.parametrize("seed", range(30))
def test_a_czi_with_flipped_bytes_raises_nothing(seed: int, tmp_path: Path, through: Carry) -> None:
    rng = np.random.default_rng(seed)
    data = bytearray(czi(*[({"X": 6 * m, "Y": 0, "M": m}, ramp(5, 6)) for m in range(3)], xml=SCALED))
    for place in rng.choice(len(data), 6):
        data[place] = rng.integers(0, 256)
    data[:10] = b"ZISRAWFILE"
    passage = through(written(tmp_path / "x.czi", bytes(data)))
    assert passage.held or passage.product is not None


def test_a_directory_and_a_block_that_differ_are_held(tmp_path: Path) -> None:
    data = bytearray(czi(({"X": 7, "Y": 0}, ramp(5, 6))))
    last = data.rindex(struct.pack("<4sii", b"X", 7, 6))
    data[last + 4] = 9
    with written(tmp_path / "x.czi", bytes(data)).open("rb") as file:
        fault = walk_czi(file, "x.czi")
    assert isinstance(fault, Finding)
    assert (fault.code, "differ" in fault.found) == ("IMG-006", True)
