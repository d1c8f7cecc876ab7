"""MGF (Mascot generic format) to spectra: fragment spectra as lines of text, without the run that they came from.

Format as Mascot's documentation of data files has it: KEY=value, then a line for each peak, between BEGIN IONS and
END IONS. Lines that start with #, ; ! or / are comments; a KEY=value before the first spectrum holds for all.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import catchment
from catchment.massspec import rules
from catchment.massspec.acquisition import Piece, Precursor, RunHeader, Scan
from catchment.massspec.faults import Broken, Faults, shown
from catchment.massspec.source import BLOCK_BYTES, Source, open_source
from catchment.massspec.spectra import Spectrum

MAX_LINE_BYTES = 1 << 16
MAX_FIELDS = 1_000
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
COMMENTS = frozenset({b"#", b";", b"!", b"/"})
FIELD = re.compile(r"([A-Za-z][A-Za-z0-9_ ]{0,63}?)\s*=\s*(.*)", re.DOTALL)
CHARGE = re.compile(r"([+-]?)(\d{1,3})([+-]?)", re.ASCII)
FRAGMENTS = 2  # the format is made for searches of fragment spectra; it states no level
BYTES_OF_A_PEAK = 16


@dataclass
class Query:
    """A spectrum while its lines are read."""

    fields: dict[str, str]
    mz: list[float] = field(default_factory=list)
    intensity: list[float] = field(default_factory=list)


class MgfRun:
    """The spectra of a peak list: one piece, since where a spectrum starts is only known by reading."""

    def __init__(self, path: Path, max_bytes: int | None = None) -> None:
        self.path = path
        self.max_peaks = None if max_bytes is None else max_bytes // BYTES_OF_A_PEAK
        self.header = RunHeader(
            file_format="MS:1001062",
            id_format="MS:1000774",
            time_unit="second",
            reader="catchment.massspec.mgf",
            reader_version=catchment.__version__,
            whole_run=False,
        )

    def pieces(self) -> tuple[Piece, ...]:
        """Return the whole file."""
        return (Piece(),)

    def scans(self, piece: Piece, faults: Faults) -> Iterator[Scan]:
        """Yield the spectra in their order; lines that say nothing are faults."""
        common: dict[str, str] = {}
        query: Query | None = None
        count = 0
        with open_source(self.path) as source:
            for number, raw in enumerate(lines_of(source), start=1):
                line = raw.decode("utf-8", "replace").strip()
                if not line or raw.lstrip()[:1] in COMMENTS:
                    continue
                where = f"line {number:,}"
                if line == "BEGIN IONS" and query is None:
                    query = Query(dict(common))
                elif line == "END IONS" and query is not None:
                    yield scan_of(query, count, where, faults)
                    count += 1
                    query = None
                else:
                    self.take(line, where, common, query, faults)
        if query is not None:
            raise Broken(
                rules.TRUNCATED,
                f"a spectrum without END IONS after {count:,} others",
                where="end of file",
                expected="END IONS after each BEGIN IONS",
            )

    def take(self, line: str, where: str, common: dict[str, str], query: Query | None, faults: Faults) -> None:
        """Take a field or a peak."""
        fields = common if query is None else query.fields
        if match := FIELD.fullmatch(line):
            fields[match[1].upper()] = match[2].strip()
            if len(fields) > MAX_FIELDS:
                raise Broken(rules.PEAK_LIST_LINE, f"more than {MAX_FIELDS:,} fields", where=where)
            return
        peak = None if query is None else numbers_of(line)
        if query is None or peak is None:
            found = f"{shown(line)!r}{'' if query else ', outside of a spectrum'}"
            faults.add(rules.PEAK_LIST_LINE, where, found)
            return
        query.mz.append(peak[0])
        query.intensity.append(peak[1])
        if self.max_peaks is not None and len(query.mz) > self.max_peaks:
            raise Broken(rules.SPECTRUM_TOO_LARGE, f"more than {self.max_peaks:,} peaks", where=where)


def lines_of(source: Source) -> Iterator[bytes]:
    """Yield the lines of a text, whatever ends them, without their ends."""
    rest = b""
    first = True
    while block := source.read(BLOCK_BYTES):
        if first:
            block, first = block.removeprefix(BYTE_ORDER_MARK), False
        *lines, rest = (rest + block).replace(b"\r\n", b"\n").split(b"\n")
        yield from lines
        if len(rest) > MAX_LINE_BYTES:
            raise Broken(rules.PEAK_LIST_LINE, f"a line of more than {MAX_LINE_BYTES:,} bytes")
    yield rest


def numbers_of(text: str) -> tuple[float, float] | None:
    """Return m/z and intensity of a line; one without intensity is no peak, what stands behind them is its charge."""
    words = text.split()
    if not 2 <= len(words) <= 3:
        return None
    try:
        return float(words[0]), float(words[1])
    except ValueError:
        return None


def scan_of(query: Query, index: int, where: str, faults: Faults) -> Scan:
    """Return the spectrum of some lines; a field that cannot be read is a fault."""
    fields = query.fields
    time_s = seconds_of(fields.get("RTINSECONDS", ""))
    mass = [number_of(word) for word in fields.get("PEPMASS", "").split()[:2]]
    if "PEPMASS" in fields and (not mass or math.isnan(mass[0])):
        found = f"PEPMASS={shown(fields['PEPMASS'])}"
        faults.add(rules.PEAK_LIST_LINE, where, found, kind="mass", expected="PEPMASS=m/z, or m/z and intensity")
    charges, negative = charges_of(fields.get("CHARGE", ""))
    precursor = Precursor(
        mz=mass[0] if mass else math.nan, charges=charges, intensity=mass[1] if len(mass) > 1 else math.nan
    )
    spectrum = Spectrum(
        index=index,
        native_id=f"index={index}",
        ms_level=FRAGMENTS,
        retention_time_s=time_s,
        mz=np.array(query.mz, np.float64),
        intensity=np.array(query.intensity, np.float64),
        precursor_mz=precursor.mz,
        charge=charges[0] if len(charges) == 1 else 0,
        polarity="-" if negative else "",
        representation="centroid",
    )
    title, scan_numbers = fields.get("TITLE", ""), fields.get("SCANS", "")
    return Scan(spectrum, time_s, (precursor,), title=title, scan_numbers=scan_numbers)


def number_of(text: str) -> float:
    """Return a finite number, NaN where the text is none."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def seconds_of(text: str) -> float:
    """Return the first time in a field: of spectra that were summed, several may stand there."""
    return number_of(re.split(r"[-,]", text, maxsplit=1)[0]) if text else math.nan


def charges_of(text: str) -> tuple[tuple[int, ...], bool]:
    """Return the charges that a field names (`2+`, `2+ and 3+`), and whether they are negative."""
    found = [match for match in CHARGE.finditer(text) if int(match[2])]
    return tuple(int(match[2]) for match in found), any("-" in (match[1], match[3]) for match in found)
