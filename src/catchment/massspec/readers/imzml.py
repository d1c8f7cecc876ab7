"""imzML to spectra: an mzML document without numbers, and the file beside it (`.ibd`) that its arrays lie in.

Each array of the document says at which byte of the `.ibd` it starts, how many bytes it has there and how many values
they stand for. None of the three is believed before it is held against the others and the size of the file.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO
from uuid import UUID

import numpy as np

import catchment
from catchment.massspec import imaging, rules
from catchment.massspec.acquisition import TERMS, Piece, Precursor, RunHeader, Scan
from catchment.massspec.arrays import Encoding, Floats, encoding_of, require_room, values_in
from catchment.massspec.document import Document, Element, EncodedArray, Param
from catchment.massspec.faults import Broken, Faults, shown, whole
from catchment.massspec.mzml import Scanner
from catchment.massspec.readers import mzml
from catchment.massspec.readers.mzml import number
from catchment.massspec.source import open_source
from catchment.massspec.spectra import NO_LEVEL, Spectrum

MS1_SPECTRUM = "MS:1000579"
MOBILITY_ARRAY = "MS:1003008"
KEPT_ARRAYS = (mzml.MZ_ARRAY, mzml.INTENSITY_ARRAY, MOBILITY_ARRAY)
UUID_BYTES = 16
# a compressed array may be a little larger than what it holds; one that is far larger is none
SPARE_BYTES = 1_000
BYTES_OF_A_NUMBER = 8
PLACES = {imaging.OFFSET: "offset", imaging.ENCODED_LENGTH: "encoded length", imaging.LENGTH: "array length"}
FILTER, INJECTION_TIME, COLLISION_ENERGY = "MS:1000512", "MS:1000927", "MS:1000045"
WINDOW_LOW, WINDOW_HIGH = "MS:1000501", "MS:1000500"
ISOLATION_LOWER, ISOLATION_UPPER, PEAK_INTENSITY = "MS:1000828", "MS:1000829", "MS:1000042"
# as the schema of mzML wants the id of a spectrum
NATIVE_ID = re.compile(r"\S+=\S+( \S+=\S+)*")


@dataclass(frozen=True)
class Stretch:
    """Where an array lies: its first byte, its bytes, its values and how they are kept."""

    start: int
    size: int
    length: int
    encoding: Encoding


class ImzmlRun:
    """The spectra of an imzML: one piece, since where an element starts is only known by reading.

    Parameters
    ----------
    document
        The `.imzML`.
    arrays
        The `.ibd`.
    max_bytes
        Bytes of one spectrum's decoded arrays at most; None where the run was admitted before.

    Raises
    ------
    Broken
        Where the header cannot be read, or the `.ibd` is that of another imzML.
    """

    def __init__(self, document: Path, arrays: Path, max_bytes: int | None = None) -> None:
        self.path = document
        self.arrays = arrays
        self.arrays_bytes = arrays.stat().st_size
        self.max_bytes = max_bytes
        with open_source(document) as source:
            said = Scanner(source).read_header()
        self.content = {param.accession: param.value for param in said.header if param.parent == "fileContent"}
        self.require_own_arrays()
        self.header = self.header_of(said)
        self.taken = 0
        self.shared: tuple[Stretch, Floats] | None = None

    def header_of(self, said: Document) -> RunHeader:
        """Return what the document says before its first spectrum."""
        settings = {param.accession: param for param in said.header if param.parent == "scanSettings"}
        modes = [name for term, name in imaging.MODES.items() if term in self.content]
        counts = [settings.get(term) for term in (imaging.PIXELS_X, imaging.PIXELS_Y)]
        return RunHeader(
            file_format="MS:1003611",
            id_format="MS:1000824",
            time_unit="second",
            reader="catchment.massspec.imzml",
            reader_version=catchment.__version__,
            spectra=said.declared.get("spectrum"),
            instrument=said.instrument,
            start_time=said.start_time,
            scan_settings=tuple(own for term, own in settings.items() if term in imaging.SETTINGS),
            facts={
                "mode": modes[0] if len(modes) == 1 else "unstated",
                "pixels_x": whole(counts[0].value) if counts[0] else None,
                "pixels_y": whole(counts[1].value) if counts[1] else None,
            },
        )

    def require_own_arrays(self) -> None:
        """Refuse an `.ibd` that does not start with the identifier that the imzML names."""
        declared = self.declared_uuid()
        if declared is None:
            return
        with self.arrays.open("rb") as file:
            found = file.read(UUID_BYTES)
        # some software writes the first three fields of the identifier with their lowest byte first
        if found not in (declared.bytes, declared.bytes_le):
            raise Broken(
                rules.ARRAYS_FOREIGN,
                f"a file that starts with {found.hex() or 'nothing'}",
                where=".ibd",
                expected=f"the identifier {declared.hex} in its first {UUID_BYTES} bytes",
            )

    def declared_uuid(self) -> UUID | None:
        """Return the identifier that the imzML names; None where it names none."""
        digits = re.sub(r"[\s{}-]", "", self.content.get(imaging.UUID, ""))
        return UUID(hex=digits) if re.fullmatch(r"[0-9A-Fa-f]{32}", digits) else None

    def pieces(self) -> tuple[Piece, ...]:
        """Return the whole file."""
        return (Piece(),)

    def scans(self, piece: Piece, faults: Faults) -> Iterator[Scan]:
        """Yield the spectra in their order; then hold the `.ibd` against its declared checksums."""
        if self.declared_uuid() is None:
            expected = f"{imaging.UUID} (universally unique identifier), which the .ibd starts with"
            faults.add(rules.UNSTATED, "fileContent", "no identifier of the .ibd", kind="uuid", expected=expected)
        index = self.taken = 0
        # twice the bytes, for base64 that stands in the document in spite of all
        most = None if self.max_bytes is None else self.max_bytes * 2 + SPARE_BYTES
        with open_source(self.path) as source, self.arrays.open("rb") as file:
            for element in Scanner(source, max_text=most):
                if element.kind == "chromatogram":
                    faults.add(rules.IMZML_LEFT, f"chromatogram {shown(element.id)}", "a chromatogram", kind="time")
                    continue
                scan = self.scan(element, index, file, faults)
                index += 1
                if scan is not None:
                    yield scan
        if not faults.has_errors():
            self.check_checksums(faults)

    def check_checksums(self, faults: Faults) -> None:
        """Hold the `.ibd` against what its imzML says of its bytes."""
        for term, name in ((imaging.SHA1, "sha1"), (imaging.MD5, "md5")):
            declared = self.content.get(term, "").strip().lower()
            if not declared:
                continue
            with self.arrays.open("rb") as file:
                found = hashlib.file_digest(file, partial(hashlib.new, name, usedforsecurity=False)).hexdigest()
            if found != declared:
                expected = f"{name} {shown(declared)}, as the imzML declares"
                faults.add(rules.ARRAYS_FOREIGN, ".ibd", f"{name} {found}", kind=name, expected=expected)

    def scan(self, element: Element, index: int, file: IO[bytes], faults: Faults) -> Scan | None:
        """Return an element's spectrum; None where its arrays are damaged."""
        native_id = native_id_of(element, index, faults)
        where = f"spectrum {shown(native_id)}"
        try:
            arrays = self.arrays_of(element, file, where, faults)
        except Broken as broken:
            faults.add(broken.rule, where, broken.found, expected=broken.expected)
            return None
        values = {param.accession: param for param in reversed(element.params)}  # of a term twice the first counts
        position = position_of(values)
        if not {imaging.POSITION_X, imaging.POSITION_Y} <= position.keys():
            faults.add(rules.PIXEL_MISSING, where, "no position x, or no position y")
            return None
        level = whole(values[mzml.MS_LEVEL].value) if mzml.MS_LEVEL in values else None
        level = level or (1 if MS1_SPECTRUM in values else NO_LEVEL)
        if not level:
            faults.add(rules.UNSTATED, where, "no MS level", kind="level", expected="an MS level of 1 or more")
        time_s = time_of(values, where, faults)
        precursors = precursors_of(values)
        known = precursors[0] if precursors else Precursor(math.nan)
        low, high = number(values.get(WINDOW_LOW)), number(values.get(WINDOW_HIGH))
        spectrum = Spectrum(
            index=index,
            native_id=native_id,
            ms_level=min(level, 99),
            retention_time_s=time_s,
            mz=arrays[mzml.MZ_ARRAY],
            intensity=arrays[mzml.INTENSITY_ARRAY],
            declared_tic=number(values.get(mzml.TIC)),
            precursor_mz=known.target_mz if math.isnan(known.mz) else known.mz,
            charge=known.charges[0] if known.charges else 0,
            polarity=self.stated(mzml.POLARITIES, values),
            representation=self.stated(mzml.REPRESENTATIONS, values),
            inverse_mobility=arrays.get(MOBILITY_ARRAY),
            pixel=(position[imaging.POSITION_X], position[imaging.POSITION_Y]),
        )
        return Scan(
            spectrum,
            time_s,
            precursors,
            filter_text=values[FILTER].value if FILTER in values else "",
            window_mz=None if math.isnan(low) or math.isnan(high) else (low, high),
            injection_time_ms=number(values.get(INJECTION_TIME)),
            position=tuple(position.items()),
        )

    def stated(self, words: dict[str, str], values: dict[str, Param]) -> str:
        """Return what a spectrum is by one of some terms, else what all are by the file's own; empty where none is."""
        for terms in (values.keys(), self.content.keys()):
            found = [word for term, word in words.items() if term in terms]
            if found:
                return found[0] if len(found) == 1 else ""
        return ""

    # --- arrays --------------------------------------------------------------------------------------------------

    def arrays_of(self, element: Element, file: IO[bytes], where: str, faults: Faults) -> dict[str, Floats]:
        """Return m/z, intensities and mobilities (where there are some) by their terms.

        Raises
        ------
        Broken
            Where one is missing, twice, damaged, or lies where no array can be.
        """
        found: dict[str, Stretch] = {}
        for array in element.arrays:
            terms = {param.accession for param in array.params}
            kinds = [kind for kind in KEPT_ARRAYS if kind in terms]
            if not kinds:
                faults.add(rules.IMZML_LEFT, where, "an array of another kind", kind="array")
            elif len(kinds) > 1 or kinds[0] in found:
                raise Broken(rules.ARRAYS_MISSING, "two arrays of one kind, or two kinds of one array")
            else:
                found[kinds[0]] = self.stretch_of(array)
        for kind, name in ((mzml.MZ_ARRAY, "m/z"), (mzml.INTENSITY_ARRAY, "intensity")):
            if kind not in found:
                raise Broken(rules.ARRAYS_MISSING, f"no {name} array")
        lengths = {stretch.length for stretch in found.values()}
        if len(lengths) > 1:
            counts = ", ".join(f"{length:,}" for length in sorted(lengths))
            raise Broken(rules.LENGTH_DIFFERS, f"arrays of {counts} values", expected="as many of each")
        # spectra may share their m/z, never their intensities: so all that is read is bounded by the file
        self.taken += found[mzml.INTENSITY_ARRAY].size
        if self.taken > self.arrays_bytes:
            read = f"intensities of {self.taken:,} bytes so far, in a file of {self.arrays_bytes:,}"
            raise Broken(rules.ARRAY_MISPLACED, f"arrays that overlap: {read}")
        (length,) = lengths
        require_room(length, BYTES_OF_A_NUMBER * length * len(found), self.max_bytes)
        mz = found.pop(mzml.MZ_ARRAY)
        if self.shared is None or self.shared[0] != mz:
            self.shared = mz, values_of(mz, file)
        others = {kind: values_of(stretch, file) for kind, stretch in found.items()}
        return {mzml.MZ_ARRAY: self.shared[1], **others}

    def stretch_of(self, array: EncodedArray) -> Stretch:
        """Return where an array lies; raises `Broken` where that is not said, or is no part of the `.ibd`."""
        values = {param.accession: param.value for param in array.params}
        start, size, length = (whole(values.get(term)) for term in PLACES)
        said = ", ".join(f"{name} {shown(values.get(term, 'missing'))}" for term, name in PLACES.items())
        if start is None or size is None or length is None:
            raise Broken(rules.ARRAY_MISPLACED, said, expected="three whole numbers")
        encoding = encoding_of(tuple(param.accession for param in array.params))
        if encoding.dtype is None:
            raise Broken(rules.ENCODING_UNSUPPORTED, "an array of text")
        if size and (start < UUID_BYTES or start + size > self.arrays_bytes):
            expected = f"bytes {UUID_BYTES} to {self.arrays_bytes:,} of the .ibd"
            raise Broken(rules.ARRAY_MISPLACED, said, expected=expected)
        decoded = length * encoding.dtype.itemsize
        packed = encoding.zlib or encoding.numpress
        if size > 2 * decoded + SPARE_BYTES if packed else size != decoded:
            raise Broken(rules.ARRAY_MISPLACED, said, expected=f"{decoded:,} bytes for {length:,} values")
        return Stretch(start, size, length, encoding)


def values_of(stretch: Stretch, file: IO[bytes]) -> Floats:
    """Return the values of an array."""
    file.seek(stretch.start)
    return values_in(file.read(stretch.size), stretch.encoding, stretch.length).astype(np.float64, copy=False)


def native_id_of(element: Element, index: int, faults: Faults) -> str:
    """Return a spectrum's id, or its place in the run where the id is none that mzML knows."""
    if NATIVE_ID.fullmatch(element.id):
        return element.id
    faults.add(rules.IMZML_LEFT, f"spectrum {index}", f"the id {shown(element.id)!r}", kind="id")
    return f"index={index}"


def position_of(values: dict[str, Param]) -> dict[str, int]:
    """Return where a pixel lies, by the terms of imaging."""
    found = {term: whole(values[term].value) for term in imaging.POSITIONS if term in values}
    return {term: value for term, value in found.items() if value is not None}


def time_of(values: dict[str, Param], where: str, faults: Faults) -> float:
    """Return when a spectrum was acquired, in seconds; NaN where nothing is said, as in most images."""
    param = values.get(mzml.START_TIME)
    value = number(param)
    if param is None or math.isnan(value):
        return math.nan
    if param.unit not in mzml.SECONDS:
        found = f"unit {shown(param.unit)!r}" if param.unit else "no unit"
        faults.add(rules.UNIT_MISSING, where, f"a retention time with {found}", kind="time")
    return value * mzml.SECONDS.get(param.unit, mzml.WITHOUT_UNIT_S)


def precursors_of(values: dict[str, Param]) -> tuple[Precursor, ...]:
    """Return the ion that a spectrum of fragments comes from; none where none is named."""
    ion = values.get(mzml.SELECTED_MZ)
    target = values.get(mzml.ISOLATION_TARGET)
    if ion is None and target is None:
        return ()
    charge = whole(values[mzml.CHARGE].value) if mzml.CHARGE in values else None
    return (
        Precursor(
            mz=number(ion),
            charges=(min(charge, 999),) if charge else (),
            intensity=number(values.get(PEAK_INTENSITY)),
            target_mz=number(target),
            lower=number(values.get(ISOLATION_LOWER)),
            upper=number(values.get(ISOLATION_UPPER)),
            activations=tuple(term for term, own in values.items() if own.parent == "activation" and term in TERMS),
            energy_ev=number(values.get(COLLISION_ENERGY)),
        ),
    )
