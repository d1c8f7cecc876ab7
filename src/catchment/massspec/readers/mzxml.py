"""mzXML to spectra: scans, which may stand inside the scan that they come from, with their peaks in one array.

mzXML 2.0 to 3.2 (its schema's elements and attributes). The index at its end is not read; its SHA-1 is checked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np

import catchment
from catchment.massspec import rules
from catchment.massspec.acquisition import BEAM_COLLISION, COLLISION, Piece, Precursor, RunHeader, Scan
from catchment.massspec.arrays import Floats, from_base64, inflate
from catchment.massspec.faults import Broken, Faults, shown, whole
from catchment.massspec.source import BLOCK_BYTES, Passed, open_source
from catchment.massspec.spectra import Spectrum

NAMESPACE = "http://sashimi.sourceforge.net/schema"
MAX_TOKEN_BYTES = 16 << 20
MAX_DEPTH = 32
MAX_NAMED = 20
MAX_PRECURSORS = 1_000
DURATION = re.compile(
    r"(-?)P(?:T)?(?:(\d+(?:\.\d*)?)H)?(?:(\d+(?:\.\d*)?)M)?(?:(\d*\.?\d+(?:[eE][+-]?\d+)?)S)?", re.ASCII
)
DTYPES: dict[str, np.dtype[Any]] = {"32": np.dtype(">f4"), "64": np.dtype(">f8"), "": np.dtype(">f4")}
# activationMethod of mzXML 3
ACTIVATIONS = {
    "CID": COLLISION,
    "HCD": BEAM_COLLISION,
    "ETD": "MS:1000598",
    "ECD": "MS:1000250",
    "PQD": "MS:1000599",
    "IRMPD": "MS:1000262",
}
PAIRS = frozenset({"", "m/z-int"})


@dataclass
class Peaks:
    """An array as it stands there."""

    attributes: dict[str, str]
    text: list[str] = field(default_factory=list)


@dataclass
class Element:
    """A scan while it is read: its attributes, its peaks, and (attributes, text) of its precursors."""

    attributes: dict[str, str]
    parent: str
    peaks: list[Peaks] = field(default_factory=list)
    precursors: list[tuple[dict[str, str], list[str]]] = field(default_factory=list)
    number: int = 0
    handed_on: bool = False


class Parser:
    """One pass of expat over a file; scans come out in the order in which they begin."""

    def __init__(self, max_text: int | None) -> None:
        self.max_text = max_text
        self.stack: list[str] = []
        self.open: list[Element] = []
        self.ready: list[Element] = []
        self.declared: int | None = None
        self.header_complete = False
        self.instrument: dict[str, str] = {}
        self.software: list[tuple[str, str]] = []
        self.parents: list[str] = []
        self.count = 0
        self.fed = 0
        self.passed = Passed()
        self.text: list[str] | None = None
        self.text_length = 0
        self.sha1: tuple[list[str], str] | None = None
        self.expat = expat.ParserCreate()
        self.expat.buffer_text = True
        self.expat.StartElementHandler = self.start
        self.expat.EndElementHandler = self.end
        self.expat.CharacterDataHandler = self.characters
        self.expat.StartDoctypeDeclHandler = self.refuse_doctype

    def feed(self, block: bytes) -> None:
        """Parse one more block; none ends the file."""
        self.passed.add(block)
        self.fed += len(block)
        try:
            self.expat.Parse(block, not block)
        except expat.ExpatError as error:
            if not block:
                found = f"{self.fed:,} bytes with {self.count:,} scans, then nothing"
                raise Broken(rules.TRUNCATED, found, where=self.place()) from None
            found = f"{expat.ErrorString(error.code)} at line {error.lineno}"
            raise Broken(rules.MALFORMED, found, where=self.place()) from None
        if self.fed - max(self.expat.CurrentByteIndex, 0) > MAX_TOKEN_BYTES:
            raise Broken(rules.MALFORMED, f"a tag of more than {MAX_TOKEN_BYTES:,} bytes", where=self.place())
        self.passed.let_go()

    def place(self) -> str:
        """Say how far we are, for a finding."""
        return f"scan {shown(self.open[-1].attributes.get('num', ''))}" if self.open else f"after {self.count:,} scans"

    def refuse_doctype(self, name: str, *_: object) -> None:
        raise Broken(rules.DOCTYPE, f"a DOCTYPE ({shown(name)})", where="XML declaration")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if not self.stack and not attributes.get("xmlns", NAMESPACE).startswith(NAMESPACE):
            raise Broken(
                rules.VERSION_UNSUPPORTED,
                f"<{shown(name)}> of namespace {shown(attributes['xmlns'])}",
                where=name,
                expected=f"mzXML ({NAMESPACE}...)",
            )
        self.stack.append(name)
        if len(self.stack) > MAX_DEPTH:
            raise Broken(rules.MALFORMED, f"elements nested {MAX_DEPTH} deep and deeper", where=self.place())
        if name in STARTS:
            STARTS[name](self, attributes)

    def end(self, name: str) -> None:
        self.stack.pop()
        if name == "scan" and self.open:
            self.hand_on()
            self.open.pop()
        elif name in ("peaks", "precursorMz", "sha1"):
            self.text = None

    def characters(self, text: str) -> None:
        if self.text is None:
            return
        self.text.append(text)
        self.text_length += len(text)
        if self.max_text is not None and self.text_length > self.max_text:
            found = f"more than {self.max_text:,} characters in one scan"
            raise Broken(rules.SPECTRUM_TOO_LARGE, found, where=self.place())

    def hand_on(self) -> None:
        """Hand on the innermost open scan, once: what it holds itself stands before the scans inside it."""
        scan = self.open[-1]
        if not scan.handed_on:
            self.ready.append(scan)
            scan.handed_on = True

    def start_scan(self, attributes: dict[str, str]) -> None:
        self.header_complete = True
        if self.open:
            self.hand_on()
        parent = self.open[-1].attributes.get("num", "") if self.open else ""
        self.open.append(Element(attributes, parent, number=self.count))
        self.count += 1
        self.text_length = 0

    def start_peaks(self, attributes: dict[str, str]) -> None:
        if self.open and not self.open[-1].handed_on:
            peaks = Peaks(attributes)
            self.open[-1].peaks.append(peaks)
            self.text = peaks.text
            if len(self.open[-1].peaks) > MAX_NAMED:
                raise Broken(rules.MALFORMED, f"more than {MAX_NAMED} arrays in one scan", where=self.place())
        else:
            raise Broken(rules.MALFORMED, "peaks outside of their scan", where=self.place())

    def start_precursor(self, attributes: dict[str, str]) -> None:
        if self.open and not self.open[-1].handed_on:
            text: list[str] = []
            self.open[-1].precursors.append((attributes, text))
            self.text = text
            if len(self.open[-1].precursors) > MAX_PRECURSORS:
                raise Broken(rules.MALFORMED, f"more than {MAX_PRECURSORS:,} precursors", where=self.place())

    def start_run(self, attributes: dict[str, str]) -> None:
        if self.declared is None:
            self.declared = whole(attributes.get("scanCount"))

    def start_sha1(self, attributes: dict[str, str]) -> None:
        text: list[str] = []
        self.text, self.text_length = text, 0
        covered = self.passed.tag_end(self.expat.CurrentByteIndex)
        self.sha1 = (text, self.passed.sha1_up_to(covered))

    def note_instrument(self, attributes: dict[str, str]) -> None:
        self.instrument.setdefault(self.stack[-1], attributes.get("value", ""))

    def note_software(self, attributes: dict[str, str]) -> None:
        if len(self.software) < MAX_NAMED:
            self.software.append((attributes.get("name", ""), attributes.get("version", "")))

    def note_parent(self, attributes: dict[str, str]) -> None:
        if len(self.parents) < MAX_NAMED:
            self.parents.append(re.split(r"[/\\]", attributes.get("fileName", ""))[-1])


STARTS = {
    "msRun": Parser.start_run,
    "scan": Parser.start_scan,
    "peaks": Parser.start_peaks,
    "precursorMz": Parser.start_precursor,
    "sha1": Parser.start_sha1,
    "msManufacturer": Parser.note_instrument,
    "msModel": Parser.note_instrument,
    "software": Parser.note_software,
    "parentFile": Parser.note_parent,
}


class MzxmlRun:
    """The spectra of an mzXML file: one piece, since its index is a stranger's word."""

    def __init__(self, path: Path, max_bytes: int | None = None) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self.max_text = None if max_bytes is None else max_bytes * 2 + 1_000
        parser = Parser(self.max_text)
        with open_source(path) as source:
            while not parser.header_complete:
                block = source.read(1 << 16)
                parser.feed(block)
                if not block:
                    break
        model = " ".join(part for part in (parser.instrument.get(key, "") for key in MODEL) if part)
        self.header = RunHeader(
            file_format="MS:1000566",
            id_format="MS:1000776",
            time_unit="second",
            reader="catchment.massspec.mzxml",
            reader_version=catchment.__version__,
            spectra=parser.declared,
            instrument=shown(model) or None,
            software=tuple(("MS:1000799", shown(name), shown(version)) for name, version in parser.software),
            facts={"source_file": shown(parser.parents[0]) if parser.parents else None},
        )

    def pieces(self) -> tuple[Piece, ...]:
        """Return the whole file."""
        return (Piece(),)

    def scans(self, piece: Piece, faults: Faults) -> Iterator[Scan]:
        """Yield the scans in the order in which they begin."""
        parser = Parser(self.max_text)
        with open_source(self.path) as source:
            while True:
                block = source.read(BLOCK_BYTES)
                parser.feed(block)
                for element in parser.ready:
                    scan = scan_of(element, self.max_bytes, faults)
                    if scan is not None:
                        yield scan
                parser.ready.clear()
                if not block:
                    break
        if parser.sha1 is not None and "".join(parser.sha1[0]).strip().lower() != parser.sha1[1]:
            declared = shown("".join(parser.sha1[0]).strip())
            faults.add(rules.CHECKSUM_DIFFERS, "sha1", f"{declared!r}, and the bytes give {parser.sha1[1]}")


MODEL = ("msManufacturer", "msModel")


def scan_of(element: Element, max_bytes: int | None, faults: Faults) -> Scan | None:
    """Return an element's spectrum; None where its arrays are damaged."""
    get = element.attributes.get
    where = f"scan {shown(get('num', ''))}"
    try:
        mz, intensity = peaks_of(element, max_bytes)
    except Broken as broken:
        faults.add(broken.rule, where, broken.found, expected=broken.expected)
        return None
    level = whole(get("msLevel"))
    if not level:
        faults.add(rules.UNSTATED, where, "no MS level", kind="level", expected="an MS level of 1 or more")
    time_s = seconds_of(get("retentionTime", ""))
    precursors = tuple(precursor_of(attributes, "".join(text), element) for attributes, text in element.precursors)
    spectrum = Spectrum(
        index=element.number,
        native_id=f"scan={get('num', '')}",
        ms_level=min(level or 0, 99),
        retention_time_s=time_s,
        mz=mz,
        intensity=intensity,
        declared_tic=number_of(get("totIonCurrent", "")),
        precursor_mz=precursors[0].mz if precursors else math.nan,
        charge=precursors[0].charges[0] if precursors and precursors[0].charges else 0,
        polarity=get("polarity", "") if get("polarity", "") in ("+", "-") else "",
        representation={"1": "centroid", "0": "profile"}.get(get("centroided", ""), ""),
    )
    low, high = number_of(get("startMz", "")), number_of(get("endMz", ""))
    window = None if math.isnan(low) or math.isnan(high) else (low, high)
    return Scan(spectrum, time_s, precursors, filter_text=get("filterLine", ""), window_mz=window)


def peaks_of(element: Element, max_bytes: int | None) -> tuple[Floats, Floats]:
    """Return m/z and intensities: pairs of big-endian numbers in base64, plain or as one zlib stream.

    Raises
    ------
    Broken
        Where the array is encoded otherwise, damaged, or of another length than declared.
    """
    count = whole(element.attributes.get("peaksCount"))
    if count is None:
        found = f"peaksCount {shown(element.attributes.get('peaksCount', ''))!r}"
        raise Broken(rules.LENGTH_DIFFERS, found, expected="a whole number")
    if not element.peaks and count == 0:
        return np.zeros(0), np.zeros(0)
    if len(element.peaks) != 1:
        raise Broken(rules.ARRAYS_MISSING, f"{len(element.peaks)} arrays of peaks, {count:,} peaks declared")
    attributes = element.peaks[0].attributes
    kind = attributes.get("contentType", attributes.get("pairOrder", ""))
    compression = attributes.get("compressionType", "none")
    dtype = DTYPES.get(attributes.get("precision", ""))
    if kind not in PAIRS or compression not in ("none", "zlib") or dtype is None:
        found = f"{shown(kind)}, {shown(attributes.get('precision', ''))} bits, compression {shown(compression)}"
        raise Broken(rules.ENCODING_UNSUPPORTED, found, expected="pairs of 32- or 64-bit numbers, plain or zlib")
    expected = 2 * count * dtype.itemsize
    if max_bytes is not None and expected > max_bytes:
        raise Broken(rules.SPECTRUM_TOO_LARGE, f"{count:,} peaks declared ({expected:,} bytes)")
    data = from_base64("".join(element.peaks[0].text))
    data, size = inflate(data, expected) if compression == "zlib" and data else (data, len(data))
    # an empty scan is written as one peak at zero by some software
    if count == 0 and data in (b"", bytes(2 * dtype.itemsize)):
        return np.zeros(0), np.zeros(0)
    if size != expected:
        found = f"{size / dtype.itemsize:,g} values of {dtype.itemsize} bytes"
        raise Broken(rules.LENGTH_DIFFERS, found, expected=f"{2 * count:,} values for {count:,} peaks")
    pairs = np.frombuffer(data, dtype).astype(np.float64).reshape(count, 2)
    return np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])


def precursor_of(attributes: dict[str, str], text: str, element: Element) -> Precursor:
    """Return a precursor; where it names no scan of origin, it is the scan around its own."""
    mz = number_of(text)
    width = number_of(attributes.get("windowWideness", ""))
    charge = whole(attributes.get("precursorCharge"))
    possible = [whole(word) for word in attributes.get("possibleCharges", "").split(",")]
    origin = attributes.get("precursorScanNum") or element.parent
    method = ACTIVATIONS.get(attributes.get("activationMethod", "").upper())
    return Precursor(
        mz=mz,
        charges=(charge,) if charge else tuple(value for value in possible if value)[:MAX_NAMED],
        intensity=number_of(attributes.get("precursorIntensity", "")),
        target_mz=mz if width > 0 else math.nan,
        lower=width / 2 if width > 0 else math.nan,
        upper=width / 2 if width > 0 else math.nan,
        activations=(method,) if method else (),
        energy_ev=number_of(element.attributes.get("collisionEnergy", "")),
        spectrum_ref=f"scan={origin}" if whole(origin) is not None else "",
    )


def number_of(text: str) -> float:
    """Return a finite number, NaN where the text is none."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def seconds_of(text: str) -> float:
    """Return an XML duration (`PT353.43S`, `PT1M2.5S`) in seconds, NaN where the text is none."""
    match = DURATION.fullmatch(text.strip())
    if match is None or not any(match[number] for number in (2, 3, 4)):
        return math.nan
    hours, minutes, seconds = (float(match[number] or 0) for number in (2, 3, 4))
    value = hours * 3_600 + minutes * 60 + seconds
    return -value if match[1] else value
