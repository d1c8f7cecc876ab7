"""Runs in other formats than mzML: opened by format, read by pieces, checked, and written as mzML."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from catchment import compute
from catchment.massspec import rules
from catchment.massspec.acquisition import Piece, Run, Scan
from catchment.massspec.checks import check_count, check_order, is_sound
from catchment.massspec.document import Document
from catchment.massspec.faults import Broken, Faults, shown
from catchment.massspec.readers.imzml import ImzmlRun
from catchment.massspec.readers.mgf import MgfRun
from catchment.massspec.readers.mzxml import MzxmlRun
from catchment.massspec.readers.tdf import TdfRun
from catchment.massspec.readers.thermo import ThermoRun
from catchment.massspec.spectra import SpectraTable
from catchment.massspec.writer import Fragment, join, write_fragment
from catchment.schema.records import Asset, Finding, SourceFile
from catchment.schema.rules import MEMBER_MISSING

RUNS: dict[str, Callable[[Path, int | None], Run]] = {"mgf": MgfRun, "mzxml": MzxmlRun, "thermo-raw": ThermoRun}
TDF, TDF_PEAKS = "analysis.tdf", "analysis.tdf_bin"
# those that are read from two files
PAIRS: dict[str, Callable[[Path, Path, int | None], Run]] = {"bruker-tdf": TdfRun, "imzml": ImzmlRun}
TDF_JOURNALS = ("analysis.tdf-wal", "analysis.tdf-journal")


@dataclass
class Reading:
    """What came of reading a run, or a piece of it: the spectra's table, their faults, the fragments written."""

    table: SpectraTable = field(default_factory=SpectraTable)
    faults: Faults = field(default_factory=Faults)
    fragments: list[Fragment] = field(default_factory=list)


def sources_of(asset: Asset, format_: str) -> tuple[SourceFile, ...]:
    """Return the files that a run is read from.

    Raises
    ------
    Broken
        Where one is missing.
    """
    if format_ not in PAIRS:
        return asset.files[:1]
    document = PurePosixPath(asset.name)
    wanted = (document.name, f"{document.stem}.ibd") if format_ == "imzml" else (TDF, TDF_PEAKS)
    for journal in filter(None, map(asset.file, TDF_JOURNALS)):
        if journal.bytes:
            raise Broken(rules.RAW_UNFINISHED, f"{journal.bytes:,} bytes that are not in {TDF} yet", where=journal.name)
    found = [asset.file(name) for name in wanted]
    missing = [name for name, file in zip(wanted, found, strict=True) if file is None]
    if missing:
        raise Broken(MEMBER_MISSING, f"no {shown(missing[0])}", where=shown(asset.name))
    return tuple(file for file in found if file is not None)


def open_run(format_: str, asset: Asset, max_bytes: int | None) -> Run:
    """Return the run in the files of an asset.

    Parameters
    ----------
    max_bytes
        Bytes of one spectrum's decoded arrays at most; None where the run was admitted before.

    Raises
    ------
    Broken
        Where a file is missing, its header cannot be read, or its reader is not set up.
    """
    paths = [Path(file.path) for file in sources_of(asset, format_)]
    return PAIRS[format_](paths[0], paths[1], max_bytes) if format_ in PAIRS else RUNS[format_](paths[0], max_bytes)


def read_spectra(run: Run, folder: Path | None = None, threads: int | None = None) -> Reading:
    """Read a run to its end; with a folder, also write its spectra there, a fragment for each piece."""
    reading = Reading()
    for part in compute.each(partial(read_piece, run, folder), run.pieces(), threads):
        reading.faults.merge(part.faults)
        reading.table.extend(part.table)
        reading.fragments += part.fragments
    check_order(reading.table, reading.faults)
    if not reading.faults.has_errors():
        check_count(reading.table, run.header.spectra, reading.faults)
    return reading


def read_piece(run: Run, folder: Path | None, piece: Piece) -> Reading:
    """Read a piece of a run; what stops it is one of its faults."""
    reading = Reading()
    scans = checked(run, piece, reading.faults)
    if folder is None:
        for scan in scans:
            reading.table.add(scan.spectrum)
        return reading
    fragment = write_fragment(scans, run.header.time_unit, folder / f"{piece.first}.xml")
    reading.fragments.append(fragment)
    reading.table = fragment.table
    return reading


def checked(run: Run, piece: Piece, faults: Faults) -> Iterator[Scan]:
    """Yield a piece's spectra that can be kept."""
    try:
        for scan in run.scans(piece, faults):
            if is_sound(scan.spectrum, faults):
                yield scan
    except Broken as broken:
        faults.add(broken.rule, broken.where or "run", broken.found, expected=broken.expected)


def findings_of(run: Run, reading: Reading) -> tuple[Finding, ...]:
    """Return what is wrong with a run, and what its format cannot hold."""
    found = reading.faults.findings()
    if run.header.whole_run:
        return found
    missing = "fragment spectra only: no MS1, no ion current over time, no instrument"
    return (*found, rules.PEAK_LIST_LACKS.broken("run", missing))


def write_run(
    run: Run, sources: Sequence[SourceFile], name: str, target: Path, threads: int | None = None
) -> tuple[Reading, Document]:
    """Write a run as indexed mzML; where reading finds an error, nothing is written, and the document is empty."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fragments-") as folder:
        reading = read_spectra(run, Path(folder), threads)
        if reading.faults.has_errors():
            return reading, Document()
        return reading, join(reading.fragments, reading.table, run.header, sources, name, target)
