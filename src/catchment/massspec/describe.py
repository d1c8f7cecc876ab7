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
from catchment.massspec.recognise import NAMES, folder_formats, promised_by, recognise
from catchment.massspec.source import head_of, open_source
from catchment.schema.records import Asset, Description, Finding, Unreadable
from catchment.schema.rules import MEMBER_EXTRA

MZML = ("mzml", "mzml.gz")
OTHERS = ("mzxml", "mgf", "thermo-raw", "bruker-tdf", "imzml")
WITHOUT_READER = ("agilent-d", "bruker-baf", "bruker-tsf", "sciex-wiff", "waters-raw")
NOT_THROUGH_GZIP = ("thermo-raw", "bruker-tdf", "imzml")
INDEX_OF_CHROMATOGRAMS = re.compile(rb'<index name="chromatogram">(.*?)</index>', re.DOTALL)
MAX_NAMED = 20


def describe(asset: Asset) -> Description | Unreadable:
    """Return what a run's header says: of a file, only its first bytes and its tail are read."""
    head = head_of_asset(asset)
    found = recognise(head)
    if found is not None and found.format in OTHERS and not (head.gzipped and found.format in NOT_THROUGH_GZIP):
        return describe_other(asset, found.format)
    if found is not None and found.format in WITHOUT_READER and not head.gzipped:
        return describe_foreign(asset, found.format)
    if found is None or found.format not in MZML:
        if found is None and rules.NAME_LIES.code in {known.code for known in asset.findings}:
            return Unreadable(findings=())  # what the asset carries says it already
        return Unreadable(findings=unreadable(asset, None if found is None else found.format, head))
    path = Path(asset.files[0].path)
    try:
        with open_source(path) as source:
            document = Scanner(source).read_header()
    except Broken as broken:
        return Unreadable(findings=(*name_findings(asset, found.format), broken.finding("header")))
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
            "indexed_chromatograms": None if head.gzipped else chromatograms_in_tail(path, document),
            "software": [shown(text) for text in document.software[:MAX_NAMED]],
            "source_files": [shown(text) for text in document.source_files[:MAX_NAMED]],
        },
    )


def head_of_asset(asset: Asset) -> Head:
    """Return what `recognise` looks at, of an asset that was received."""
    file = asset.files[0]
    if asset.folder:
        members = tuple(own.name.removeprefix(f"{asset.folder}/") for own in asset.files)
        return Head(name=asset.folder, size=0, start=b"", members=members)
    start, gzipped = head_of(Path(file.path), HEAD_BYTES)
    return Head(name=file.name, size=file.bytes, start=start, gzipped=gzipped)


def describe_foreign(asset: Asset, format_: str) -> Description:
    """Return the little that can be said of a run that only a site's own converter may read; `prepare` asks for one."""
    return Description(
        format=format_,
        reader="none",
        reader_version="",
        axes=("spectrum",),
        shape=(0,),
        dtype="float64",
        facts={"bytes": sum(file.bytes for file in asset.files)},
    )


def describe_other(asset: Asset, format_: str) -> Description | Unreadable:
    """Return what the header of a run in another format than mzML says; where the name lies, that is said first."""
    from catchment.massspec.runs import open_run

    try:
        header = open_run(format_, asset, None).header
    except Broken as broken:
        return Unreadable(findings=(*name_findings(asset, format_), broken.finding(shown(asset.name))))
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
            "bytes": sum(file.bytes for file in asset.files),
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


def unreadable(asset: Asset, format_: str | None, head: Head) -> tuple[Finding, ...]:
    """Return why an asset is no run that can be read here."""
    name = shown(asset.name)
    if format_ is None and head.members:
        return (rules.READER_MISSING.broken(name, f"a folder of {len(head.members):,} files that is no known run"),)
    if format_ is None:
        if not head.start:
            return (rules.EMPTY.broken(name, "an empty file, or gzip with nothing readable in it"),)
        return (rules.NAME_LIES.broken(name, f"content that starts with {head.start[:16]!r}"),)
    inside = " inside gzip" if head.gzipped else ""
    missing = rules.READER_MISSING.broken(name, f"{NAMES[format_]}{inside}; there is no reader for that")
    return (*name_findings(asset, format_), missing)


def name_findings(asset: Asset, format_: str) -> tuple[Finding, ...]:
    """Return the findings for what an asset seems to be and is not: by a file's name, or by more runs in its folder."""
    if asset.folder:
        _, *others = folder_formats(head_of_asset(asset).members) or [format_]
        found = ", ".join(NAMES[other] for other in others)
        return (MEMBER_EXTRA.broken(shown(asset.name), f"also {found}"),) if others else ()
    promised = promised_by(asset.name)
    if promised is None or promised == format_:
        return ()
    found = f"the content is {NAMES[format_]}"
    return (rules.NAME_LIES.broken(shown(asset.name), found, expected=f"{NAMES[promised]}, as the name says"),)
