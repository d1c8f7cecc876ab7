from __future__ import annotations

import io
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tiny_mzml import FLOAT64, MZ, array, run, spectrum

from catchment.massspec.document import Document, Element
from catchment.massspec.faults import Broken
from catchment.massspec.mzml import Scanner
from catchment.massspec.plain import NotPlain, PlainSpectra
from catchment.massspec.readers.mzml import MzmlReader

TITLE = '<cvParam cvRef="MS" accession="MS:1000796" name="spectrum title" value="&quot;a&quot; &amp; b"/>'
PLAIN_RUN = run(spectrum(0), spectrum(1, extra=TITLE), spectrum(2, (), ()))


def scanned(data: bytes) -> tuple[list[Element], Document, int]:
    """Return the elements, the document, and how many bytes passed the parser by."""
    scanner = Scanner(io.BytesIO(data))
    return list(scanner), scanner.document, scanner.parser.bypassed


def by_parser_alone(data: bytes) -> tuple[list[Element], Document, int]:
    with mock.patch.object(PlainSpectra, "element", side_effect=NotPlain):
        return scanned(data)


def test_plain_spectra_pass_the_parser_by_and_are_the_same_elements() -> None:
    elements, document, bypassed = scanned(PLAIN_RUN.encode())
    end = PLAIN_RUN.rindex("</spectrum>") + len("</spectrum>")
    assert bypassed == len(PLAIN_RUN[PLAIN_RUN.index("<spectrumList") : end].split(">", 1)[1])
    assert (elements, document) == by_parser_alone(PLAIN_RUN.encode())[:2]
    assert '"a" & b' in [param.value for param in elements[1].params]


@pytest.mark.parametrize(
    "special",
    [
        "<!-- </spectrum> -->",
        "<![CDATA[ </spectrum> ]]>",
        "<userParam name='single quotes'/>",
        '<userParam name="two\nlines"/>',
        '<userParam name="&#65;"/>',
        '<userParam name="ü"/>',
        '<cvParam cvRef="MS" accession="MS:1000130" name="positive scan"></cvParam>',
        '<cvParam name="positive scan" accession="MS:1000130" cvRef="MS"/>',
        '<userParam name="a>b"/>',
        "some text",
        '<software id="x" version="1"/>',
        '<ns:thing xmlns:ns="http://example.org/ns"/>',
        '<binaryDataArrayList count="0"/>',
        '<referenceableParamGroupRef ref="g"/>',
    ],
)
def test_spectrum_in_another_way_of_writing_is_the_same_element(special: str) -> None:
    head = (
        '<referenceableParamGroupList count="1"><referenceableParamGroup id="g">'
        '<cvParam cvRef="MS" accession="MS:1000130" name="positive scan"/>'
        "</referenceableParamGroup></referenceableParamGroupList>"
    )
    data = run(spectrum(0), spectrum(1, extra=special), "<!-- between -->", spectrum(2), head=head).encode()
    elements, document, bypassed = scanned(data)
    assert (elements, document) == by_parser_alone(data)[:2]
    assert bypassed > 0
    assert document.starts["spectrum"] == [data.index(f'<spectrum index="{number}"'.encode()) for number in range(3)]


@pytest.mark.parametrize("text", ["AAAA&amp;", "AA\x0bAA", "AA<!-- x -->AA", "AAAA]]>"])
def test_text_of_an_array_that_is_no_base64_is_refused(text: str) -> None:
    data = run(spectrum(0, body=f'<binaryDataArrayList count="1">{array(text, MZ)}</binaryDataArrayList>')).encode()
    assert is_refused(data)


def test_text_array_that_is_no_base64_is_refused() -> None:
    body = array("AA\x0bAA", '<cvParam cvRef="MS" accession="MS:1001479" name="null-terminated ASCII string"/>', "", "")
    body = f'<binaryDataArrayList count="1">{body}</binaryDataArrayList>'
    assert FLOAT64 not in body
    assert is_refused(run(spectrum(0, body=body)).encode())


def is_refused(data: bytes) -> bool:
    reader = MzmlReader(io.BytesIO(data))
    try:
        list(reader)
    except Broken:
        return True
    return reader.faults.has_errors()


@given(st.integers(0, len(PLAIN_RUN)), st.binary(max_size=4), st.integers(0, 4))
@example(PLAIN_RUN.index("<binary>") + 20, b"&", 1)
@example(PLAIN_RUN.index("</spectrum>"), b"<!--", 0)
def test_no_damage_is_seen_by_the_parser_alone(place: int, junk: bytes, lost: int) -> None:
    data = PLAIN_RUN.encode()
    data = data[:place] + junk + data[place + lost :]
    try:
        expected = by_parser_alone(data)[:2]
    except Broken:
        assert is_refused(data)
        return
    assert scanned(data)[:2] == expected
