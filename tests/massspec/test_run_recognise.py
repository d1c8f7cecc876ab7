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
        (b"SQLite format 3\0 CREATE TABLE Frames (Id, TimsId)", "bruker-tdf"),
        (b"SQLite format 3\0 CREATE TABLE other", None),
        (b'<mzML><cvList><cv id="IMS" URI="x"/></cvList>', "imzml"),
        (b'<indexedmzML><mzML><cvList><cv id="IMS" URI="x"/></cvList>', "mzml"),
        (b"<mzML><cvParam accession='IMS:1000080'/>", "imzml"),
    ],
)
def test_format_is_told_by_content(start: bytes, format_: str | None) -> None:
    assert format_of(start) == format_


def test_name_has_no_say_in_recognition() -> None:
    assert MODALITY.recognise(head(MZML, "run.raw")) == MODALITY.recognise(head(MZML, "run.txt"))
    assert MODALITY.recognise(head(b"hello", "run.mzML")) is None


@pytest.mark.parametrize(
    ("members", "format_"),
    [
        (("analysis.tdf", "analysis.tdf_bin"), "bruker-tdf"),
        (("Analysis.TDF",), "bruker-tdf"),
        (("analysis.baf", "analysis.tdf"), "bruker-tdf"),
        (("analysis.tsf",), "bruker-tsf"),
        (("analysis.baf",), "bruker-baf"),
        (("AcqData/Contents.xml",), "agilent-d"),
        (("_FUNC001.DAT", "_HEADER.TXT"), "waters-raw"),
        (("inner.d/analysis.tdf",), None),
        (("notes.txt",), None),
    ],
)
def test_a_folder_is_told_by_what_is_right_inside_it(members: tuple[str, ...], format_: str | None) -> None:
    found = MODALITY.recognise(Head("x", 0, b"", members=members))
    assert (found.format if found else None) == format_


@pytest.mark.parametrize(
    ("name", "start", "belongs"),
    [
        ("up/analysis.tdf", b"SQLite format 3\0TimsId", ["analysis.tdf_bin"]),
        ("up/Run.imzML", b'<mzML><cv id="IMS"/>', ["Run.IBD"]),
        ("run.wiff", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ["run.wiff.scan"]),
        ("run.mzML", MZML, []),
    ],
)
def test_what_lies_beside_a_file_and_belongs_to_it(name: str, start: bytes, belongs: list[str]) -> None:
    beside = {"analysis.tdf_bin", "Run.IBD", "run.wiff.scan", "other.ibd"}
    assert MODALITY.companions(head(start, name), beside) == belongs


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
