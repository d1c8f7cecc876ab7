from __future__ import annotations

import gzip
import hashlib
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_mzml import PSI, run, spectrum

from catchment.massspec import mzml, parse, plain
from catchment.massspec.document import Document, Element
from catchment.massspec.faults import Broken
from catchment.massspec.mzml import Scanner
from catchment.massspec.source import open_source

THREE = run(spectrum(0), spectrum(1), spectrum(2))
TIC = (
    '<chromatogramList count="1" defaultDataProcessingRef="DP">'
    '<chromatogram index="0" id="TIC" defaultArrayLength="0"/></chromatogramList>'
)


def scanned(text: str | bytes) -> tuple[list[Element], Document]:
    scanner = Scanner(io.BytesIO(text if isinstance(text, bytes) else text.encode()))
    return list(scanner), scanner.document


def broken(text: str | bytes) -> Broken:
    with pytest.raises(Broken) as caught:
        scanned(text)
    return caught.value


def wrapped(text: str, index: str = "") -> str:
    declaration, document = text.split("\n", 1)
    return f'{declaration}\n<indexedmzML xmlns="{PSI}">\n{document}{index}</indexedmzML>\n'


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_starts_are_the_bytes_of_the_elements(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mzml, "BLOCK_BYTES", block)
    data = run(spectrum(0), "<!-- <spectrum id='no'> -->", spectrum(1, id_="ü"), tail=TIC).encode()
    _, document = scanned(data)
    assert document.starts["spectrum"] == [match.start() for match in re.finditer(rb"<spectrum index", data)]
    assert document.starts["chromatogram"] == [data.index(b"<chromatogram ")]
    assert document.ids == {"spectrum": ["scan=1", "ü"], "chromatogram": ["TIC"]}
    assert data[document.mzml_start :].startswith(b"<mzML ")
    assert data[: document.mzml_end].endswith(b"</mzML>")


def test_element_without_content_is_an_element() -> None:
    elements, _ = scanned(run('<spectrum index="0" id="a" defaultArrayLength="0"/>'))
    assert [(element.id, element.arrays) for element in elements] == [("a", [])]


def test_parameters_of_a_group_stand_where_it_is_referred_to() -> None:
    head = (
        '<referenceableParamGroupList count="1"><referenceableParamGroup id="g">'
        '<cvParam cvRef="MS" accession="MS:1000130" name="positive scan"/>'
        "</referenceableParamGroup></referenceableParamGroupList>"
    )
    elements, _ = scanned(run(spectrum(0, extra='<referenceableParamGroupRef ref="g"/>'), head=head))
    assert ("spectrum", "MS:1000130") in [(param.parent, param.accession) for param in elements[0].params]


def test_header_is_read_without_the_spectra() -> None:
    text = run(spectrum(0), "<!-- " + "x" * 100_000 + " -->", "damage <<<", declared=3)
    document = Scanner(io.BytesIO(text.encode())).read_header()
    assert (document.declared, document.instrument, document.run_id) == ({"spectrum": 3}, "Q Exactive", "r")
    assert document.start_time == "2026-01-15T09:30:00Z"


@pytest.mark.parametrize(
    ("text", "code", "found"),
    [
        (THREE.replace("\n", "\n<!DOCTYPE m>", 1), "XML-001", "DOCTYPE"),
        (THREE[:-200], "MZ-002", "then nothing"),
        ("", "MZ-002", "no bytes"),
        (THREE.replace("</spectrumList>", "</spectra>"), "MZ-003", "mismatched tag"),
        (THREE.replace("PSI-MS", "&lol;"), "MZ-003", "undefined entity"),
        (THREE.encode("utf-16"), "MZ-003", "UTF-16"),
        (THREE.replace('"utf-8"', '"shift-jis"'), "MZ-003", "shift-jis"),
        (THREE.replace(PSI, "http://psi.hupo.org/schema_revision/mzML_0.99.1"), "MZ-015", "0.99.1"),
        (THREE.replace('version="1.1.0"', 'version="2.0"'), "MZ-015", "version 2.0"),
        (THREE.replace("<mzML xmlns", "<m:mzML xmlns:m").replace("</mzML", "</m:mzML"), "MZ-003", "m:mzML"),
        (THREE.replace("<spectrum ", "<spectrumList><spectrum ", 1), "MZ-003", "spectrumList"),
        (run("<cvParam><spectrum id='a'/></cvParam>"), "MZ-003", "<spectrum> inside <cvParam>"),
        (run("<a>" * 40 + "</a>" * 40), "MZ-003", "nested"),
        (wrapped(THREE, "<indexList><index name='x'/></indexList>"), "MZ-003", "index of 'x'"),
    ],
)
def test_file_that_cannot_be_read_on_names_its_rule(text: str | bytes, code: str, found: str) -> None:
    fault = broken(text)
    assert (fault.rule.code, found in fault.found) == (code, True), fault.found


def test_tag_without_end_is_refused_before_it_is_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mzml, "BLOCK_BYTES", 1_000)
    monkeypatch.setattr(mzml, "MAX_WAITING_BYTES", 10_000)
    monkeypatch.setattr(parse, "MAX_TOKEN_BYTES", 10_000)
    fault = broken(THREE.replace('id="scan=2"', f'id="{"x" * 50_000}"'))
    assert "a tag of more than" in fault.found


def test_parameter_groups_cannot_multiply_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parse, "MAX_PARAMS", 50)
    monkeypatch.setattr(plain, "MAX_IN_GROUP", 10)
    param = '<cvParam cvRef="MS" accession="MS:1" name="x"/>'
    head = f'<referenceableParamGroup id="g">{param * 20}</referenceableParamGroup>'
    fault = broken(run(spectrum(0, extra='<referenceableParamGroupRef ref="g"/>' * 5), head=head))
    assert "more than 50 parameters" in fault.found


# --- the submitted index -----------------------------------------------------------------------------------------


def indexed(offsets: list[int], *, index_offset: str = "right", checksum: str = "right") -> bytes:
    """Return three spectra with an index of these offsets."""
    head, _, tail = wrapped(THREE).rpartition("</indexedmzML>")
    entries = "".join(f'<offset idRef="scan={n}">{offset}</offset>' for n, offset in enumerate(offsets, 1))
    start = str(len(head)) if index_offset == "right" else index_offset
    text = f'{head}<indexList count="1"><index name="spectrum">{entries}</index></indexList>'
    text += f"<indexListOffset>{start}</indexListOffset><fileChecksum>"
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest() if checksum == "right" else checksum
    return f"{text}{digest}</fileChecksum></indexedmzML>{tail}".encode()


def starts() -> list[int]:
    return [match.start() for match in re.finditer("<spectrum index", wrapped(THREE))]


@pytest.mark.parametrize("block", [1, 64, 1 << 20])
def test_index_and_checksum_that_are_right_are_found_right(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mzml, "BLOCK_BYTES", block)
    _, document = scanned(indexed(starts()))
    assert (document.index["spectrum"].entries, document.index["spectrum"].wrong) == (3, 0)
    assert document.index_offset == str(document.index_start)
    assert document.checksum_declared == document.checksum_computed


def test_wrong_offsets_are_counted_and_the_first_is_named() -> None:
    _, document = scanned(indexed([starts()[0], 10**18, starts()[2] + 1]))
    check = document.index["spectrum"]
    assert (check.entries, check.wrong) == (3, 2)
    assert f"scan=2 at byte {10**18}, and scan=2 starts at byte {starts()[1]}" in check.first_wrong


def test_index_entry_beyond_the_spectra_is_wrong() -> None:
    _, document = scanned(indexed([*starts(), 5]))
    assert (document.index["spectrum"].entries, document.index["spectrum"].wrong) == (4, 1)
    assert "there is no such element" in document.index["spectrum"].first_wrong


@given(st.integers(0, 3000), st.binary(max_size=6))
def test_no_damage_makes_the_scanner_fail_in_another_way(place: int, junk: bytes) -> None:
    data = indexed(starts())
    place %= len(data)
    try:
        scanned(data[:place] + junk + data[place + len(junk) :])
    except Broken as fault:
        assert fault.rule.level == "error"


# --- gzip --------------------------------------------------------------------------------------------------------


def ids_inside(path: Path) -> list[str]:
    with open_source(path) as source:
        return [element.id for element in Scanner(source)]


def test_gzip_of_several_members_is_read_through(tmp_path: Path) -> None:
    data = THREE.encode()
    (tmp_path / "a.gz").write_bytes(gzip.compress(data[:900]) + gzip.compress(data[900:]))
    assert ids_inside(tmp_path / "a.gz") == ["scan=1", "scan=2", "scan=3"]


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_damaged_gzip_is_a_fault_of_the_container(tmp_path: Path, damage: str) -> None:
    data = gzip.compress(THREE.encode())
    data = data[:-12] if damage == "cut" else data[:-8] + bytes(8)
    (tmp_path / "a.gz").write_bytes(data)
    with pytest.raises(Broken) as caught:
        ids_inside(tmp_path / "a.gz")
    assert caught.value.rule.code == "MZ-017"


def test_gzip_bomb_stops_at_its_ratio(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.gz", "wb") as file:
        file.write(THREE.encode().replace(b"<run ", b" " * 100_000_000 + b"<run "))
    with pytest.raises(Broken) as caught:
        ids_inside(tmp_path / "a.gz")
    assert (caught.value.rule.code, caught.value.rule.unsafe) == ("MZ-016", True)
