"""Hostile and damaged images from end to end: each is held for its reason, in words, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from .conftest import Carry
from .tiny_tiff import plane_tags, tiny_tiff

OME = (
    '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" '
    'DimensionOrder="XYZCT" Type="uint8" SizeX="{x}" SizeY="20" SizeZ="1" SizeC="1" SizeT="1">'
    '<Channel ID="Channel:0:0"/>{data}</Pixels></Image></OME>'
)
BOMB = '<!DOCTYPE OME [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


def ome_tiff(path: Path, description: str) -> None:
    """Write an OME-TIFF that describes itself as told."""
    tifffile.imwrite(path, np.ones((20, 20), np.uint8), description=description, metadata=None)


def write_hostile(what: str, path: Path) -> None:
    """Write one hostile image."""
    if what == "zero bytes":
        path.write_bytes(b"")
    elif what == "a page of HTML":
        path.write_bytes(b"<!DOCTYPE html><html><body>404 Not Found</body></html>")
    elif what == "absurd dimensions":
        path.write_bytes(tiny_tiff(plane_tags(1 << 30, 1 << 30, 8, 4), pixels=b"abcd"))
    elif what == "an image directory that leads to itself":
        path.write_bytes(tiny_tiff(plane_tags(2, 2, 8, 4), pixels=b"abcd", last=12))
    elif what == "an entity bomb":
        ome_tiff(path, BOMB + OME.format(x=20, data="<TiffData/>"))
    elif what == "a path that leaves the folder":
        data = '<TiffData IFD="0" PlaneCount="1"><UUID FileName="../../../etc/passwd">urn:uuid:1</UUID></TiffData>'
        ome_tiff(path, OME.format(x=20, data=data))
    elif what == "sizes that are not those of its pixels":
        ome_tiff(path, OME.format(x=2000, data="<TiffData/>"))
    elif what == "cut in the middle of its pixels":
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)).save(path, "TIFF")
        path.write_bytes(path.read_bytes()[:3000])


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("zero bytes", "IMG-006"),
        ("a page of HTML", "IMG-006"),
        ("absurd dimensions", "IMG-002"),
        ("an image directory that leads to itself", "IMG-001"),
        ("an entity bomb", "XML-001"),
        ("a path that leaves the folder", "IMG-004"),
        ("sizes that are not those of its pixels", "IMG-007"),
        ("cut in the middle of its pixels", "IMG-002"),
    ],
)
def test_a_hostile_image_is_held_for_its_reason(what: str, code: str, tmp_path: Path, through: Carry) -> None:
    path = tmp_path / "image.ome.tif"
    write_hostile(what, path)
    passage = through(path)
    assert code in passage.codes
    assert passage.held and passage.product is None
    for finding in passage.findings:
        assert finding.found and finding.expected and finding.fix
