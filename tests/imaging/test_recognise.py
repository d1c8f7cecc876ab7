"""Images told by their first bytes, whatever their name is."""

from __future__ import annotations

import subprocess
import sys

import pytest

from catchment.contract import Head
from catchment.imaging import MODALITY
from catchment.imaging.recognise import promised_formats


@pytest.mark.parametrize(
    ("start", "format_"),
    [
        (b"II*\0\x08\0\0\0", "tiff"),
        (b"MM\0*\0\0\0\x08", "tiff"),
        (b"II+\0\x08\0\0\0\x10", "tiff"),
        (b"MM\0+\0\x08\0\0", "tiff"),
        (b"II*\0\x08\0\0\0<?xml ...?><OME xmlns=", "ome-tiff"),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"\xff\xd8\xff\xe0", "jpeg"),
    ],
)
def test_formats_are_told_by_content(start: bytes, format_: str) -> None:
    confidence = MODALITY.recognise(Head(name="data.bin", size=100, start=start))
    assert confidence is not None
    assert (confidence.format, confidence.certainty > 0.5) == (format_, True)


@pytest.mark.parametrize("start", [b"", b"II", b"\x89HDF\r\n\x1a\n", b"<!DOCTYPE html>", b"II*\x01", b"PK\x03\x04"])
def test_other_content_is_not_ours_whatever_its_name(start: bytes) -> None:
    assert MODALITY.recognise(Head(name="image.ome.tiff", size=len(start), start=start)) is None


def test_a_compressed_file_is_not_ours() -> None:
    assert MODALITY.recognise(Head(name="image.tif.gz", size=9, start=b"II*\0", gzipped=True)) is None


def test_names_promise_formats() -> None:
    assert promised_formats("A.OME.TIF") == ("ome-tiff",)
    assert promised_formats("a.tif") == ("tiff", "ome-tiff")
    assert promised_formats("slide.svs") == ("tiff", "ome-tiff")
    assert promised_formats("emd_3197.MAP.gz") == ("mrc",)
    assert promised_formats("tilt.st") == ()


def test_recognising_loads_no_image_library() -> None:
    heavy = ("numpy", "zarr", "tifffile", "PIL", "dask", "bioio", "pyarrow")
    code = f"import sys, catchment.imaging; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
