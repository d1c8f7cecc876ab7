"""A run to indexed mzML: the document as sent, its index and checksum written anew, everything read back."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import JsonValue

import catchment
from catchment.config import MassspecConvert
from catchment.massspec.describe import OTHERS
from catchment.massspec.document import Document
from catchment.massspec.faults import Broken
from catchment.massspec.indexed import write_indexed
from catchment.massspec.metrics import charge_fractions, level_counts, mzqc, run_metrics
from catchment.massspec.source import open_source
from catchment.massspec.spectra import SpectraTable
from catchment.massspec.tables import write_spectra, write_thumbnail
from catchment.massspec.validate import index_problem, read_run
from catchment.massspec.validity import written_findings
from catchment.massspec.verify import verify
from catchment.schema.records import Asset, Description, Product, Unreadable
from catchment.schema.rules import is_error
from catchment.storage import Place, digest_file, environment_fault

REPRESENTATION = "MS:1000525"  # centroid or profile: peak lists and many mzXML do not say which
SIDE_CARS = {
    "spectra": "spectra.parquet",
    "survey_map": "survey_map.parquet",
    "qc": "qc.mzqc.json",
    "thumbnail": "thumbnail.png",
}


def convert(asset: Asset, description: Description, place: Place, settings: MassspecConvert) -> Product | Unreadable:
    """Write a run as `<asset>.mzML` with its side-cars; return what was written, or why the run is damaged.

    Raises
    ------
    EnvironmentFault
        Where the disk refuses.
    """
    source = Path(asset.files[0].path)
    target = place.path / f"{asset.asset}.mzML"
    if description.format in OTHERS:
        return convert_other(asset, description, target)
    # what admit found at most so large is not bounded again: operators set that bound in one place
    table, document, findings = read_run(source, None)
    errors = tuple(finding for finding in findings if is_error(finding))
    if errors:
        return Unreadable(findings=errors)
    try:
        copy_run(source, document, target)
        differences = verify(target, table)
        if differences:
            return Unreadable(findings=differences)
        write_side_cars(table, document, target)
    except OSError as error:
        raise environment_fault(error, target) from error
    state = "absent" if not document.wrapped else "wrong" if index_problem(document) else "right"
    return product_of(table, document, target, {"submitted_index": state})


def convert_other(asset: Asset, description: Description, target: Path) -> Product | Unreadable:
    """Write a run in another format as mzML, read it back, and return what was written, or why the run is damaged."""
    from catchment.massspec.runs import open_run, sources_of, write_run

    try:
        run = open_run(description.format, asset, None)
        reading, document = write_run(run, sources_of(asset, description.format), asset.name, target)
        if reading.faults.has_errors():
            return Unreadable(findings=tuple(filter(is_error, reading.faults.findings())))
        unstated = frozenset({REPRESENTATION} if "" in reading.table.rows["centroid"] else ())
        differences = verify(target, reading.table) or written_findings(target, document, unstated)
        if differences:
            return Unreadable(findings=differences)
        write_side_cars(reading.table, document, target)
    except Broken as broken:
        return Unreadable(findings=(broken.finding("header"),))
    except OSError as error:
        raise environment_fault(error, target) from error
    made_by = f"{run.header.reader} {run.header.reader_version}"
    return product_of(reading.table, document, target, {"converted_from": description.format, "converted_by": made_by})


def product_of(table: SpectraTable, document: Document, target: Path, facts: dict[str, JsonValue]) -> Product:
    """Return what was written."""
    return Product(
        kind="mzml",
        path=target.name,
        logical_digest=table.digest(),
        side_cars=SIDE_CARS,
        facts={
            "spectra": len(table),
            "chromatograms": len(document.ids["chromatogram"]),
            "ms_levels": dict(level_counts(table.columns())),
            **facts,
            "start_time": document.start_time,
        },
    )


def copy_run(source: Path, document: Document, target: Path) -> None:
    """Copy the document into a new indexed file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with open_source(source) as run, target.open("xb") as file:
        write_indexed(run, document, file)


def write_side_cars(table: SpectraTable, document: Document, target: Path) -> None:
    """Write the spectra's table, the map of MS1, the mzQC document and the thumbnail beside the run."""
    columns = table.columns()
    report = mzqc(
        run_metrics(columns, len(document.ids["chromatogram"])),
        charge_fractions(columns),
        file_name=target.name,
        sha256=digest_file(target),
        start_time=document.start_time,
        version=catchment.__version__,
    )
    table.surveys.write(target.with_name(SIDE_CARS["survey_map"]))
    write_spectra(columns, target.with_name(SIDE_CARS["spectra"]))
    target.with_name(SIDE_CARS["qc"]).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    write_thumbnail(columns, target.with_name(SIDE_CARS["thumbnail"]))
