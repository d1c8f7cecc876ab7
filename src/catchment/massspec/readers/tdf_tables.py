"""What the tables of `analysis.tdf` say of a run: its frames, their calibrations, what was isolated in which scans.

Tables and their meaning as in the vendor's SQL of schema 3. Ranges of mobility scans count from 0, and their end is not
in them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from catchment.massspec import rules
from catchment.massspec.faults import Broken, shown
from catchment.massspec.mobility import COARSE_MZ, EXACT_MZ, MOBILITY_MODEL, MobilityCalibration, MzCalibration
from catchment.massspec.readers.sqlite_tables import Row, Tables

MS1, MSMS, PASEF, DIA, PRM = 0, 2, 8, 9, 10
ALL_SCANS = 1 << 31  # the end of a window that is a whole frame
COMPRESSION = "2"  # TimsCompressionType: zstd over byte planes
V = TypeVar("V")


class Frame(NamedTuple):
    """One ramp of the mobility device. `offset` is the byte of its peaks in `analysis.tdf_bin`."""

    id: int
    time_s: float
    polarity: str
    kind: int
    offset: int
    scans: int
    peaks: int
    accumulation_ms: float
    temperatures: tuple[float, float]
    mz_calibration: int
    mobility_calibration: int


class Ion(NamedTuple):
    """A precursor that was chosen in frame `parent`; `scan` is where it was in the ramp, NaN where not known."""

    mz: float
    charge: int
    intensity: float
    scan: float
    parent: int


class Window(NamedTuple):
    """What the quadrupole let through in scans `begin` to `end` (not included): centre and whole width in m/z."""

    begin: int
    end: int
    mz: float
    width: float
    energy_ev: float
    ion: Ion | None


@dataclass
class RunTables:
    """All that is read of `analysis.tdf`, whole: some hundred bytes for each frame."""

    properties: dict[str, str]
    frames: list[Frame]
    windows: dict[int, tuple[Window, ...]] = field(default_factory=dict)
    mz: dict[int, MzCalibration] = field(default_factory=dict)
    mobility: dict[int, MobilityCalibration] = field(default_factory=dict)

    def number(self, key: str) -> float:
        """Return a number among the run's properties.

        Raises
        ------
        Broken
            Where it is missing, or none.
        """
        value = self.properties.get(key, "")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise Broken(rules.TDF_DAMAGED, f"{key} is {shown(value)!r}", where="table GlobalMetadata")
        return number


def read_tables(path: Path) -> RunTables:
    """Return what `analysis.tdf` says.

    Raises
    ------
    Broken
        Where it is damaged, unfinished, or of a kind that cannot be read here.
    """
    with Tables(path) as tables:
        properties = {str(row["Key"]): str(row["Value"]) for row in tables.rows("GlobalMetadata", ("Key", "Value"))}
        if properties.get("ClosedProperly", "1") == "0":
            raise Broken(rules.RAW_UNFINISHED, "ClosedProperly is 0", where="table GlobalMetadata")
        compression = properties.get("TimsCompressionType", "")
        if compression != COMPRESSION:
            found = f"TimsCompressionType {shown(compression)!r}"
            raise Broken(rules.TDF_UNSUPPORTED, found, expected=f"TimsCompressionType {COMPRESSION}")
        return RunTables(
            properties=properties,
            frames=read_frames(tables),
            windows=read_windows(tables),
            mz=read_mz_calibrations(tables),
            mobility=read_mobility_calibrations(tables),
        )


def read_frames(tables: Tables) -> list[Frame]:
    """Return the frames in their order."""
    columns = ("Id", "Time", "Polarity", "MsMsType", "TimsId", "NumScans", "NumPeaks")
    optional = ("AccumulationTime", "MzCalibration", "TimsCalibration", "T1", "T2")
    return [typed(frame_of, row, "Frames") for row in tables.rows("Frames", columns, optional)]


def frame_of(row: Row) -> Frame:
    """Return a row of Frames."""
    frame = Frame(
        id=whole(row["Id"]),
        time_s=real(row["Time"]),
        polarity=row["Polarity"] if row["Polarity"] in ("+", "-") else "",
        kind=whole(row["MsMsType"]),
        offset=whole(row["TimsId"] or 0),
        scans=whole(row["NumScans"]),
        peaks=whole(row["NumPeaks"]),
        accumulation_ms=math.nan if row.get("AccumulationTime") is None else real(row["AccumulationTime"]),
        temperatures=(real(row.get("T1") or 0.0), real(row.get("T2") or 0.0)),
        mz_calibration=whole(row.get("MzCalibration") or 0),
        mobility_calibration=whole(row.get("TimsCalibration") or 0),
    )
    if frame.kind not in (MS1, MSMS, PASEF, DIA, PRM):
        raise Broken(rules.TDF_UNSUPPORTED, f"MsMsType {frame.kind}", where=f"frame {frame.id}")
    return frame


def read_windows(tables: Tables) -> dict[int, tuple[Window, ...]]:
    """Return what was isolated in each frame of fragments, by its id."""
    found: dict[int, list[Window]] = {}
    for frame, window in (*pasef_windows(tables), *prm_windows(tables), *dia_windows(tables), *whole_frames(tables)):
        found.setdefault(frame, []).append(window)
    return {frame: tuple(sorted(windows, key=lambda own: own[:2])) for frame, windows in found.items()}


def pasef_windows(tables: Tables) -> Iterator[tuple[int, Window]]:
    """Yield (frame, window) of precursors that were chosen while the run went on."""
    if not tables.has("PasefFrameMsMsInfo"):
        return
    names = ("Id", "LargestPeakMz")
    optional = ("MonoisotopicMz", "Charge", "ScanNumber", "Intensity", "Parent")
    ions: dict[int, Ion] = {}
    if tables.has("Precursors"):
        ions = dict(typed(precursor_of, row, "Precursors") for row in tables.rows("Precursors", names, optional))
    columns = ("Frame", "ScanNumBegin", "ScanNumEnd", "IsolationMz", "IsolationWidth", "CollisionEnergy")
    for row in tables.rows("PasefFrameMsMsInfo", columns, ("Precursor",)):
        yield typed(lambda row: window_of(row, ions.get(row.get("Precursor") or 0)), row, "PasefFrameMsMsInfo")


def precursor_of(row: Row) -> tuple[int, Ion]:
    """Return a row of Precursors by its id: the monoisotopic m/z where the instrument found it."""
    mz = row.get("MonoisotopicMz") or row["LargestPeakMz"]
    scan, intensity = row.get("ScanNumber"), row.get("Intensity")
    ion = Ion(
        mz=real(mz),
        charge=whole(row.get("Charge") or 0),
        intensity=math.nan if intensity is None else real(intensity),
        scan=math.nan if scan is None else real(scan),
        parent=whole(row.get("Parent") or 0),
    )
    return whole(row["Id"]), ion


def prm_windows(tables: Tables) -> Iterator[tuple[int, Window]]:
    """Yield (frame, window) of targets that were set before the run."""
    if not tables.has("PrmFrameMsMsInfo"):
        return
    targets: dict[int, Ion] = {}
    if tables.has("PrmTargets"):
        rows = tables.rows("PrmTargets", ("Id", "MonoisotopicMz"), ("Charge",))
        targets = dict(typed(target_of, row, "PrmTargets") for row in rows)
    columns = ("Frame", "ScanNumBegin", "ScanNumEnd", "IsolationMz", "IsolationWidth", "CollisionEnergy")
    for row in tables.rows("PrmFrameMsMsInfo", columns, ("Target",)):
        yield typed(lambda row: window_of(row, targets.get(row.get("Target") or 0)), row, "PrmFrameMsMsInfo")


def target_of(row: Row) -> tuple[int, Ion]:
    """Return a row of PrmTargets by its id."""
    return whole(row["Id"]), Ion(real(row["MonoisotopicMz"]), whole(row.get("Charge") or 0), math.nan, math.nan, 0)


def window_of(row: Row, ion: Ion | None) -> tuple[int, Window]:
    """Return a window of one frame."""
    return whole(row["Frame"]), Window(
        begin=whole(row["ScanNumBegin"]),
        end=whole(row["ScanNumEnd"]),
        mz=real(row["IsolationMz"]),
        width=real(row["IsolationWidth"]),
        energy_ev=real(row["CollisionEnergy"]),
        ion=ion,
    )


def dia_windows(tables: Tables) -> Iterator[tuple[int, Window]]:
    """Yield (frame, window) of the windows that were stepped through; no precursor is known there."""
    if not tables.has("DiaFrameMsMsInfo"):
        return
    groups: dict[int, list[Window]] = {}
    columns = ("WindowGroup", "ScanNumBegin", "ScanNumEnd", "IsolationMz", "IsolationWidth", "CollisionEnergy")
    for row in tables.rows("DiaFrameMsMsWindows", columns):
        group, window = typed(
            lambda row: window_of({**row, "Frame": row["WindowGroup"]}, None), row, "DiaFrameMsMsWindows"
        )
        groups.setdefault(group, []).append(window)
    for row in tables.rows("DiaFrameMsMsInfo", ("Frame", "WindowGroup")):
        for window in groups.get(row["WindowGroup"], ()):
            yield typed(lambda row: whole(row["Frame"]), row, "DiaFrameMsMsInfo"), window


def whole_frames(tables: Tables) -> Iterator[tuple[int, Window]]:
    """Yield (frame, window) of frames that are fragments of one isolation from their first scan to their last."""
    if not tables.has("FrameMsMsInfo"):
        return
    columns = ("Frame", "TriggerMass", "IsolationWidth", "CollisionEnergy")
    for row in tables.rows("FrameMsMsInfo", columns, ("PrecursorCharge", "Parent")):
        yield typed(frame_window_of, row, "FrameMsMsInfo")


def frame_window_of(row: Row) -> tuple[int, Window]:
    """Return a row of FrameMsMsInfo."""
    mz, energy = real(row["TriggerMass"]), real(row["CollisionEnergy"])
    ion = Ion(mz, whole(row.get("PrecursorCharge") or 0), math.nan, math.nan, whole(row.get("Parent") or 0))
    return whole(row["Frame"]), Window(0, ALL_SCANS, mz, real(row["IsolationWidth"]), energy, ion)


def read_mz_calibrations(tables: Tables) -> dict[int, MzCalibration]:
    """Return the calibrations of m/z that can be computed here, by their id."""
    if not tables.has("MzCalibration"):
        return {}
    columns = ("Id", "ModelType", "DigitizerTimebase", "DigitizerDelay", "T1", "T2", "dC1", "dC2", "C0", "C1", "C2")
    rows = tables.rows("MzCalibration", columns, ("C3", "C4"))
    return {
        row["Id"]: typed(mz_calibration_of, row, "MzCalibration")
        for row in rows
        if row["ModelType"] in (EXACT_MZ, COARSE_MZ)
    }


def mz_calibration_of(row: Row) -> MzCalibration:
    """Return a row of MzCalibration."""
    own = MzCalibration(
        model=whole(row["ModelType"]),
        timebase_ns=real(row["DigitizerTimebase"]),
        delay_ns=real(row["DigitizerDelay"]),
        temperatures=(real(row["T1"]), real(row["T2"])),
        corrections=(real(row["dC1"]), real(row["dC2"])),
        coefficients=tuple(real(row.get(f"C{number}") or 0.0) for number in range(5)),
    )
    if own.coefficients[1] <= 0 or own.timebase_ns <= 0:
        raise Broken(rules.TDF_DAMAGED, f"C1 {own.coefficients[1]:g}", where="table MzCalibration")
    return own


def read_mobility_calibrations(tables: Tables) -> dict[int, MobilityCalibration]:
    """Return the calibrations of mobility that can be computed here, by their id."""
    if not tables.has("TimsCalibration"):
        return {}
    names = tuple(f"C{number}" for number in range(8))
    rows = tables.rows("TimsCalibration", ("Id", "ModelType"), names)
    return {
        row["Id"]: typed(
            lambda row: MobilityCalibration(tuple(real(row[name]) for name in names)), row, "TimsCalibration"
        )
        for row in rows
        if row["ModelType"] == MOBILITY_MODEL and all(row.get(name) is not None for name in names) and row["C1"]
    }


# --- values ------------------------------------------------------------------------------------------------------


def typed(make: Callable[[Row], V], row: Row, table: str) -> V:
    """Return what is made of a row; a value that is no number there is damage."""
    try:
        return make(row)
    except (TypeError, ValueError, OverflowError) as error:
        raise Broken(rules.TDF_DAMAGED, shown(str(error)), where=f"table {table}") from None


def real(value: Any) -> float:
    """Return a finite number."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{shown(repr(value))} where a number was expected")
    return float(value)


def whole(value: Any) -> int:
    """Return a whole number that is not negative."""
    if not isinstance(value, int | float) or value != int(value) or value < 0:
        raise ValueError(f"{shown(repr(value))} where a whole number was expected")
    return int(value)
