"""Bruker TDF to spectra: each frame of MS1, and each isolation of a frame of fragments, with the mobility of its peaks.

Counts are those that are stored; the vendor's own software shows them scaled to an accumulation of 100 ms. Peaks that
were recorded while the quadrupole moved from one isolation to the next belong to no spectrum; they are counted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import catchment
from catchment.massspec import rules
from catchment.massspec.acquisition import BEAM_COLLISION, Piece, Precursor, RunHeader, Scan
from catchment.massspec.arrays import Floats
from catchment.massspec.faults import Broken, Faults, shown
from catchment.massspec.mobility import COARSE_MZ, Indices, mobility_by_range, mz_by_range
from catchment.massspec.readers.tdf_frames import Peaks, read_peaks
from catchment.massspec.readers.tdf_tables import ALL_SCANS, MS1, Frame, Ion, Window, read_tables
from catchment.massspec.spectra import Spectrum

NATIVE_ID = "merged={} frame={} scanStart={} scanEnd={}"  # as msconvert numbers them
FRAMES_PER_PIECE = 1_000
BYTES_OF_A_PEAK = 24  # m/z, intensity and mobility
START_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?([+-]\d\d:\d\d|Z)?", re.ASCII)


class TdfRun:
    """The spectra of a TDF run, by ranges of frames.

    Raises
    ------
    Broken
        Where its tables are damaged or say what cannot be read here.
    """

    def __init__(self, tables: Path, peaks: Path, max_bytes: int | None = None) -> None:
        self.peaks = peaks
        self.max_peaks = None if max_bytes is None else max_bytes // BYTES_OF_A_PEAK
        self.tables = read_tables(tables)
        own = self.tables
        self.samples = int(own.number("DigitizerNumSamples"))
        if self.samples < 1:
            raise Broken(rules.TDF_DAMAGED, f"DigitizerNumSamples {self.samples}", where="table GlobalMetadata")
        self.range_mz = own.number("MzAcqRangeLower"), own.number("MzAcqRangeUpper")
        self.range_mobility = own.number("OneOverK0AcqRangeLower"), own.number("OneOverK0AcqRangeUpper")
        if not (0 <= self.range_mz[0] < self.range_mz[1] and 0 < self.range_mobility[0] < self.range_mobility[1]):
            raise Broken(rules.TDF_DAMAGED, "an acquisition range that is none", where="table GlobalMetadata")
        self.most_scans = max((frame.scans for frame in own.frames), default=0)
        counts = [len(self.isolations(frame)) for frame in own.frames]
        self.first_index = np.concatenate(([0], np.cumsum(counts, dtype=np.int64))).tolist()
        self.ms1 = {
            frame.id: NATIVE_ID.format(index, frame.id, 1, frame.scans)
            for frame, index in zip(own.frames, self.first_index, strict=False)
            if frame.kind == MS1
        }
        said = own.properties
        start = said.get("AcquisitionDateTime", "")
        self.header = RunHeader(
            file_format="MS:1002817",
            id_format="MS:1002818",
            time_unit="second",
            reader="catchment.massspec.tdf",
            reader_version=catchment.__version__,
            spectra=self.first_index[-1],
            instrument=shown(said.get("InstrumentName", "")) or None,
            serial_number=shown(said.get("InstrumentSerialNumber", "")),
            start_time=start if START_TIME.fullmatch(start) else "",
            software=(
                (
                    "MS:1000692",
                    shown(said.get("AcquisitionSoftware", "")),
                    shown(said.get("AcquisitionSoftwareVersion", "")),
                ),
            ),
            facts={
                "frames": len(own.frames),
                "mz_axis": self.mz_axis(),
                "mobility_axis": self.mobility_axis(),
                "schema": f"{said.get('SchemaVersionMajor', '?')}.{said.get('SchemaVersionMinor', '?')}"[:20],
            },
        )

    def isolations(self, frame: Frame) -> tuple[Window | None, ...]:
        """Return what each spectrum of a frame was isolated by: None stands for a whole frame of MS1."""
        return (None,) if frame.kind == MS1 else self.tables.windows.get(frame.id, ())

    def mz_axis(self) -> str:
        """Return how m/z are computed: `exact`, `coarse` or `range`; the least exact way that any frame needs."""
        found = [self.tables.mz.get(frame.mz_calibration) for frame in self.tables.frames]
        if not all(found):
            return "range"
        return "coarse" if any(own is not None and own.model == COARSE_MZ for own in found) else "exact"

    def mobility_axis(self) -> str:
        """Return how mobilities are computed: `exact` or `range`."""
        known = self.tables.mobility
        return "exact" if all(frame.mobility_calibration in known for frame in self.tables.frames) else "range"

    def pieces(self) -> tuple[Piece, ...]:
        """Return ranges of frames."""
        count = len(self.tables.frames)
        return tuple(
            Piece(first, min(FRAMES_PER_PIECE, count - first)) for first in range(0, count, FRAMES_PER_PIECE)
        ) or (Piece(0, 0),)

    def scans(self, piece: Piece, faults: Faults) -> Iterator[Scan]:
        """Yield the spectra of a range of frames; a frame that cannot be read ends it."""
        if piece.first == 0:
            self.note_axes(faults)
        size = self.peaks.stat().st_size
        with self.peaks.open("rb") as file:
            for number in range(piece.first, piece.first + (piece.count or 0)):
                frame = self.tables.frames[number]
                if self.max_peaks is not None and frame.peaks > self.max_peaks:
                    raise Broken(rules.SPECTRUM_TOO_LARGE, f"{frame.peaks:,} peaks declared", where=f"frame {frame.id}")
                peaks = read_peaks(file, size, frame, self.samples)
                yield from self.spectra(frame, peaks, self.first_index[number], faults)

    def note_axes(self, faults: Faults) -> None:
        """Count as faults what makes m/z or mobilities less than exact."""
        words = {
            "coarse": "a calibration of m/z (ModelType 2) whose fine correction is not published: some ppm are missing",
            "range": "no calibration of m/z that can be computed here: m/z are drawn from the acquisition's range",
        }
        if axis := words.get(self.mz_axis()):
            faults.add(rules.TDF_APPROXIMATE, "m/z", axis, kind="mz")
        if self.mobility_axis() == "range":
            found = "no calibration of mobility that can be computed here: 1/K0 are drawn from the acquisition's range"
            faults.add(rules.TDF_APPROXIMATE, "1/K0", found, kind="mobility")

    def spectra(self, frame: Frame, peaks: Peaks, index: int, faults: Faults) -> Iterator[Scan]:
        """Yield the spectra of a frame."""
        taken = 0
        last_end = 0
        for window in self.isolations(frame):
            if window is None:
                yield self.scan(frame, peaks, index, 0, frame.scans, None)
                return
            end = frame.scans if window.end == ALL_SCANS else window.end
            if not last_end <= window.begin < end <= frame.scans:
                found = f"scans {window.begin:,} to {end:,} of {frame.scans:,}, after {last_end:,}"
                raise Broken(rules.TDF_DAMAGED, found, where=f"isolations of frame {frame.id}")
            own = peaks.between(window.begin, end)
            yield self.scan(frame, own, index, window.begin, end, window)
            index, taken, last_end = index + 1, taken + len(own.tof), end
        if taken < len(peaks.tof):
            faults.add(rules.TDF_BETWEEN, f"frame {frame.id}", f"{len(peaks.tof) - taken:,} peaks")

    def scan(self, frame: Frame, peaks: Peaks, index: int, begin: int, end: int, window: Window | None) -> Scan:
        """Return a spectrum of a frame: scans `begin` to `end` (not included)."""
        precursors = () if window is None else (self.precursor(frame, window),)
        known = precursors[0] if precursors else None
        spectrum = Spectrum(
            index=index,
            native_id=NATIVE_ID.format(index, frame.id, begin + 1, end),
            ms_level=1 if window is None else 2,
            retention_time_s=frame.time_s,
            mz=self.mz_of(frame)(peaks.tof),
            intensity=peaks.counts.astype(np.float64),
            precursor_mz=math.nan if known is None else known.target_mz if math.isnan(known.mz) else known.mz,
            charge=known.charges[0] if known is not None and known.charges else 0,
            polarity=frame.polarity,
            representation="centroid",
            inverse_mobility=self.mobility_of(frame)(peaks.scan),
        )
        return Scan(
            spectrum,
            frame.time_s,
            precursors,
            window_mz=self.range_mz,
            injection_time_ms=frame.accumulation_ms,
        )

    def precursor(self, frame: Frame, window: Window) -> Precursor:
        """Return what a window isolated; where only the window is known, its ion has no m/z."""
        ion = window.ion or Ion(math.nan, 0, math.nan, math.nan, 0)
        at = math.nan if math.isnan(ion.scan) else float(self.mobility_of(frame)(np.array([ion.scan]))[0])
        half = window.width / 2
        return Precursor(
            mz=ion.mz,
            charges=(ion.charge,) if 0 < ion.charge < 999 else (),
            intensity=ion.intensity,
            target_mz=window.mz,
            lower=half,
            upper=half,
            activations=(BEAM_COLLISION,),
            energy_ev=window.energy_ev,
            spectrum_ref=self.ms1.get(ion.parent, ""),
            inverse_mobility=at,
        )

    def mz_of(self, frame: Frame) -> Callable[[Indices], Floats]:
        """Return the function from time-of-flight index to m/z of a frame."""
        own = self.tables.mz.get(frame.mz_calibration)
        if own is None:
            return mz_by_range(*self.range_mz, self.samples)
        return lambda index: own.mz(index, frame.temperatures)

    def mobility_of(self, frame: Frame) -> Callable[[Indices | Floats], Floats]:
        """Return the function from scan to 1/K0 of a frame."""
        own = self.tables.mobility.get(frame.mobility_calibration)
        if own is None:
            return mobility_by_range(*self.range_mobility, self.most_scans)
        return own.inverse_mobility
