"""What the headers of a run say, and why a file that is no readable run cannot be described."""

from __future__ import annotations

import re
from pathlib import Path

import catchment
from catchment.contract import HEAD_BYTES, Head
from catchment.massspec import rules
from catchment.massspec.document import Document
from catchment.massspec.faults import Broken, shown
from catchment.massspec.mzml import Scanner
from catchment.massspec.recognise import NAMES, promised_by, recognise
from catchment.massspec.source import head_of, open_source
from catchment.schema.records import Asset, Description, Finding, Unreadable

MZML = ("mzml", "mzml.gz")
OTHERS = ("mzxml", "mgf", "thermo-raw")
INDEX_OF_CHROMATOGRAMS = re.compile(rb'<index name="chromatogram">(.*?)</index>', re.DOTALL)
MAX_NAMED = 20


def describe(asset: Asset) -> Description | Unreadable:
    """Return what a run's header says: of the file, only its first bytes and its tail are read."""
    file = asset.files[0]
    path = Path(file.path)
    if path.is_dir():
        return Unreadable(findings=(rules.READER_MISSING.broken(shown(file.name), "a folder, not a file"),))
    start, gzipped = head_of(path, HEAD_BYTES)
    found = recognise(Head(name=file.name, size=path.stat().st_size, start=start, gzipped=gzipped))
    if found is not None and found.format in OTHERS and not (gzipped and found.format == "thermo-raw"):
        return describe_other(path, file.name, found.format)
    if found is None or found.format not in MZML:
        if found is None and rules.NAME_LIES.code in {known.code for known in asset.findings}:
            return Unreadable(findings=())  # what the asset carries says it already
        return Unreadable(findings=unreadable(file.name, None if found is None else found.format, start))
    try:
        with open_source(path) as source:
            document = Scanner(source).read_header()
    except Broken as broken:
        return Unreadable(findings=(*name_findings(file.name, found.format), broken.finding("header")))
    return Description(
        format=found.format,
        reader="catchment.massspec.mzml",
        reader_version=catchment.__version__,
        axes=("spectrum",),
        shape=(document.declared.get("spectrum") or 0,),
        dtype="float64",
        units={"mz": "m/z", "intensity": "number of detector counts", "retention_time": "second"},
        instrument=document.instrument,
        facts={
            "bytes": path.stat().st_size,
            "mzml_version": document.version,
            "run_id": document.run_id,
            "start_time": document.start_time,
            "encoding": document.encoding,
            "indexed": document.wrapped,
            "declared_spectra": document.declared.get("spectrum"),
            "indexed_chromatograms": None if gzipped else chromatograms_in_tail(path, document),
            "software": [shown(text) for text in document.software[:MAX_NAMED]],
            "source_files": [shown(text) for text in document.source_files[:MAX_NAMED]],
        },
    )


def describe_other(path: Path, name: str, format_: str) -> Description | Unreadable:
    """Return what the header of a run in another format than mzML says; where the name lies, that is said first."""
    from catchment.massspec.runs import open_run

    try:
        header = open_run(format_, path, None).header
    except Broken as broken:
        return Unreadable(findings=(*name_findings(name, format_), broken.finding(shown(name))))
    return Description(
        format=format_,
        reader=header.reader,
        reader_version=header.reader_version,
        axes=("spectrum",),
        shape=(header.spectra or 0,),
        dtype="float64",
        units={"mz": "m/z", "intensity": "number of detector counts", "retention_time": "second"},
        instrument=header.instrument,
        facts={
            "bytes": path.stat().st_size,
            "start_time": header.start_time,
            "declared_spectra": header.spectra,
            "whole_run": header.whole_run,
            "software": [shown(f"{title} {version}".strip()) for _, title, version in header.software[:MAX_NAMED]],
            **header.facts,
        },
    )


def chromatograms_in_tail(path: Path, document: Document) -> int | None:
    """Return how many chromatograms the index at the end of the file lists; None where it does not reach that far."""
    if not document.wrapped:
        return None
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - HEAD_BYTES))
        match = INDEX_OF_CHROMATOGRAMS.search(file.read(HEAD_BYTES))
    return match[1].count(b"<offset") if match else None


def unreadable(name: str, format_: str | None, start: bytes) -> tuple[Finding, ...]:
    """Return why a file is no run that can be read here."""
    if not start:
        return (rules.EMPTY.broken(shown(name), "an empty file, or gzip with nothing readable in it"),)
    if format_ is None:
        return (rules.NAME_LIES.broken(shown(name), f"content that starts with {start[:16]!r}"),)
    missing = rules.READER_MISSING.broken(
        shown(name), f"the file is {NAMES[format_]} inside gzip; there is no reader for that"
    )
    return (*name_findings(name, format_), missing)


def name_findings(name: str, format_: str) -> tuple[Finding, ...]:
    """Return the finding for a name that promises another format than the content has."""
    promised = promised_by(name)
    if promised is None or promised == format_:
        return ()
    found = f"the content is {NAMES[format_]}"
    return (rules.NAME_LIES.broken(shown(name), found, expected=f"{NAMES[promised]}, as the name says"),)
