"""What a walk over a TIFF's directories finds before any reader sees the file."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile

from catchment.imaging import tiff_layout
from catchment.imaging.tiff_layout import TiffLayout, walk
from catchment.schema.rules import RULES

from .tiny_tiff import plane_tags, tiny_tiff

PIXELS = bytes(range(12))
PLANE = plane_tags(4, 3, 8, 12)


def seen(data: bytes) -> TiffLayout:
    return walk(io.BytesIO(data), "x.tif")


def only_finding(data: bytes) -> tuple[str, str]:
    findings = seen(data).findings
    assert len(findings) == 1, findings
    return findings[0].code, findings[0].found


def test_a_sound_file_has_no_findings() -> None:
    layout = seen(tiny_tiff(PLANE, PLANE, pixels=PIXELS))
    assert (layout.findings, layout.directories, layout.pixel_bytes, layout.largest_segment_bytes) == ([], 2, 24, 12)


def test_the_tiny_file_is_what_tifffile_reads_too(tmp_path: Path) -> None:
    path = tmp_path / "tiny.tif"
    path.write_bytes(tiny_tiff(PLANE, pixels=PIXELS))
    assert tifffile.imread(path).tobytes() == PIXELS


@pytest.mark.parametrize("last", ["first", "itself"])
def test_a_loop_is_followed_once_and_unsafe(last: str) -> None:
    data = tiny_tiff(PLANE, PLANE, pixels=PIXELS)
    first = 8 + len(PIXELS)
    target = first if last == "first" else first + (len(data) - first) // 2
    code, found = only_finding(tiny_tiff(PLANE, PLANE, pixels=PIXELS, last=target))
    assert (code, RULES[code].unsafe) == ("IMG-001", True)
    assert "leads back" in found


def test_a_sub_directory_that_leads_up_is_a_loop() -> None:
    up = {**PLANE, 330: (330, 4, [8 + len(PIXELS)])}
    assert only_finding(tiny_tiff(up, pixels=PIXELS))[0] == "IMG-001"


def test_an_absurd_number_of_directories_is_unsafe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff_layout, "MAX_DIRECTORIES", 5)
    code, found = only_finding(tiny_tiff(*[PLANE] * 6, pixels=PIXELS))
    assert (code, found) == ("IMG-001", "more than 5 directories")


def test_a_directory_with_too_many_entries_is_unsafe() -> None:
    data = bytearray(tiny_tiff(PLANE, pixels=PIXELS))
    data[20:22] = b"\xff\xff"
    assert only_finding(bytes(data)) == ("IMG-001", "a directory with 65,535 entries at byte 20")


def test_a_chain_that_leaves_the_file_is_cut_short() -> None:
    assert only_finding(tiny_tiff(PLANE, pixels=PIXELS, last=10_000))[0] == "IMG-002"


def test_a_strip_beyond_the_end_is_named_with_its_image() -> None:
    beyond = plane_tags(4, 3, 900, 12)
    (finding,) = seen(tiny_tiff(PLANE, beyond, pixels=PIXELS)).findings
    assert (finding.code, finding.where) == ("IMG-002", "x.tif: image 1")
    assert finding.found.startswith("1 of 1 tiles or strips reach beyond the end")


def test_faults_of_one_kind_are_one_finding_with_a_count() -> None:
    beyond = plane_tags(4, 3, 90_000, 12)
    (finding,) = seen(tiny_tiff(*[beyond] * 9, pixels=PIXELS)).findings
    assert finding.count == 9
    assert "also image 1, image 2, ..." in finding.found


def test_an_offset_that_wraps_around_is_beyond_the_end() -> None:
    assert only_finding(tiny_tiff(plane_tags(4, 3, 2**32 - 4, 12), pixels=PIXELS))[0] == "IMG-002"


def test_an_empty_strip_would_be_read_as_zeros() -> None:
    assert only_finding(tiny_tiff(plane_tags(4, 3, 8, 0, t259=5), pixels=PIXELS)) == (
        "IMG-008",
        "1 of 1 tiles or strips are empty",
    )


def test_missing_strips_would_be_read_as_zeros() -> None:
    assert only_finding(tiny_tiff(plane_tags(4, 3, 8, 4, t278=1), pixels=PIXELS)) == (
        "IMG-008",
        "1 of 3 tiles or strips",
    )


def test_a_strip_shorter_than_its_pixels_is_cut_short() -> None:
    assert only_finding(tiny_tiff(plane_tags(4, 3, 8, 11), pixels=PIXELS)) == (
        "IMG-002",
        "1 segments hold fewer bytes than their pixels take",
    )


def test_a_declared_size_is_read_without_allocating_it() -> None:
    layout = seen(tiny_tiff(plane_tags(2**31, 2**31, 8, 12, t259=5), pixels=PIXELS))
    assert layout.largest_segment_bytes == 2**62


def test_an_image_without_pixels_is_not_readable() -> None:
    assert only_finding(tiny_tiff(plane_tags(0, 3, 8, 12), pixels=PIXELS)) == ("IMG-006", "an image of 0 x 3 pixels")


@pytest.mark.parametrize("data", [b"", b"II", b"II*\0", b"XX*\0\0\0\0\0", b"II\x07\0\0\0\0\0"])
def test_what_is_no_tiff_is_not_readable(data: bytes) -> None:
    assert only_finding(data)[0] == "IMG-006"


@pytest.mark.parametrize("kind", ["classic", "bigtiff", "big-endian", "tiled", "compressed", "planar", "pyramid"])
def test_files_of_an_independent_writer_are_sound(kind: str, tmp_path: Path) -> None:
    pixels = np.arange(3 * 40 * 50 * 3, dtype=np.uint16).reshape(3, 40, 50, 3)
    how: dict = {
        "classic": {},
        "bigtiff": {"bigtiff": True},
        "big-endian": {"byteorder": ">"},
        "tiled": {"tile": (16, 16)},
        "compressed": {"compression": "zlib", "rowsperstrip": 7},
        "planar": {"planarconfig": "separate"},
        "pyramid": {"subifds": 2},
    }[kind]
    if kind == "planar":
        pixels = np.ascontiguousarray(np.moveaxis(pixels, -1, 1))
    path = tmp_path / "x.tif"
    with tifffile.TiffWriter(path, bigtiff=how.pop("bigtiff", False), byteorder=how.pop("byteorder", None)) as writer:
        writer.write(pixels, photometric="rgb", **how)
        for step in (2, 4) if kind == "pyramid" else ():
            writer.write(pixels[:, ::step, ::step], photometric="rgb", subfiletype=1)
    layout = seen(path.read_bytes())
    assert layout.findings == []
    with tifffile.TiffFile(path) as tiff:
        subs = sum(len(page.pages or ()) for page in tiff.pages)
        assert layout.directories == len(tiff.pages) + subs
        if kind != "pyramid":
            assert layout.pixel_bytes == sum(page.nbytes for page in tiff.pages)
