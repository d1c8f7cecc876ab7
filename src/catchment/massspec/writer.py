"""Spectra to mzML: fragments that can be written side by side, and the indexed document that they are joined into.

The bytes depend on the spectra alone: not on how many fragments there were, nor on when and where they were written.
"""

from __future__ import annotations

import binascii
import hashlib
import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import catchment
from catchment.massspec.acquisition import DISSOCIATION, TERMS, Precursor, RunHeader, Scan, TimeUnit
from catchment.massspec.document import NAMESPACE, Document, Param
from catchment.massspec.imaging import POSITIONS, SETTINGS
from catchment.massspec.indexed import WRAPPER, ChecksummedFile, write_index
from catchment.massspec.source import BLOCK_BYTES
from catchment.massspec.spectra import INVERSE_MOBILITY, SpectraTable
from catchment.schema.records import SourceFile

ZLIB_LEVEL = 1  # 6 takes twice the time and saves a hundredth (measured on real runs)
NOT_IN_XML = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 65534, 65535), "?")
ESCAPES = NOT_IN_XML | str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
)
UNITS = {
    "mz": ("MS", "MS:1000040", "m/z"),
    "counts": ("MS", "MS:1000131", "number of detector counts"),
    "second": ("UO", "UO:0000010", "second"),
    "minute": ("UO", "UO:0000031", "minute"),
    "millisecond": ("UO", "UO:0000028", "millisecond"),
    "micrometre": ("UO", "UO:0000017", "micrometer"),
    "electronvolt": ("UO", "UO:0000266", "electronvolt"),
    "mobility": ("MS", "MS:1002814", "volt-second per square centimeter"),
}
POLARITIES = {"+": ("MS:1000130", "positive scan"), "-": ("MS:1000129", "negative scan")}
REPRESENTATIONS = {"centroid": ("MS:1000127", "centroid spectrum"), "profile": ("MS:1000128", "profile spectrum")}
MOBILITY_ARRAY = ("MS:1003008", INVERSE_MOBILITY)
IMAGING_VOCABULARY = (
    '<cv id="IMS" fullName="Imaging MS Ontology" version="0.9.1" '
    'URI="https://raw.githubusercontent.com/imzML/imzML/master/imagingMS.obo"/>'
)
CHROMATOGRAMS = (
    ("TIC", "MS:1000235", "total ion current chromatogram"),
    ("BPC", "MS:1000628", "basepeak chromatogram"),
)


# --- pieces of text ----------------------------------------------------------------------------------------------


def quoted(text: str) -> str:
    """Return a text as an attribute's value; what XML cannot hold becomes `?`."""
    return f'"{text.encode("utf-8", "replace").decode().translate(ESCAPES)}"'


def param(accession: str, name: str, value: object = "", unit: str = "") -> str:
    """Return a cvParam; numbers are written so that they read back as the same number."""
    text = quoted(value if isinstance(value, str) else repr(value))
    own = ""
    if unit:
        source, term, label = UNITS[unit]
        own = f' unitCvRef="{source}" unitAccession="{term}" unitName="{label}"'
    return f'<cvParam cvRef="{accession.partition(":")[0]}" accession="{accession}" name="{name}" value={text}{own}/>'


def stated(accession: str, name: str, value: float, unit: str = "") -> str:
    """Return a cvParam of a number; nothing where it is not stated."""
    return "" if math.isnan(value) else param(accession, name, float(value), unit)


def array(values: NDArray[Any], accession: str, name: str, unit: str) -> str:
    """Return a binaryDataArray: 32-bit floats where they hold every value exactly and are no m/z, else 64-bit."""
    numbers = np.ascontiguousarray(values, "<f8")
    with np.errstate(over="ignore"):  # to infinity, which is not equal
        single = numbers.astype("<f4")
    short = accession == "MS:1000515" and np.array_equal(single.astype("<f8"), numbers)
    data = zlib.compress((single if short else numbers).tobytes(), ZLIB_LEVEL)
    text = binascii.b2a_base64(data, newline=False).decode()
    precision = param("MS:1000521", "32-bit float") if short else param("MS:1000523", "64-bit float")
    return (
        f'<binaryDataArray encodedLength="{len(text)}">{precision}{param("MS:1000574", "zlib compression")}'
        f"{param(accession, name, '', unit)}<binary>{text}</binary></binaryDataArray>\n"
    )


def spectrum_xml(scan: Scan, index: int, time_unit: TimeUnit) -> bytes:
    """Return a spectrum as mzML."""
    own = scan.spectrum
    mz, intensity = own.mz, own.intensity
    parts = [
        f'<spectrum index="{index}" id={quoted(own.native_id)} defaultArrayLength="{len(mz)}">\n',
        param("MS:1000511", "ms level", own.ms_level),
        param("MS:1000579", "MS1 spectrum") if own.ms_level == 1 else param("MS:1000580", "MSn spectrum"),
        param(*REPRESENTATIONS[own.representation]) if own.representation else "",
        param(*POLARITIES[own.polarity]) if own.polarity else "",
        stated("MS:1000285", "total ion current", own.declared_tic, "counts"),
    ]
    if len(mz):
        top = int(np.argmax(intensity))
        parts += [
            param("MS:1000504", "base peak m/z", float(mz[top]), "mz"),
            param("MS:1000505", "base peak intensity", float(intensity[top]), "counts"),
            param("MS:1000528", "lowest observed m/z", float(mz.min()), "mz"),
            param("MS:1000527", "highest observed m/z", float(mz.max()), "mz"),
        ]
    parts += [
        param("MS:1000796", "spectrum title", scan.title) if scan.title else "",
        param("MS:1000797", "peak list scans", scan.scan_numbers) if scan.scan_numbers else "",
        f'\n<scanList count="1">{param("MS:1000795", "no combination")}<scan>',
        stated("MS:1000016", "scan start time", scan.start_time, time_unit),
        param("MS:1000512", "filter string", scan.filter_text) if scan.filter_text else "",
        stated("MS:1000927", "ion injection time", scan.injection_time_ms, "millisecond"),
        "".join(param(term, POSITIONS[term], value) for term, value in scan.position),
        window_xml(scan.window_mz),
        "</scan></scanList>\n",
        precursors_xml(scan.precursors),
        f'<binaryDataArrayList count="{2 if own.inverse_mobility is None else 3}">\n',
        array(mz, "MS:1000514", "m/z array", "mz"),
        array(intensity, "MS:1000515", "intensity array", "counts"),
        "" if own.inverse_mobility is None else array(own.inverse_mobility, *MOBILITY_ARRAY, "mobility"),
        "</binaryDataArrayList></spectrum>\n",
    ]
    return "".join(parts).encode()


def window_xml(window_mz: tuple[float, float] | None) -> str:
    """Return the list of a scan's one window; nothing where it is not stated."""
    if window_mz is None:
        return ""
    limits = param("MS:1000501", "scan window lower limit", float(window_mz[0]), "mz") + param(
        "MS:1000500", "scan window upper limit", float(window_mz[1]), "mz"
    )
    return f'<scanWindowList count="1"><scanWindow>{limits}</scanWindow></scanWindowList>'


def precursors_xml(precursors: tuple[Precursor, ...]) -> str:
    """Return the list of a spectrum's precursors; nothing where there is none."""
    if not precursors:
        return ""
    text = "".join(precursor_xml(precursor) for precursor in precursors)
    return f'<precursorList count="{len(precursors)}">{text}</precursorList>\n'


def precursor_xml(own: Precursor) -> str:
    """Return a precursor: isolation window, selected ion, activation."""
    reference = f" spectrumRef={quoted(own.spectrum_ref)}" if own.spectrum_ref else ""
    window = (
        stated("MS:1000827", "isolation window target m/z", own.target_mz, "mz")
        + stated("MS:1000828", "isolation window lower offset", own.lower, "mz")
        + stated("MS:1000829", "isolation window upper offset", own.upper, "mz")
    )
    # one charge is known; several are what a peak list leaves open
    charge = ("MS:1000041", "charge state") if len(own.charges) == 1 else ("MS:1000633", "possible charge state")
    ion = (
        stated("MS:1000744", "selected ion m/z", own.mz, "mz")
        + "".join(param(*charge, value) for value in own.charges)
        + stated("MS:1000042", "peak intensity", own.intensity, "counts")
        + stated("MS:1002815", "inverse reduced ion mobility", own.inverse_mobility, "mobility")
    )
    activation = (
        "".join(param(term, TERMS[term]) for term in own.activations or (DISSOCIATION,))
        + stated("MS:1000045", "collision energy", own.energy_ev, "electronvolt")
        + stated("MS:1002680", "supplemental collision energy", own.supplemental_energy_ev, "electronvolt")
    )
    return (
        f"<precursor{reference}>"
        + (f"<isolationWindow>{window}</isolationWindow>" if window else "")
        + (f'<selectedIonList count="1"><selectedIon>{ion}</selectedIon></selectedIonList>' if ion else "")
        + f"<activation>{activation}</activation></precursor>"
    )


# --- fragments ---------------------------------------------------------------------------------------------------


@dataclass
class Fragment:
    """Consecutive spectra in a file of their own, where each starts in it, and their table."""

    path: Path
    starts: list[int] = field(default_factory=list)
    table: SpectraTable = field(default_factory=SpectraTable)


def write_fragment(scans: Iterable[Scan], time_unit: TimeUnit, path: Path) -> Fragment:
    """Write spectra into a file; a spectrum's index is what its reader says."""
    fragment = Fragment(path)
    position = 0
    with path.open("wb") as file:
        for scan in scans:
            data = spectrum_xml(scan, scan.spectrum.index, time_unit)
            file.write(data)
            fragment.starts.append(position)
            fragment.table.add(scan.spectrum)
            position += len(data)
    return fragment


# --- the document ------------------------------------------------------------------------------------------------


def join(
    fragments: Iterable[Fragment],
    table: SpectraTable,
    header: RunHeader,
    sources: Sequence[SourceFile],
    name: str,
    target: Path,
) -> Document:
    """Write the indexed document around its fragments, which it removes; return where its parts are.

    Parameters
    ----------
    table
        The rows of all fragments, in their order.
    sources
        The files that were read, where they lie now.
    name
        The submitter's name of the run.
    """
    document = Document(wrapped=True, version="1.1.0", run_id="run", start_time=header.start_time, complete=True)
    with target.open("xb") as raw:
        file = ChecksummedFile(raw)
        file.write(header_xml(header, table, name, sources).encode())
        for fragment in fragments:
            document.starts["spectrum"] += [file.position + start for start in fragment.starts]
            document.ids["spectrum"] += fragment.table.rows["native_id"]
            with fragment.path.open("rb") as part:
                while block := part.read(BLOCK_BYTES):
                    file.write(block)
            fragment.path.unlink()
        file.write(b"</spectrumList>\n")
        write_chromatograms(table, header, document, file)
        file.write(b"</run>\n</mzML>")
        document.mzml_end = file.position
        file.write(b"\n")
        write_index(document, file, 0)
    return document


def header_xml(header: RunHeader, table: SpectraTable, name: str, sources: Sequence[SourceFile]) -> str:
    """Return all that stands before the first spectrum."""
    levels = set(table.rows["ms_level"])
    content = (param("MS:1000579", "MS1 spectrum") if 1 in levels else "") + (
        param("MS:1000580", "MSn spectrum") if levels - {1} else ""
    )
    software = "".join(
        f'<software id="source{number}" version={quoted(version or "unknown")}>'
        f"{param(term, TERMS[term], title)}</software>"
        for number, (term, title, version) in enumerate(header.software, start=1)
    )
    model = param("MS:1000031", "instrument model", header.instrument or "")
    serial = param("MS:1000529", "instrument serial number", header.serial_number) if header.serial_number else ""
    start = f" startTimeStamp={quoted(header.start_time)}" if header.start_time else ""
    tool = TERMS["MS:1000799"]
    files = "".join(source_xml(number, source, header) for number, source in enumerate(sources, start=1))
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n{WRAPPER.decode()}'
        f'<mzML xmlns="{NAMESPACE}" id={quoted(Path(name).stem)} version="1.1.0">\n'
        f'<cvList count="{2 if header.scan_settings is None else 3}">'
        '<cv id="MS" fullName="Proteomics Standards Initiative Mass Spectrometry Ontology" '
        'version="4.1.258" URI="http://purl.obolibrary.org/obo/ms/psi-ms.obo"/>'
        '<cv id="UO" fullName="Unit Ontology" URI="http://purl.obolibrary.org/obo/uo.obo"/>'
        f"{'' if header.scan_settings is None else IMAGING_VOCABULARY}</cvList>\n"
        f'<fileDescription><fileContent>{content}</fileContent><sourceFileList count="{len(sources)}">'
        f"{files}</sourceFileList></fileDescription>\n"
        f'<softwareList count="{2 + len(header.software)}">{software}'
        f'<software id="reader" version={quoted(header.reader_version)}>'
        f"{param('MS:1000799', tool, header.reader)}</software>"
        f'<software id="catchment" version={quoted(catchment.__version__)}>'
        f"{param('MS:1000799', tool, 'catchment')}</software></softwareList>\n"
        f"{settings_xml(header.scan_settings)}"
        '<instrumentConfigurationList count="1">'
        f'<instrumentConfiguration id="instrument">{model}{serial}</instrumentConfiguration>'
        "</instrumentConfigurationList>\n"
        '<dataProcessingList count="1"><dataProcessing id="conversion">'
        f'<processingMethod order="0" softwareRef="reader">{param("MS:1000544", "Conversion to mzML")}'
        "</processingMethod></dataProcessing></dataProcessingList>\n"
        f'<run id="run" defaultInstrumentConfigurationRef="instrument" defaultSourceFileRef="source"{start}>\n'
        f'<spectrumList count="{len(table)}" defaultDataProcessingRef="conversion">\n'
    )


def settings_xml(settings: Sequence[Param] | None) -> str:
    """Return how an image was taken; nothing where nothing is said of it."""
    if not settings:
        return ""
    units = {term: key for key, (_, term, _) in UNITS.items()}
    own = "".join(param(own.accession, SETTINGS[own.accession], own.value, units.get(own.unit, "")) for own in settings)
    return f'<scanSettingsList count="1"><scanSettings id="image">{own}</scanSettings></scanSettingsList>\n'


def source_xml(number: int, source: SourceFile, header: RunHeader) -> str:
    """Return a file that the run was read from, with its SHA-1, by which mzML names its sources."""
    own = "source" if number == 1 else f"sourceFile{number}"
    terms = param(header.id_format, TERMS[header.id_format]) + param(header.file_format, TERMS[header.file_format])
    sha1 = param("MS:1000569", "SHA-1", sha1_of(Path(source.path)))
    return f'<sourceFile id="{own}" name={quoted(source.name)} location="file:///">{terms}{sha1}</sourceFile>'


def write_chromatograms(table: SpectraTable, header: RunHeader, document: Document, file: ChecksummedFile) -> None:
    """Write total ion current and base peak over time, of all spectra; none of what is no whole run."""
    columns = table.columns()
    if not header.whole_run or not np.isfinite(columns["rt_s"]).all():
        return
    # the instrument's own ion current where it gives one: it counts what no peak holds
    currents = np.where(np.isnan(columns["declared_tic"]), columns["tic"], columns["declared_tic"])
    highest = np.nan_to_num(columns["base_peak_intensity"], nan=0.0)
    file.write(f'<chromatogramList count="{len(CHROMATOGRAMS)}" defaultDataProcessingRef="conversion">\n'.encode())
    for number, ((id_, term, name), values) in enumerate(zip(CHROMATOGRAMS, (currents, highest), strict=True)):
        document.starts["chromatogram"].append(file.position)
        document.ids["chromatogram"].append(id_)
        times = array(columns["rt_s"], "MS:1000595", "time array", "second")
        heights = array(values, "MS:1000515", "intensity array", "counts")
        file.write(
            f'<chromatogram index="{number}" id="{id_}" defaultArrayLength="{len(table)}">{param(term, name)}'
            f'<binaryDataArrayList count="2">{times}{heights}</binaryDataArrayList></chromatogram>\n'.encode()
        )
    file.write(b"</chromatogramList>\n")


def sha1_of(path: Path) -> str:
    """Return the SHA-1 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.sha1(usedforsecurity=False)).hexdigest()
