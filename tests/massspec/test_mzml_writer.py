"""The writer's terms are those of psi-ms, its text is XML whatever a submitter wrote, its numbers are kept exactly."""

from __future__ import annotations

import gzip
import importlib.util
import re
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from catchment.massspec.acquisition import TERMS, Precursor, Scan
from catchment.massspec.arrays import Encoding, decode
from catchment.massspec.spectra import Spectrum
from catchment.massspec.writer import array, quoted, spectrum_xml

NUMBERS = st.lists(st.floats(allow_nan=False, allow_infinity=False, width=64), max_size=20)


def vocabulary() -> dict[str, str]:
    spec = importlib.util.find_spec("psims")
    assert spec is not None
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0]) / "controlled_vocabulary/vendor/psi-ms.obo.gz"
    text = gzip.decompress(path.read_bytes()).decode()
    return dict(re.findall(r"^id: (MS:\d+)\nname: (.*)$", text, re.MULTILINE))


def test_every_term_has_the_name_that_psi_ms_gives_it() -> None:
    source = Path(__file__).parents[2] / "src/catchment/massspec/writer.py"
    written = dict(re.findall(r'"(MS:\d{7})",\s*"([^"]+)"', source.read_text(encoding="utf-8")))
    assert len(written) > 30
    known = vocabulary()
    for accession, name in {**TERMS, **written}.items():
        assert known[accession] == name


@given(st.text())
def test_any_text_is_an_attribute(text: str) -> None:
    element = etree.fromstring(f"<a b={quoted(text)}/>".encode())
    kept = element.get("b") or ""
    assert len(kept) == len(text)
    assert all(one in (other, "?") for one, other in zip(kept, text, strict=True))


@given(NUMBERS)
def test_arrays_read_back_exactly(values: list[float]) -> None:
    for accession in ("MS:1000514", "MS:1000515"):
        element = etree.fromstring(array(np.array(values), accession, "x", "mz").encode())
        double = any(param.get("accession") == "MS:1000523" for param in element)
        dtype = np.dtype("<f8" if double else "<f4")
        found = decode(element.findtext("binary") or "", Encoding(dtype, True), len(values), None)
        assert found.astype(float).tolist() == values
        assert double or accession == "MS:1000515"


def test_what_is_not_known_is_not_written() -> None:
    spectrum = Spectrum(0, "scan=1", 2, float("nan"), np.zeros(0), np.zeros(0))
    element = etree.fromstring(spectrum_xml(Scan(spectrum, precursors=(Precursor(float("nan")),)), 0, "second"))
    assert {param.get("accession") for param in element.iter("cvParam")} == {
        *("MS:1000511", "MS:1000580", "MS:1000795", "MS:1000044"),
        *("MS:1000514", "MS:1000515", "MS:1000521", "MS:1000523", "MS:1000574"),
    }
