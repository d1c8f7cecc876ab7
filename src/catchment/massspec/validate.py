"""Every fault of a run in one pass, each with its spectrum, and what the pass learnt."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import JsonValue

from catchment.config import MassspecAdmit
from catchment.massspec import rules
from catchment.massspec.describe import OTHERS, name_findings
from catchment.massspec.document import Document
from catchment.massspec.faults import Broken, Faults, shown
from catchment.massspec.metrics import as_json, level_counts, run_metrics
from catchment.massspec.readers.mzml import MzmlReader
from catchment.massspec.source import open_source
from catchment.massspec.spectra import SpectraTable
from catchment.massspec.validity import validity_findings
from catchment.schema.records import Admission, Asset, Description, Finding
from catchment.schema.rules import is_error

MB = 1_000_000


def validate(description: Description, asset: Asset, settings: MassspecAdmit) -> Admission:
    """Return every fault of a run, and its statistics."""
    named = name_findings(asset, description.format)
    if description.format in OTHERS:
        table, document, findings = read_other(description.format, asset, settings.max_spectrum_mb * MB)
    else:
        path = Path(asset.files[0].path)
        table, document, findings = read_run(path, settings.max_spectrum_mb * MB)
        if document.complete and not any(map(is_error, findings)):
            # what is damaged breaks these rules as well
            findings = (*findings, *validity_findings(path, document))
    told = instrument_findings(asset.annotations.get("comment[instrument]", ""), description.instrument)
    return Admission(findings=(*named, *told, *findings), statistics=statistics(table, document))


def instrument_findings(described: str, acquired_by: str | None) -> tuple[Finding, ...]:
    """Return the finding for an SDRF that names another instrument model than the run does, where both name one."""
    name = re.search(r"(?:^|;)\s*NT\s*=\s*([^;]+)", described)
    said = (name[1] if name else described).strip()
    if not said or not acquired_by or "=" in said or letters(said) == letters(acquired_by):
        return ()
    return (rules.INSTRUMENT_DIFFERS.broken("comment[instrument]", shown(said), expected=shown(acquired_by)),)


def letters(name: str) -> str:
    """Return a name by which models are compared: its letters and digits, in lower case."""
    return "".join(character for character in name.lower() if character.isalnum())


def read_run(path: Path, max_bytes: int | None) -> tuple[SpectraTable, Document, tuple[Finding, ...]]:
    """Read a run from front to back; return the table of its spectra, what the file says of itself, and every fault."""
    table = SpectraTable()
    with open_source(path) as source:
        reader = MzmlReader(source, max_bytes)
        try:
            for spectrum in reader:
                table.add(spectrum)
        except Broken as broken:
            return table, reader.document, (*reader.faults.findings(), broken.finding(reader.scanner.place()))
    return table, reader.document, (*reader.faults.findings(), *document_findings(reader.document))


def read_other(format_: str, asset: Asset, max_bytes: int | None) -> tuple[SpectraTable, Document, tuple[Finding, ...]]:
    """Read a run in another format than mzML; it has no mzML document, so that one is empty."""
    from catchment.massspec.runs import findings_of, open_run, read_spectra

    try:
        run = open_run(format_, asset, max_bytes)
    except Broken as broken:
        return SpectraTable(), Document(), (broken.finding("header"),)
    reading = read_spectra(run)
    return reading.table, Document(), findings_of(run, reading)


def document_findings(document: Document) -> tuple[Finding, ...]:
    """Return what is wrong with a file that could be read to its end: counts, version, index, checksum."""
    faults = Faults()
    for kind, list_ in (("spectrum", "spectrumList"), ("chromatogram", "chromatogramList")):
        parsed, declared = len(document.ids[kind]), document.declared.get(kind)
        if parsed != declared and (parsed or kind in document.declared):
            expected = "a count" if declared is None else f"{declared:,}, as declared"
            faults.add(rules.COUNTS_DIFFER, list_, f"{parsed:,} {kind} elements", kind=kind, expected=expected)
        elif not parsed and kind == "spectrum":
            faults.add(rules.COUNTS_DIFFER, "run", "no spectra", kind=kind, expected="at least one spectrum")
    if not document.version:
        faults.add(rules.UNSTATED, "mzML", "no version", kind="version", expected="version 1.1.0")
    if document.wrapped:
        add_index_faults(document, faults)
    return faults.findings()


def add_index_faults(document: Document, faults: Faults) -> None:
    """Hold the index and the checksum that a file brings against what is in it."""
    problem = index_problem(document)
    if problem:
        wrong = sum(check.wrong for check in document.index.values())
        faults.add(rules.INDEX_WRONG, "indexList", problem)
        faults.tallies[rules.INDEX_WRONG.code, ""].count = max(1, wrong)
    declared = document.checksum_declared
    if declared is not None and declared.lower() != document.checksum_computed:
        found = f"{declared[:40]!r}, and the bytes give {document.checksum_computed}"
        faults.add(rules.CHECKSUM_DIFFERS, "fileChecksum", found)


def index_problem(document: Document) -> str:
    """Say what is wrong with a file's index; nothing where it is right."""
    if document.index_start is None:
        return "no index inside <indexedmzML>"
    for kind, check in document.index.items():
        if check.wrong:
            return check.first_wrong
        if check.entries != len(document.ids[kind]):
            return f"{check.entries:,} entries for {len(document.ids[kind]):,} {kind} elements"
    if "spectrum" not in document.index:
        return "no index of spectra"
    if document.index_offset != str(document.index_start):
        return (
            f"indexListOffset {(document.index_offset or '')[:20]!r}, and the index is at byte {document.index_start}"
        )
    return ""


def statistics(table: SpectraTable, document: Document) -> dict[str, JsonValue]:
    """Return what later steps and people want to know of a run without reading it again."""
    state = "absent" if not document.wrapped else "wrong" if index_problem(document) else "right"
    found: dict[str, JsonValue] = {"spectra": len(table), "index": state}
    if len(table):
        columns = table.columns()
        metrics = run_metrics(columns, len(document.ids["chromatogram"]))
        found |= {name: as_json(value) for name, value in metrics.items()}
        found |= {"ms_levels": dict(level_counts(columns)), "points": int(columns["points"].sum())}
    return found
