"""mzML to spectra: each element's parameters and arrays, decoded and checked; faults are counted, never raised."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from catchment.massspec import rules
from catchment.massspec.arrays import Floats, decode, encoding_of, from_base64
from catchment.massspec.document import Element, EncodedArray, Param
from catchment.massspec.faults import Broken, Faults, shown, whole
from catchment.massspec.mzml import Scanner
from catchment.massspec.source import Source
from catchment.massspec.spectra import INVERSE_MOBILITY, NO_LEVEL, Spectrum

# psi-ms 4.1
MZ_ARRAY, INTENSITY_ARRAY, WAVELENGTH_ARRAY = "MS:1000514", "MS:1000515", "MS:1000617"
MOBILITY_ARRAYS = frozenset({"MS:1002477", "MS:1002816", "MS:1002893", "MS:1003006", "MS:1003007", "MS:1003008"})
MS_LEVEL, START_TIME, TIC = "MS:1000511", "MS:1000016", "MS:1000285"
SELECTED_MZ, ISOLATION_TARGET, CHARGE = "MS:1000744", "MS:1000827", "MS:1000041"
POLARITIES = {"MS:1000130": "+", "MS:1000129": "-"}
REPRESENTATIONS = {"MS:1000127": "centroid", "MS:1000128": "profile"}
SECONDS = {"UO:0000010": 1.0, "UO:0000031": 60.0, "UO:0000028": 0.001, "UO:0000032": 3600.0, "MS:1000038": 60.0}
WITHOUT_UNIT_S = 60.0
BEYOND_SENSE = 1e200  # sums of larger values would overflow


@dataclass
class MzmlReader:
    """The spectra of one run; `faults` and `chromatograms` grow while they are read.

    Parameters
    ----------
    max_bytes
        Bytes of one spectrum's decoded arrays at most; None where the run was admitted before.
    """

    source: Source
    max_bytes: int | None = None
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        # base64 takes 4 characters for 3 bytes; as much again for line ends
        self.scanner = Scanner(self.source, max_text=None if self.max_bytes is None else self.max_bytes * 2 + 1_000)
        self.document = self.scanner.document
        self.seen: set[str] = set()
        self.last_time = -math.inf

    def __iter__(self) -> Iterator[Spectrum]:
        """Yield the spectra that could be read; raises `Broken` where the file as a whole cannot be read on."""
        index = 0
        for element in self.scanner:
            if element.kind == "chromatogram":
                self.arrays_of(element, f"chromatogram {shown(element.id)}")
                continue
            spectrum = self.spectrum(element, index)
            index += 1
            if spectrum is not None:
                yield spectrum

    def spectrum(self, element: Element, index: int) -> Spectrum | None:
        """Return an element's spectrum; None where its arrays are damaged."""
        where = f"spectrum {shown(element.id) or index}"
        self.check_id(element, where)
        arrays = self.arrays_of(element, where)
        if arrays is None:
            return None
        values = {param.accession: param for param in element.params}
        mz, intensity, is_mass = self.peaks(element, arrays, where)
        if mz is None or intensity is None:
            return None
        level = whole(values[MS_LEVEL].value) if MS_LEVEL in values else None
        if is_mass and not level:
            self.faults.add(rules.UNSTATED, where, "no MS level", kind="level", expected="an MS level of 1 or more")
        return Spectrum(
            index=index,
            native_id=element.id,
            ms_level=min(level or NO_LEVEL, 99) if is_mass else NO_LEVEL,
            retention_time_s=self.retention_time(element, where),
            mz=mz,
            intensity=intensity,
            declared_tic=number(values.get(TIC)),
            precursor_mz=precursor_mz(element.params),
            charge=min(whole(values[CHARGE].value) or 0, 999) if CHARGE in values else 0,
            polarity=next((sign for term, sign in POLARITIES.items() if term in values), ""),
            representation=next((name for term, name in REPRESENTATIONS.items() if term in values), ""),
            is_mass_spectrum=is_mass,
            inverse_mobility=arrays.get(INVERSE_MOBILITY) if is_mass else None,
        )

    def check_id(self, element: Element, where: str) -> None:
        if not element.id:
            self.faults.add(rules.ID_REPEATED, where, "no id", kind="none")
        elif element.id in self.seen:
            self.faults.add(rules.ID_REPEATED, where, "an id that another spectrum has", kind="twice")
        self.seen.add(element.id)

    # --- arrays --------------------------------------------------------------------------------------------------

    def arrays_of(self, element: Element, where: str) -> dict[str, Floats] | None:
        """Return the numeric arrays of an element by the terms they carry; None where one of them is damaged."""
        length = whole(element.length)
        if length is None:
            found = f"defaultArrayLength {shown(element.length or '')!r}"
            self.faults.add(rules.LENGTH_DIFFERS, where, found, kind="undeclared", expected="a whole number")
            return None
        arrays: dict[str, Floats] = {}
        intact = True
        left = self.max_bytes
        for array in element.arrays:
            try:
                values = self.values_of(array, length, left)
            except Broken as broken:
                self.faults.add(broken.rule, where, broken.found, expected=broken.expected)
                intact = False
                continue
            if values is not None:
                left = None if left is None else left - values.nbytes
                arrays.update((param.accession, values) for param in array.params)
                arrays.update((param.name, values) for param in array.params if param.name == INVERSE_MOBILITY)
                self.check_units(array, where)
        return arrays if intact else None

    def values_of(self, array: EncodedArray, default_length: int, max_bytes: int | None) -> Floats | None:
        """Return an array's values as 64-bit floats; None where they are text."""
        encoding = encoding_of(tuple([param.accession for param in array.params]))
        if encoding.dtype is None:
            from_base64(array.text)
            return None
        length = default_length if array.length is None else whole(array.length)
        if length is None:
            raise Broken(rules.LENGTH_DIFFERS, f"arrayLength {shown(array.length or '')!r}", expected="a whole number")
        return decode(array.text, encoding, length, max_bytes).astype(np.float64, copy=False)

    def check_units(self, array: EncodedArray, where: str) -> None:
        for param in array.params:
            if param.accession in (MZ_ARRAY, INTENSITY_ARRAY) and not param.unit:
                self.faults.add(rules.UNIT_MISSING, where, f"no unit at the {param.name}", kind=param.accession)

    def peaks(
        self, element: Element, arrays: dict[str, Floats], where: str
    ) -> tuple[Floats | None, Floats | None, bool]:
        """Return m/z (or wavelengths), intensities, and whether they are of a mass spectrum; checked."""
        is_mass = MZ_ARRAY in arrays or WAVELENGTH_ARRAY not in arrays
        mz, intensity = arrays.get(MZ_ARRAY if is_mass else WAVELENGTH_ARRAY), arrays.get(INTENSITY_ARRAY)
        if not arrays and whole(element.length) == 0:
            return np.zeros(0), np.zeros(0), True
        if mz is None or intensity is None:
            missing = "m/z" if mz is None else "intensity"
            self.faults.add(rules.ARRAYS_MISSING, where, f"no {missing} array, {element.length} values declared")
            return None, None, is_mass
        if len(mz) != len(intensity):
            found = f"{len(mz):,} m/z and {len(intensity):,} intensities"
            self.faults.add(rules.LENGTH_DIFFERS, where, found, kind="pair", expected="as many of one as of the other")
            return None, None, is_mass
        if not (within_sense(mz) and within_sense(intensity)):
            bad = sum(int(np.count_nonzero(~(np.abs(values) < BEYOND_SENSE))) for values in (mz, intensity))
            self.faults.add(rules.NOT_A_NUMBER, where, f"{bad:,} values that are NaN, infinite or beyond 1e200")
            return None, None, is_mass
        # peaks of several mobility scans in one spectrum are sorted by mobility first
        if is_mass and MOBILITY_ARRAYS.isdisjoint(arrays) and (falls := int(np.count_nonzero(mz[1:] < mz[:-1]))):
            self.faults.add(rules.UNSORTED, where, f"{falls:,} of {len(mz):,} m/z values below the one before")
        return mz, intensity, is_mass

    # --- times ---------------------------------------------------------------------------------------------------

    def retention_time(self, element: Element, where: str) -> float:
        """Return the start time of a spectrum's first scan in seconds; NaN where it has none."""
        param = next((param for param in element.params if param.accession == START_TIME), None)
        value = number(param)
        if param is None or math.isnan(value):
            return math.nan
        if param.unit not in SECONDS:
            found = f"unit {shown(param.unit)!r}" if param.unit else "no unit"
            self.faults.add(rules.UNIT_MISSING, where, f"a retention time with {found}", kind="time")
        time_s = value * SECONDS.get(param.unit, WITHOUT_UNIT_S)
        if time_s < self.last_time:
            self.faults.add(rules.TIME_RUNS_BACK, where, f"{time_s:g} s after {self.last_time:g} s")
        self.last_time = time_s
        return time_s


def within_sense(values: Floats) -> bool:
    """Tell whether every value is finite and can be summed: a NaN among them is their lowest and their highest."""
    return len(values) == 0 or bool(values.min() > -BEYOND_SENSE and values.max() < BEYOND_SENSE)


def number(param: Param | None) -> float:
    """Return a parameter's value as a finite number, else NaN."""
    try:
        value = float(param.value) if param is not None else math.nan
    except ValueError:
        return math.nan
    return value if abs(value) < BEYOND_SENSE else math.nan


def precursor_mz(params: list[Param]) -> float:
    """Return the m/z of the first selected ion, else the centre of the first isolation window, else NaN."""
    for accession in (SELECTED_MZ, ISOLATION_TARGET):
        for param in params:
            if param.accession == accession:
                return number(param)
    return math.nan
