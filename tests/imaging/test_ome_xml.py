"""OME-XML, taken with care."""

from __future__ import annotations

import pytest

from catchment.imaging.ome_xml import looks_like_ome, read_ome_xml
from catchment.schema.rules import RULES

PIXELS = (
    '<Pixels SizeX="5" SizeY="4" SizeZ="3" SizeC="2" SizeT="1" {pixels}>'
    '<Channel Name="DAPI" Color="65535"/><Channel Color="-16776961"/>{inside}</Pixels>'
)


def ome(pixels: str = "", inside: str = "", root: str = "", head: str = "") -> bytes:
    body = PIXELS.format(pixels=pixels, inside=inside)
    namespace = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
    return f'{head}<OME xmlns="{namespace}" {root}><Image Name="a">{body}</Image></OME>'.encode()


def only_code(description: bytes, name: str = "a.ome.tif") -> str:
    findings = read_ome_xml(description, name).findings
    assert len(findings) == 1, findings
    return findings[0].code


def test_sizes_names_and_colours_are_read() -> None:
    document = read_ome_xml(ome('PhysicalSizeX="108" PhysicalSizeXUnit="nm" SignificantBits="12"'), "a.ome.tif")
    (image,) = document.images
    assert document.findings == ()
    assert image.sizes == {"t": 1, "c": 2, "z": 3, "y": 4, "x": 5}
    assert image.physical_um == {"z": None, "y": None, "x": 0.108}
    assert image.significant_bits == 12
    assert [(channel.name, channel.colour) for channel in image.channels] == [("DAPI", "0000FF"), ("", "FF0000")]


@pytest.mark.parametrize(
    "head",
    [
        "<!DOCTYPE OME>",
        '<!DOCTYPE OME [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!doctype ome [<!entity a "aaaa">]>',
    ],
)
def test_a_doctype_is_refused_before_it_is_parsed(head: str) -> None:
    code = only_code(ome(head=head))
    assert (code, RULES[code].unsafe) == ("XML-001", True)


def test_a_doctype_in_two_byte_letters_is_refused() -> None:
    assert only_code(ome(head="<!DOCTYPE OME>").decode().encode("utf-16")) == "XML-001"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..\\x.tif", "C:x.tif", "http://x/y.tif", "a/b.tif"]
)
def test_pixels_in_another_folder_are_unsafe(name: str) -> None:
    code = only_code(ome(inside=f'<TiffData><UUID FileName="{name}">urn:uuid:1</UUID></TiffData>'))
    assert (code, RULES[code].unsafe) == ("IMG-004", True)


def test_pixels_in_a_companion_file_are_missing() -> None:
    inside = "".join(f'<TiffData><UUID FileName="b{i}.tif">urn:uuid:{i}</UUID></TiffData>' for i in range(5))
    (finding,) = read_ome_xml(ome(inside=inside), "a.ome.tif").findings
    assert (finding.code, finding.count) == ("IMG-005", 5)
    assert "'b0.tif', 'b1.tif', 'b2.tif' and 2 more" in finding.found


def test_a_file_that_is_only_a_part_is_missing_its_companion() -> None:
    part = b'<OME><BinaryOnly MetadataFile="main.companion.ome" UUID="urn:uuid:2"/></OME>'
    assert only_code(part) == "IMG-005"


@pytest.mark.parametrize(
    ("name", "root"), [("a.ome.tif", ""), ("folder/a.ome.tif", ""), ("renamed.tif", 'UUID="urn:uuid:1"')]
)
def test_a_file_may_name_itself(name: str, root: str) -> None:
    inside = '<TiffData><UUID FileName="a.ome.tif">urn:uuid:1</UUID></TiffData>'
    assert read_ome_xml(ome(inside=inside, root=root), name).findings == ()


@pytest.mark.parametrize(
    "description",
    [
        b"<OME><Image>",
        b"<OME></OME>",
        ome().replace(b'SizeX="5"', b'SizeX="-5"'),
        ome().replace(b'SizeX="5"', b""),
        ome().replace(b'SizeX="5"', b'SizeX="many"'),
        ome('PhysicalSizeX="wide"'),
        b"<OME>" * 100_000,
    ],
)
def test_damaged_xml_is_a_finding(description: bytes) -> None:
    assert only_code(description) == "IMG-007"


def test_ome_xml_is_told_from_other_descriptions() -> None:
    assert looks_like_ome(b'\xef\xbb\xbf<?xml version="1.0"?><!-- Warning --><OME xmlns="x">')
    assert not looks_like_ome(b"ImageJ=1.53\nimages=3")
    assert not looks_like_ome(b'{"shape": [1000, 30, 40]}')


def test_latin_1_micro_signs_of_older_writers_are_read() -> None:
    description = ome('PhysicalSizeX="0.5" PhysicalSizeXUnit="µm"').decode().encode("latin-1")
    assert read_ome_xml(description, "a.ome.tif").images[0].physical_um["x"] == 0.5
