"""A written run held against what was read of the submitted one: by our structure scan and an independent reader."""

from __future__ import annotations

import math
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from catchment.massspec import rules
from catchment.massspec.faults import Broken, Faults, shown
from catchment.massspec.mzml import Scanner
from catchment.massspec.numpress import DECODERS, Floats
from catchment.massspec.source import open_source
from catchment.massspec.spectra import INVERSE_MOBILITY, SpectraTable, Spectrum
from catchment.massspec.validate import index_problem
from catchment.schema.records import Finding

ALL_UP_TO = 2_000
SAMPLED = 100
SECONDS = {"second": 1.0, "minute": 60.0, "millisecond": 0.001, "hour": 3600.0}


@dataclass(frozen=True)
class Term:
    """A term of which nothing is known but its accession."""

    name: str
    relationship: tuple[()] = ()


NUMPRESS = {
    "MS:1002312": "MS-Numpress linear prediction compression",
    "MS:1002313": "MS-Numpress positive integer compression",
    "MS:1002314": "MS-Numpress short logged float compression",
}


class NoTerms:
    """A vocabulary that knows no term: values are read by their form.

    Without one, pyteomics would fetch today's PSI-MS from the network (or parse 7 MB of it for 3 s), and then refuse
    spectra with a term that is not in it.
    """

    def __getitem__(self, accession: str) -> Term:
        return Term(accession)


def verify(path: Path, table: SpectraTable) -> tuple[Finding, ...]:
    """Return what differs between the file that was written and the spectra that were read."""
    return structure_findings(path, len(table)) or spectra_findings(path, table)


def structure_findings(path: Path, count: int) -> tuple[Finding, ...]:
    """Scan the file anew: declared, parsed and indexed spectra agree, each offset is right, the SHA-1 fits."""
    faults = Faults()
    try:
        with open_source(path) as source:
            scanner = Scanner(source, arrays=False)
            for _ in scanner:
                pass
    except Broken as broken:
        return (rules.READ_BACK_DIFFERS.broken(path.name, f"the file cannot be read: {broken}"),)
    document = scanner.document
    counts = {document.declared.get("spectrum"), len(document.ids["spectrum"]), count}
    if len(counts) != 1 or count == 0:
        faults.add(rules.READ_BACK_DIFFERS, path.name, f"counts of spectra that differ: {sorted(map(str, counts))}")
    problem = index_problem(document)
    if problem:
        faults.add(rules.READ_BACK_DIFFERS, path.name, problem, kind="index")
    if document.checksum_declared != document.checksum_computed:
        faults.add(rules.READ_BACK_DIFFERS, path.name, "a checksum that does not fit", kind="checksum")
    return faults.findings()


def spectra_findings(path: Path, table: SpectraTable) -> tuple[Finding, ...]:
    """Read spectra by id with pyteomics (all of a small run, 100 of a large one) and compare every number."""
    from lxml import etree

    with warnings.catch_warnings():
        # pyteomics imports psims, which misses a plugin that nothing here needs
        warnings.simplefilter("ignore", UserWarning)
        from pyteomics import auxiliary, mzml

    # what pyteomics and the parser beneath it raise on spectra they cannot make sense of
    raised = (auxiliary.PyteomicsError, etree.LxmlError, KeyError, IndexError, ValueError, TypeError, AttributeError)
    faults = Faults()
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always", UserWarning)
        with mzml.PreIndexedMzML(str(path), huge_tree=True, cv=NoTerms()) as reader:
            # what it reads with a package that has no wheel for older systems; such arrays are kept as they were sent
            reader.compression_type_map = {**reader.compression_type_map, **numpress_decoders()}
            for row in sampled(len(table)):
                native_id = table.rows["native_id"][row]
                where = f"spectrum {shown(native_id)}"
                try:
                    spectrum = from_pyteomics(reader.get_by_id(native_id), row)
                except raised as error:
                    found = f"pyteomics cannot read it: {shown(str(error)) or type(error).__name__}"
                    faults.add(rules.READ_BACK_DIFFERS, where, found, kind="unread")
                    continue
                if spectrum.digest() != table.digests[row]:
                    faults.add(rules.READ_BACK_DIFFERS, where, "other numbers than were sent", kind="numbers")
    if complaints:
        # above all: that it could not use the index, and made one of its own
        found = f"pyteomics complains: {shown(str(complaints[0].message))}"
        faults.add(rules.READ_BACK_DIFFERS, path.name, found, kind="complaint")
    return faults.findings()


def numpress_decoders() -> dict[str, Callable[[bytes], Floats]]:
    """Return what reads MS-Numpress by the names of its terms."""
    own = {name: DECODERS[accession] for accession, name in NUMPRESS.items()}

    def inside_zlib(decoder: Callable[[bytes], Floats]) -> Callable[[bytes], Floats]:
        return lambda data: decoder(zlib.decompress(data))

    suffix = " followed by zlib compression"
    return {**own, **{f"{name}{suffix}": inside_zlib(decoder) for name, decoder in own.items()}}


def sampled(count: int) -> list[int]:
    """Return the rows to read back: all of a small run, evenly spaced ones of a large."""
    return list(range(count)) if count <= ALL_UP_TO else np.linspace(0, count - 1, SAMPLED).astype(int).tolist()


def from_pyteomics(found: dict[str, Any], index: int) -> Spectrum:
    """Return a spectrum as pyteomics read it, in our terms."""
    is_mass = "wavelength array" not in found or "m/z array" in found
    positions = found.get("m/z array" if is_mass else "wavelength array", ())
    mobility = found.get(INVERSE_MOBILITY)
    scans = found.get("scanList", {}).get("scan", [{}])
    time = scans[0].get("scan start time", math.nan) if scans else math.nan
    unit = getattr(time, "unit_info", None)
    return Spectrum(
        index=index,
        native_id=found["id"],
        ms_level=int(found.get("ms level", 0)) if is_mass else 0,
        retention_time_s=float(time) * SECONDS.get(unit or "minute", 60.0),
        mz=np.asarray(positions, np.float64),
        intensity=np.asarray(found.get("intensity array", ()), np.float64),
        is_mass_spectrum=is_mass,
        inverse_mobility=np.asarray(mobility, np.float64) if is_mass and mobility is not None else None,
    )
