"""Tiny Bruker TDF folders, written by the layout's own words, so that a reader can be held against them."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

# scan -> (time-of-flight index, counts)
Ramp = dict[int, list[tuple[int, int]]]

PROPERTIES = {
    "SchemaVersionMajor": "3",
    "SchemaVersionMinor": "1",
    "TimsCompressionType": "2",
    "ClosedProperly": "1",
    "DigitizerNumSamples": "400000",
    "MzAcqRangeLower": "100.0",
    "MzAcqRangeUpper": "1700.0",
    "OneOverK0AcqRangeLower": "0.6",
    "OneOverK0AcqRangeUpper": "1.6",
    "AcquisitionSoftware": "timsControl",
    "AcquisitionSoftwareVersion": "1",
    "AcquisitionDateTime": "2026-01-15T09:30:00.000+01:00",
    "InstrumentName": "timsTOF Pro",
    "InstrumentSerialNumber": "7",
}
# like those of a real instrument
MZ = (1, 1, 0.2, 24833.0, 25.7, 28.3, 27.0, 1.0, 320.5, 157992.0, 0.002, 0.0, -0.0686)
TIMS = (1, 2, 1, 926, 217.2, 74.7, 33.0, 1, 0.0209, 131.2, 13.0, 2581.3)
MS1: Ramp = {1: [(9, 5), (300_000, 70)], 3: [(12, 6), (13, 7), (399_999, 8)]}
MS2: Ramp = {0: [(100, 9)], 1: [(50_000, 10), (60_000, 11)], 2: [(70_000, 12)], 3: [(5, 13)]}
SCANS = 4


def block(ramp: Ramp, scans: int = SCANS) -> bytes:
    """Return a frame as it lies in analysis.tdf_bin."""
    words = [scans, *(2 * len(ramp.get(scan, ())) for scan in range(scans - 1))]
    for scan in range(scans):
        last = -1
        for tof, counts in ramp.get(scan, ()):
            words += [tof - last, counts]
            last = tof
    planes = np.array(words, "<u4").view(np.uint8).reshape(-1, 4).T
    packed = pa.Codec("zstd").compress(np.ascontiguousarray(planes).tobytes(), asbytes=True)
    return struct.pack("<II", len(packed) + 8, scans) + packed


def insert(connection: sqlite3.Connection, table: str, row: Sequence[Any]) -> None:
    connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608 - names are ours


def write_tdf(
    folder: Path,
    frames: Sequence[tuple[int, Ramp]] = ((0, MS1), (8, MS2)),
    *,
    properties: dict[str, str] | None = None,
    mz: Sequence[Any] | None = MZ,
    tims: Sequence[Any] | None = TIMS,
    tables: Sequence[str] = (),
) -> Path:
    """Write a folder of frames (MsMsType, peaks); the second frame isolates 500 in scans 1 and 2 from frame 1.

    `tables` are SQL statements that run at the end.
    """
    folder.mkdir(parents=True)
    data = b""
    connection = sqlite3.connect(folder / "analysis.tdf")
    with connection:
        run = connection.execute
        run("CREATE TABLE GlobalMetadata (Key TEXT PRIMARY KEY, Value TEXT)")
        connection.executemany("INSERT INTO GlobalMetadata VALUES (?, ?)", {**PROPERTIES, **(properties or {})}.items())
        run(
            "CREATE TABLE Frames (Id INTEGER PRIMARY KEY, Time REAL, Polarity TEXT, MsMsType INTEGER, TimsId INTEGER,"
            " NumScans INTEGER, NumPeaks INTEGER, MzCalibration INTEGER, T1 REAL, T2 REAL, TimsCalibration INTEGER,"
            " AccumulationTime REAL)"
        )
        for number, (kind, ramp) in enumerate(frames, start=1):
            peaks = sum(map(len, ramp.values()))
            row = (number, number * 0.5, "+", kind, len(data), SCANS, peaks, 1, 25.8, 28.9, 1, 50.0)
            insert(connection, "Frames", row)
            data += block(ramp)
        columns = "Id, ModelType, DigitizerTimebase, DigitizerDelay, T1, T2, dC1, dC2, C0, C1, C2, C3, C4"
        run(f"CREATE TABLE MzCalibration ({columns})")
        if mz:
            insert(connection, "MzCalibration", mz)
        run(f"CREATE TABLE TimsCalibration (Id, ModelType, {', '.join(f'C{number}' for number in range(10))})")
        if tims:
            insert(connection, "TimsCalibration", tims)
        run(
            "CREATE TABLE Precursors (Id INTEGER PRIMARY KEY, LargestPeakMz REAL, MonoisotopicMz REAL, Charge INTEGER,"
            " ScanNumber REAL, Intensity REAL, Parent INTEGER)"
        )
        run("INSERT INTO Precursors VALUES (1, 500.5, 500.0, 2, 1.5, 1234.0, 1)")
        run(
            "CREATE TABLE PasefFrameMsMsInfo (Frame INTEGER, ScanNumBegin INTEGER, ScanNumEnd INTEGER,"
            " IsolationMz REAL, IsolationWidth REAL, CollisionEnergy REAL, Precursor INTEGER)"
        )
        run("INSERT INTO PasefFrameMsMsInfo VALUES (2, 1, 3, 500.25, 2.0, 27.5, 1)")
        for statement in tables:
            run(statement)
    connection.close()
    (folder / "analysis.tdf_bin").write_bytes(data)
    return folder
