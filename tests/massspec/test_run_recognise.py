from __future__ import annotations

import gzip
import subprocess
import sys

import pytest
from tiny_mzml import run, spectrum

from catchment.contract import Head
from catchment.massspec import MODALITY
from catchment.massspec.recognise import format_of, promised_by

MZML = run(spectrum(0)).encode()


def head(start: bytes, name: str = "x", **more: object) -> Head:
    return Head(name=name, size=len(start), start=start, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "format_"),
    [
        (MZML, "mzml"),
        (b"\xef\xbb\xbf" + MZML, "mzml"),
        (b"<!-- a > b --><?pi?>\n<indexedmzML xmlns='x'>", "mzml"),
        (b"<!DOCTYPE m [<!ENTITY a 'b'>]><mzML xmlns='x'>", "mzml"),
        (b"<!DOCTYPE m SYSTEM 'x'><mzML>", "mzml"),
        (b"<ms:mzML xmlns:ms='x'>", "mzml"),
        (b"<?xml version='1.0'?><mzXML>", "mzxml"),
        (b"\x01\xa1" + "Finnigan".encode("utf-16-le"), "thermo-raw"),
        (b"# comment\nBEGIN IONS\nTITLE=a\n", "mgf"),
        (b"<html><mzML></html>", None),
        (b"<mzMLx>", None),
        (b"<?xml never ends", None),
        (b"BEGIN IONS\0", None),
        (b"about BEGIN IONS", None),
        (b"", None),
    ],
)
def test_format_is_told_by_content(start: bytes, format_: str | None) -> None:
    assert format_of(start) == format_


def test_name_has_no_say_in_recognition() -> None:
    assert MODALITY.recognise(head(MZML, "run.raw")) == MODALITY.recognise(head(MZML, "run.txt"))
    assert MODALITY.recognise(head(b"hello", "run.mzML")) is None


def test_gzip_around_mzml_is_a_format_of_its_own() -> None:
    found = MODALITY.recognise(head(gzip.decompress(gzip.compress(MZML)), gzipped=True))
    assert found is not None
    assert found.format == "mzml.gz"


def test_hostile_prolog_is_looked_at_in_linear_time() -> None:
    assert format_of(b"<?" * 32_000) is None
    assert format_of(b"<!--" * 16_000) is None


@pytest.mark.parametrize(
    ("name", "format_"),
    [("A.MZML", "mzml"), ("a.mzML.gz", "mzml.gz"), ("a.RAW", "thermo-raw"), ("a.mgf", "mgf"), ("a.xml", None)],
)
def test_name_promises_a_format(name: str, format_: str | None) -> None:
    assert promised_by(name) == format_


def test_importing_the_package_loads_no_heavy_library() -> None:
    code = (
        "import sys, catchment.massspec; "
        "heavy = {'numpy', 'lxml', 'pyarrow', 'pyteomics', 'PIL'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
