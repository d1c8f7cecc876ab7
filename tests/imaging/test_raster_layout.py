"""PNG and JPEG headers, and files that end early."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from catchment.imaging.raster_layout import RasterLayout, walk_raster
from catchment.schema.records import Finding


def encoded(format_: str, mode: str = "RGB", size: tuple[int, int] = (37, 23)) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    data = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(data, format_)
    return data.getvalue()


def seen(data: bytes) -> RasterLayout | Finding:
    return walk_raster(io.BytesIO(data), "x")


@pytest.mark.parametrize(
    ("mode", "samples", "bits"), [("L", 1, 8), ("LA", 2, 8), ("RGB", 3, 8), ("RGBA", 4, 8), ("1", 1, 1)]
)
def test_png_headers(mode: str, samples: int, bits: int) -> None:
    assert seen(encoded("PNG", mode)) == RasterLayout("png", 23, 37, samples, bits)


@pytest.mark.parametrize(("mode", "samples"), [("L", 1), ("RGB", 3)])
def test_jpeg_headers(mode: str, samples: int) -> None:
    assert seen(encoded("JPEG", mode)) == RasterLayout("jpeg", 23, 37, samples, 8)


@pytest.mark.parametrize("format_", ["PNG", "JPEG"])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.99])
def test_a_cut_file_ends_early(format_: str, part: float) -> None:
    data = encoded(format_)
    finding = seen(data[: int(len(data) * part)])
    assert isinstance(finding, Finding)
    assert finding.code in ("IMG-002", "IMG-006")


def test_every_cut_of_a_png_is_found() -> None:
    data = encoded("PNG", size=(5, 4))
    assert all(isinstance(seen(data[:length]), Finding) for length in range(len(data)))


def test_a_flipped_bit_breaks_a_checksum() -> None:
    data = bytearray(encoded("PNG"))
    data[len(data) // 2] ^= 1
    finding = seen(bytes(data))
    assert isinstance(finding, Finding)
    assert (finding.code, finding.found) == ("IMG-002", "a wrong checksum")


def test_a_jpeg_of_four_colours_has_no_place() -> None:
    finding = seen(encoded("JPEG", "CMYK"))
    assert isinstance(finding, Finding)
    assert finding.code == "IMG-009"


def test_a_png_without_pixels_is_not_readable() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 0, 4, 8, 2, 0, 0, 0)
    finding = seen(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b""))
    assert isinstance(finding, Finding)
    assert finding.code == "IMG-006"


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"<html>404</html>"])
def test_other_content_is_not_readable(data: bytes) -> None:
    finding = seen(data)
    assert isinstance(finding, Finding)
    assert finding.code == "IMG-006"
