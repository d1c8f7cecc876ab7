"""What admission finds in images that open: names, sizes, axes, pixels; and hostile files, which raise nothing."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from catchment.config import ImagingAdmit
from catchment.imaging.readers import crosscheck
from catchment.imaging.readers.tiff import TiffReader
from catchment.schema.rules import RULES

from .conftest import Carry, Write, ramp
from .tiny_tiff import plane_tags, tiny_tiff

CALIBRATED = {"PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1, "PhysicalSizeZ": 0.3}


def test_a_good_image_has_no_findings(write: Write, through: Carry) -> None:
    passage = through(write(ramp(2, 3, 30, 40), metadata={"axes": "CZYX", **CALIBRATED}))
    assert passage.findings == []
    assert passage.admission is not None
    assert str(passage.admission.statistics["second_opinion"]).startswith("bioio-ome-tiff")


@pytest.mark.parametrize(
    ("name", "found"), [("photo.tif", "png content"), ("photo.jpg", "png content"), ("a.ome.tiff", "png content")]
)
def test_a_name_that_lies_is_an_error(name: str, found: str, tmp_path: Path, through: Carry) -> None:
    Image.fromarray(ramp(9, 9, dtype=np.uint8)).save(tmp_path / "x.png")
    passage = through(tmp_path / "x.png", name=name)
    (finding,) = [finding for finding in passage.findings if finding.level == "error"]
    assert (finding.code, finding.where, finding.found) == ("FMT-001", name, found)


def test_a_plain_tiff_under_the_name_of_an_ome_tiff_is_an_error(write: Write, through: Carry) -> None:
    passage = through(write(ramp(9, 9), "plain.tif"), name="plain.ome.tif")
    assert [finding.code for finding in passage.findings if finding.level == "error"] == ["FMT-001"]


@pytest.mark.parametrize(
    ("how", "missing"),
    [
        ({}, "y, x"),
        ({"resolution": (300, 300), "resolutionunit": "INCH"}, "y, x"),
        ({"resolution": (92_307, 92_307), "resolutionunit": "CENTIMETER"}, "y, x"),
        ({"imagej": True, "resolution": (2, 2), "metadata": {"unit": "pixel"}}, "y, x"),
        ({"imagej": True, "resolution": (300, 300), "metadata": {"unit": "inch"}}, "y, x"),
    ],
)
def test_a_resolution_for_print_is_no_pixel_size(how: dict, missing: str, write: Write, through: Carry) -> None:
    passage = through(write(ramp(9, 9), "plain.tif", **how))
    (finding,) = passage.findings
    assert (finding.code, finding.level) == ("IMG-020", "warning")
    assert finding.found.endswith(f"along {missing}")


def test_a_missing_distance_of_planes_matters_in_a_stack_only(write: Write, through: Carry) -> None:
    sizes = {"PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1}
    flat = through(write(ramp(2, 9, 9), "flat.ome.tif", metadata={"axes": "CYX", **sizes}))
    stack = through(write(ramp(2, 9, 9), "stack.ome.tif", metadata={"axes": "ZYX", **sizes}))
    assert flat.findings == []
    assert [finding.found[-7:] for finding in stack.findings] == ["along z"]


def test_unnamed_pages_are_assumed_and_said_so(write: Write, through: Carry) -> None:
    path = write(ramp(5, 9, 9), "pages.tif", photometric="minisblack", metadata=None)
    assumed = through(path)
    (finding,) = [finding for finding in assumed.findings if finding.code == "IMG-021"]
    assert (finding.level, finding.found) == ("warning", "5 unnamed pages, taken as axis t")
    told = through(path, page_axis="z")
    assert "IMG-021" not in told.codes
    assert (assumed.pixels().shape, told.pixels().shape) == ((5, 1, 1, 9, 9), (1, 1, 5, 9, 9))


def test_a_tile_larger_than_allowed_is_refused_before_it_is_decoded(
    tmp_path: Path, through: Carry, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.tif"
    path.write_bytes(tiny_tiff(plane_tags(60_000, 60_000, 8, 12, t259=8), pixels=zlib.compress(b"\0" * 3)))
    monkeypatch.setattr(TiffReader, "region", lambda *_: pytest.fail("pixels were decoded"))
    passage = through(path)
    (finding,) = [finding for finding in passage.findings if finding.level == "error"]
    assert (finding.code, finding.found, RULES["IMG-003"].unsafe) == ("IMG-003", "3,600 MB in one piece", True)


def test_a_png_larger_than_allowed_is_refused_before_it_is_decoded(tmp_path: Path, through: Carry) -> None:
    Image.new("L", (2000, 1000)).save(tmp_path / "blank.png")
    passage = through(tmp_path / "blank.png", admit=ImagingAdmit(max_chunk_mb=1))
    assert [finding.code for finding in passage.findings if finding.level == "error"] == ["IMG-003"]


def test_a_png_whose_pixels_end_early_inside_whole_chunks_is_an_error(tmp_path: Path, through: Carry) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(range(30)) for _ in range(10))
    header = struct.pack(">IIBBBBB", 30, 20, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (tmp_path / "short.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    assert [f.code for f in through(tmp_path / "short.png").findings if f.level == "error"] == ["IMG-010"]


def test_planes_that_ome_xml_declares_but_nobody_stored_are_an_error(write: Write, through: Carry) -> None:
    path = write(ramp(4, 9, 9), metadata={"axes": "ZYX"})
    data = path.read_bytes()
    path.write_bytes(data.replace(b'SizeZ="4"', b'SizeZ="6"'))
    passage = through(path)
    assert passage.held
    assert {"IMG-007", "IMG-008"} & set(passage.codes)


def test_sizes_that_ome_xml_tells_otherwise_are_an_error(write: Write, through: Carry) -> None:
    path = write(ramp(2, 9, 9), metadata={"axes": "CYX"})
    path.write_bytes(path.read_bytes().replace(b'SizeX="9"', b'SizeX="8"'))
    passage = through(path)
    assert passage.held
    assert passage.codes == ["IMG-007"]


def test_complex_pixels_have_no_place(write: Write, through: Carry) -> None:
    passage = through(write(ramp(9, 9, dtype=np.complex64), "wave.tif"))
    assert passage.codes == ["IMG-009"]


def test_a_reader_that_sees_other_pixels_is_an_error(
    write: Write, through: Carry, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = TiffReader.region
    monkeypatch.setattr(TiffReader, "region", lambda *a: original(*a)[..., ::-1])
    passage = through(write(ramp(9, 9), metadata={"axes": "YX", **CALIBRATED}))
    assert passage.codes == ["IMG-011"]


def test_bioio_seeing_other_pixels_is_an_error(write: Write, through: Carry, monkeypatch: pytest.MonkeyPatch) -> None:
    original = crosscheck.pixels_of
    monkeypatch.setattr(crosscheck, "pixels_of", lambda *a: original(*a)[:, ::-1].copy())
    passage = through(write(ramp(3, 9, 9), metadata={"axes": "CYX", **CALIBRATED}))
    (finding,) = passage.findings
    assert (finding.code, "bioio-ome-tiff" in finding.found) == ("IMG-011", True)


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize("part", [0.001, 0.05, 0.3, 0.5, 0.8, 0.95, 0.999])
def test_a_cut_ome_tiff_is_always_held(part: float, compression: str | None, write: Write, through: Carry) -> None:
    path = write(ramp(3, 4, 60, 70), metadata={"axes": "CZYX", **CALIBRATED}, compression=compression, rowsperstrip=16)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    passage = through(path)
    assert passage.held
    assert set(passage.codes) <= {"IMG-001", "IMG-002", "IMG-006", "IMG-007"}


@pytest.mark.parametrize("seed", range(40))
def test_a_file_with_flipped_bytes_raises_nothing(seed: int, tmp_path: Path, through: Carry) -> None:
    rng = np.random.default_rng(seed)
    path = tmp_path / "x.ome.tif"
    how = {"tile": (16, 16)} if seed % 2 else {"rowsperstrip": 5}
    compression = ("zlib", None, "lzw", "packbits")[seed % 4]
    tifffile.imwrite(path, ramp(2, 30, 40), ome=True, photometric="minisblack", compression=compression, **how)
    data = bytearray(path.read_bytes())
    headers = [*range(0, 400), *range(len(data) - 400, len(data))]
    for place in rng.choice(headers if seed % 3 else len(data), 4):
        data[place] = rng.integers(0, 256)
    path.write_bytes(bytes(data))
    passage = through(path)
    assert passage.held or passage.product is not None


def test_a_file_of_a_loop_of_directories_is_unsafe(tmp_path: Path, through: Carry) -> None:
    page = plane_tags(4, 3, 8, 12)
    (tmp_path / "loop.tif").write_bytes(tiny_tiff(page, page, pixels=bytes(12), last=20))
    passage = through(tmp_path / "loop.tif")
    assert (passage.codes, RULES["IMG-001"].unsafe) == (["IMG-001"], True)
