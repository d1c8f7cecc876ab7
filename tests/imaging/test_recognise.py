"""Images told by their first bytes, whatever their name is."""

from __future__ import annotations

import bz2
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from catchment.contract import Head
from catchment.imaging import MODALITY
from catchment.imaging.recognise import promised_formats

from .conftest import Carry, ramp
from .vendor_files import mrc


@pytest.mark.parametrize(
    ("start", "format_"),
    [
        (b"II*\0\x08\0\0\0", "tiff"),
        (b"MM\0*\0\0\0\x08", "tiff"),
        (b"II+\0\x08\0\0\0\x10", "tiff"),
        (b"OLYMPUSRAWFORMAT\x0c\0", "oir"),
        (b"\x89HDF\r\n\x1a\n" + bytes(2000) + b"ImarisDataSet\0", "ims"),
        (b"MM\0+\0\x08\0\0", "tiff"),
        (b"II*\0\x08\0\0\0<?xml ...?><OME xmlns=", "ome-tiff"),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"\xda\xce\xbe\n \0\0\0", "nd2"),
        (b"ZISRAWFILE\0\0", "czi"),
        (b"p\0\0\0\x0d\0\0\0\x2a\x04\0\0\0<\0a\0/\0>\0", "lif"),
        (bytes(128) + b"DICM\x02\0", "dicom"),
        (b"\x08\0\0\0\x04\0\0\0\xb0\0\0\0\x08\0\x08\0", "dicom"),
        (bytes(2996) + b"\x67\x45\x23\x01", "spe"),
        (mrc(ramp(1, 2, 3, dtype=np.int16)), "mrc"),
        (bz2.compress(mrc(ramp(1, 2, 3, dtype=np.int16))), "mrc"),
    ],
)
def test_formats_are_told_by_content(start: bytes, format_: str) -> None:
    confidence = MODALITY.recognise(Head(name="data.bin", size=100, start=start))
    assert confidence is not None
    assert (confidence.format, confidence.certainty > 0.5) == (format_, True)


@pytest.mark.parametrize("start", [b"", b"II", b"\x89HDF\r\n\x1a\n", b"<!DOCTYPE html>", b"II*\x01", b"PK\x03\x04"])
def test_other_content_is_not_ours_whatever_its_name(start: bytes) -> None:
    assert MODALITY.recognise(Head(name="image.ome.tiff", size=len(start), start=start)) is None


def test_a_compound_file_is_ours_by_its_name_alone() -> None:
    start = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    confidence = MODALITY.recognise(Head(name="cells.OIB", size=9, start=start))
    assert confidence is not None
    assert confidence.format == "oib"
    assert MODALITY.recognise(Head(name="run.wiff", size=9, start=start)) is None


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("a.oir", b"OLYMPUSRAWFORMAT"),
        ("a.oib", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        ("a.ims", b"\x89HDF\r\n\x1a\nImarisDataSet"),
    ],
)
def test_a_format_that_no_reader_is_trusted_with_is_held_with_the_reason(
    name: str, start: bytes, tmp_path: Path, through: Carry
) -> None:
    (tmp_path / name).write_bytes(start + bytes(100))
    (finding,) = through(tmp_path / name).findings
    assert finding.code == "IMG-012"
    assert finding.found.startswith(f"{name[2:]} content; Bio-Formats: no real file here to hold it against")


def test_of_compressed_files_only_maps_are_ours() -> None:
    map_ = mrc(ramp(1, 2, 3, dtype=np.int16))
    assert MODALITY.recognise(Head(name="image.tif.gz", size=9, start=b"II*\0", gzipped=True)) is None
    assert MODALITY.recognise(Head(name="image.tif.bz2", size=9, start=bz2.compress(b"II*\0"))) is None
    confidence = MODALITY.recognise(Head(name="map.bin", size=9, start=map_, gzipped=True))
    assert confidence is not None
    assert confidence.format == "mrc"


@pytest.mark.parametrize(("name", "ours"), [("emd_3001.map.bz2", True), ("reads.bz2", False)])
def test_a_bzip2_file_whose_first_block_is_long_is_told_by_its_name(name: str, ours: bool) -> None:
    block = bz2.compress(np.random.default_rng(0).bytes(200_000))[: 1 << 16]
    assert (MODALITY.recognise(Head(name=name, size=200_000, start=block)) is not None) == ours


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
