"""A Bruker TDF folder becomes mzML with the mobility of every peak, or is held for what is wrong with it."""

from __future__ import annotations

import math
import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from tiny_mzml import admitted, asset_of, converted, opened, schema_errors
from tiny_tdf import MS1, MS2, MZ, TIMS, write_tdf

from catchment.massspec import MODALITY
from catchment.massspec.mobility import MobilityCalibration, MzCalibration, mobility_by_range, mz_by_range
from catchment.massspec.runs import open_run, write_run
from catchment.schema.records import Asset, Finding, Unreadable
from catchment.storage import Place

MOBILITY = "raw inverse reduced ion mobility array"


def findings_of(asset: Asset, **settings: int) -> tuple[Finding, ...]:
    found = MODALITY.describe(asset)
    if isinstance(found, Unreadable):
        return found.findings
    return MODALITY.validate(found, asset, MODALITY.admit_settings(**settings)).findings


def told(asset: Asset, **settings: int) -> tuple[str, str, str]:
    """Return code, place and words of the one error."""
    (finding,) = [one for one in findings_of(asset, **settings) if one.level == "error"]
    return finding.code, finding.where, finding.found


# --- the good case -----------------------------------------------------------------------------------------------


def test_frames_and_isolations_become_spectra_with_the_mobility_of_each_peak(tmp_path: Path) -> None:
    asset = asset_of(write_tdf(tmp_path / "run.d"))
    description, statistics, findings = admitted(asset)
    assert (description.format, description.shape, description.instrument) == ("bruker-tdf", (2,), "timsTOF Pro")
    assert (description.facts["mz_axis"], description.facts["mobility_axis"]) == ("exact", "exact")
    assert statistics["ms_levels"] == {"1": 1, "2": 1}
    assert findings == {"MZ-043": "info"}
    product, path = converted(asset, tmp_path / "out")
    assert schema_errors(path) == []
    with opened(path) as kept:
        first = kept.get_by_id("merged=0 frame=1 scanStart=1 scanEnd=4")
        second = kept.get_by_id("merged=1 frame=2 scanStart=2 scanEnd=3")
    assert first["intensity array"].tolist() == [5, 70, 6, 7, 8]
    assert second["intensity array"].tolist() == [10, 11, 12]
    assert [len(set(one[MOBILITY])) for one in (first, second)] == [2, 2]
    assert np.all(np.diff(first[MOBILITY]) <= 0)
    (precursor,) = second["precursorList"]["precursor"]
    assert precursor["spectrumRef"] == first["id"]
    (ion,) = precursor["selectedIonList"]["selectedIon"]
    assert (ion["selected ion m/z"], ion["charge state"], ion["peak intensity"]) == (500.0, 2, 1234.0)
    assert min(second[MOBILITY]) < ion["inverse reduced ion mobility"] < max(second[MOBILITY])
    window = precursor["isolationWindow"]
    assert [window[f"isolation window {what}"] for what in ("target m/z", "lower offset", "upper offset")] == [
        *(500.25, 1.0, 1.0)
    ]
    assert precursor["activation"]["collision energy"] == 27.5
    (scan,) = second["scanList"]["scan"]
    assert (scan["scan start time"], scan["ion injection time"]) == (1.0, 50.0)
    assert product.facts["converted_from"] == "bruker-tdf"


def test_what_is_written_has_the_same_content_when_it_is_sent_as_mzml(tmp_path: Path) -> None:
    product, path = converted(asset_of(write_tdf(tmp_path / "run.d")), tmp_path / "out")
    again, _ = converted(asset_of(path), tmp_path / "again")
    assert again.logical_digest == product.logical_digest
    text = path.read_text()
    with opened(path) as kept:
        mobility = kept.get_by_id("merged=0 frame=1 scanStart=1 scanEnd=4")[MOBILITY]
    assert len(mobility) == 5
    (tmp_path / "other.mzML").write_text(
        text.replace(f'name="{MOBILITY}"', 'name="mean inverse reduced ion mobility array"')
    )
    other, _ = converted(asset_of(tmp_path / "other.mzML"), tmp_path / "other")
    assert other.logical_digest != product.logical_digest


def test_both_files_of_the_run_are_named_as_sources(tmp_path: Path) -> None:
    _, path = converted(asset_of(write_tdf(tmp_path / "run.d")), tmp_path / "out")
    text = path.read_text()
    assert text.count("<sourceFile ") == 2
    assert 'name="run.d/analysis.tdf"' in text
    assert 'name="run.d/analysis.tdf_bin"' in text
    assert 'id="run" version="1.1.0"' in text


def test_windows_that_are_stepped_through_have_no_ion(tmp_path: Path) -> None:
    tables = (
        "DELETE FROM PasefFrameMsMsInfo",
        "CREATE TABLE DiaFrameMsMsInfo (Frame INTEGER, WindowGroup INTEGER)",
        "INSERT INTO DiaFrameMsMsInfo VALUES (2, 7)",
        "CREATE TABLE DiaFrameMsMsWindows (WindowGroup, ScanNumBegin, ScanNumEnd, IsolationMz, IsolationWidth,"
        " CollisionEnergy)",
        "INSERT INTO DiaFrameMsMsWindows VALUES (7, 2, 4, 400, 26, 20), (7, 0, 2, 800, 26, 40), (8, 0, 4, 1, 1, 1)",
    )
    asset = asset_of(write_tdf(tmp_path / "run.d", ((0, MS1), (9, MS2)), tables=tables))
    assert admitted(asset)[2] == {}
    _, path = converted(asset, tmp_path / "out")
    assert schema_errors(path) == []
    with opened(path) as kept:
        high, low = (
            kept.get_by_id(f"merged={n} frame=2 scanStart={a} scanEnd={b}") for n, a, b in ((1, 1, 2), (2, 3, 4))
        )
    assert [
        one["precursorList"]["precursor"][0]["isolationWindow"]["isolation window target m/z"] for one in (high, low)
    ] == [*(800, 400)]
    assert "selectedIonList" not in high["precursorList"]["precursor"][0]
    assert high["intensity array"].tolist() == [9, 10, 11]


def test_targets_and_isolations_of_whole_frames_are_read(tmp_path: Path) -> None:
    tables = (
        "CREATE TABLE PrmTargets (Id INTEGER PRIMARY KEY, MonoisotopicMz REAL, Charge INTEGER)",
        "INSERT INTO PrmTargets VALUES (1, 611.5, 3)",
        "CREATE TABLE PrmFrameMsMsInfo (Frame, ScanNumBegin, ScanNumEnd, IsolationMz, IsolationWidth, CollisionEnergy,"
        " Target)",
        "INSERT INTO PrmFrameMsMsInfo VALUES (3, 0, 4, 611.6, 1.0, 30.0, 1)",
        "CREATE TABLE FrameMsMsInfo (Frame, Parent, TriggerMass, IsolationWidth, PrecursorCharge, CollisionEnergy)",
        "INSERT INTO FrameMsMsInfo VALUES (4, 1, 700.5, 3.0, NULL, 35.0)",
    )
    asset = asset_of(write_tdf(tmp_path / "run.d", ((0, MS1), (8, MS2), (10, MS2), (2, MS2)), tables=tables))
    run = open_run("bruker-tdf", asset, None)
    from catchment.massspec.faults import Faults

    scans = [scan for piece in run.pieces() for scan in run.scans(piece, Faults())]
    precursors = [scan.precursors[0] for scan in scans[1:]]
    assert [(own.mz, own.charges, own.energy_ev) for own in precursors] == [
        (500.0, (2,), 27.5),
        (611.5, (3,), 30.0),
        (700.5, (), 35.0),
    ]
    assert [len(scan.spectrum.mz) for scan in scans] == [5, 3, 5, 5]
    assert precursors[2].spectrum_ref == scans[0].spectrum.native_id


def test_pieces_and_workers_change_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asset = asset_of(write_tdf(tmp_path / "run.d", ((0, MS1), (8, MS2), (0, MS1), (0, {}), (0, MS1))))
    results = set()
    for name, frames, threads in (("one", 1_000, 1), ("some", 2, 1), ("two", 2, 2)):
        monkeypatch.setattr("catchment.massspec.readers.tdf.FRAMES_PER_PIECE", frames)
        target = tmp_path / name / "a.mzML"
        reading, _ = write_run(open_run("bruker-tdf", asset, None), asset.files[:2], "run.d", target, threads)
        assert len(reading.table) == 5
        results.add(target.read_bytes())
    assert len(results) == 1


def test_a_tables_file_given_alone_takes_the_peaks_beside_it(tmp_path: Path) -> None:
    folder = write_tdf(tmp_path / "run.d")
    whole = asset_of(folder)
    alone = whole.model_copy(update={"folder": "", "files": (whole.files[0], whole.files[1])})
    assert MODALITY.describe(alone) == MODALITY.describe(whole)


# --- axes --------------------------------------------------------------------------------------------------------


def flight_time(mz: float, coefficients: tuple[float, ...], beta: float) -> float:
    """Return the time in ns that the vendor's formula gives an m/z: the way that the reader has to go back."""
    c0, c1, c2, c3, shift = coefficients
    m = mz + shift
    return c0 + math.sqrt(1e12 / (c1 * beta)) * math.sqrt(m) + c2 / beta * m + c3 * m**1.5


@pytest.mark.parametrize("cubic", [0.0, 1e-6])
@pytest.mark.parametrize("square", [0.0, 0.002, -0.002])
def test_mz_is_the_inverse_of_the_vendors_formula(square: float, cubic: float) -> None:
    coefficients = (320.5, 157992.0, square, cubic, -0.0686)
    own = MzCalibration(1, 0.2, 24833.0, (25.7, 28.3), (27.0, 1.0), coefficients)
    temperatures = (26.0, 28.0)
    beta = 1 + (27.0 * (25.7 - 26.0) + 1.0 * (28.3 - 28.0)) / 1e6
    mz = own.mz(np.arange(30_000, 400_000, 7_777), temperatures)
    times = [flight_time(value, coefficients, beta) for value in mz]
    assert np.allclose(times, 24833.0 + 0.2 * np.arange(30_000, 400_000, 7_777), rtol=1e-14)


def test_temperature_moves_mz_by_its_part_in_a_million() -> None:
    own = MzCalibration(1, 0.2, 24833.0, (25.0, 28.0), (27.0, 0.0), (320.5, 157992.0, 0.0, 0.0, 0.0))
    index = np.array([200_000])
    ppm = (own.mz(index, (26.0, 28.0)) / own.mz(index, (25.0, 28.0)) - 1) * 1e6
    assert ppm[0] == pytest.approx(-27, rel=1e-4)


def test_mobility_follows_the_vendors_formula() -> None:
    own = MobilityCalibration((1, 926, 217.2, 74.7, 33.0, 1, 0.0209, 131.2))
    voltage = 217.2 + (74.7 - 217.2) / 926 * (500 - 33 - 1)
    assert own.inverse_mobility(np.array([500]))[0] == pytest.approx(1 / (0.0209 + 131.2 / voltage), rel=1e-15)


def test_axes_from_the_range_run_from_its_one_end_to_the_other() -> None:
    assert mz_by_range(100, 1600, 10)(np.array([0, 5, 10])).tolist() == [100, 625, 1600]
    assert mobility_by_range(0.5, 1.5, 4)(np.array([0, 2, 4])).tolist() == [1.5, 1.0, 0.5]


@pytest.mark.parametrize(
    ("mz", "tims", "axis", "places"),
    [
        (None, None, "range", ["m/z", "1/K0"]),
        ((1, 2, *MZ[2:]), TIMS, "coarse", ["m/z"]),
        ((1, 3, *MZ[2:]), TIMS, "range", ["m/z"]),
        (MZ, (1, 1, *TIMS[2:]), "exact", ["1/K0"]),
    ],
)
def test_axes_that_are_approximations_are_said_to_be(
    tmp_path: Path, mz: tuple[float, ...] | None, tims: tuple[float, ...] | None, axis: str, places: list[str]
) -> None:
    asset = asset_of(write_tdf(tmp_path / "run.d", mz=mz, tims=tims))
    description, _, _ = admitted(asset)
    assert description.facts["mz_axis"] == axis
    found = [one for one in findings_of(asset) if one.code == "MZ-042"]
    assert [(one.level, one.where) for one in found] == [("warning", place) for place in places]


# --- faults ------------------------------------------------------------------------------------------------------


def test_a_folder_without_its_peaks_names_them(tmp_path: Path) -> None:
    folder = write_tdf(tmp_path / "run.d")
    (folder / "analysis.tdf_bin").unlink()
    assert told(asset_of(folder)) == ("SET-001", "run.d", "no analysis.tdf_bin")


def test_a_second_run_in_the_folder_is_said_to_be_left_out(tmp_path: Path) -> None:
    folder = write_tdf(tmp_path / "run.d")
    (folder / "analysis.baf").write_bytes(b"x")
    (finding,) = [one for one in findings_of(asset_of(folder)) if one.code == "SET-002"]
    assert (finding.level, finding.where, finding.found) == ("warning", "run.d", "also a Bruker BAF run")


@pytest.mark.parametrize(
    ("name", "format_"),
    [("analysis.baf", "Bruker BAF"), ("analysis.tsf", "Bruker TSF"), ("_FUNC001.DAT", "Waters RAW")],
)
def test_a_folder_without_a_reader_is_held_by_its_name(tmp_path: Path, name: str, format_: str) -> None:
    (tmp_path / "run.d").mkdir()
    (tmp_path / "run.d" / name).write_bytes(b"x")
    found = MODALITY.prepare(asset_of(tmp_path / "run.d"), Place(str(tmp_path)), MODALITY.admit_settings())
    assert isinstance(found, Unreadable)
    assert [(one.code, one.where, one.found) for one in found.findings] == [
        ("MZ-019", "run.d", f"a {format_} run; there is no reader for that")
    ]


@pytest.mark.parametrize("journal", ["analysis.tdf-wal", "analysis.tdf-journal"])
def test_a_run_whose_tables_are_still_written_is_unfinished(tmp_path: Path, journal: str) -> None:
    folder = write_tdf(tmp_path / "run.d")
    (folder / journal).write_bytes(b"")
    assert admitted(asset_of(folder))[2] == {"MZ-043": "info"}
    (folder / journal).write_bytes(b"x")
    assert told(asset_of(folder))[0] == "MZ-029"


@pytest.mark.parametrize(
    ("properties", "code", "found"),
    [
        ({"ClosedProperly": "0"}, "MZ-029", "ClosedProperly is 0"),
        ({"TimsCompressionType": "1"}, "MZ-041", "TimsCompressionType '1'"),
        ({"DigitizerNumSamples": "many"}, "MZ-040", "DigitizerNumSamples is 'many'"),
        ({"DigitizerNumSamples": "0"}, "MZ-040", "DigitizerNumSamples 0"),
        ({"MzAcqRangeLower": "nan"}, "MZ-040", "MzAcqRangeLower is 'nan'"),
        ({"MzAcqRangeLower": "2000"}, "MZ-040", "an acquisition range that is none"),
    ],
)
def test_properties_that_make_no_sense_are_found(
    tmp_path: Path, properties: dict[str, str], code: str, found: str
) -> None:
    own = told(asset_of(write_tdf(tmp_path / "run.d", properties=properties)))
    assert (own[0], own[2]) == (code, found)


@pytest.mark.parametrize(
    ("statement", "code", "where", "found"),
    [
        ("DROP TABLE Frames", "MZ-040", "analysis.tdf", "no table Frames"),
        ("ALTER TABLE Frames DROP COLUMN NumPeaks", "MZ-040", "table Frames", "no column NumPeaks"),
        ("UPDATE Frames SET NumPeaks = 'x'", "MZ-040", "table Frames", "'x' where a whole number was expected"),
        ("UPDATE Frames SET Time = NULL", "MZ-040", "table Frames", "None where a number was expected"),
        ("UPDATE Frames SET Time = 1e999", "MZ-040", "table Frames", "inf where a number was expected"),
        ("UPDATE Frames SET NumPeaks = -1", "MZ-040", "table Frames", "-1 where a whole number was expected"),
        ("UPDATE Frames SET MsMsType = 5", "MZ-041", "frame 1", "MsMsType 5"),
        ("UPDATE Frames SET TimsId = 99999", "MZ-040", "frame 1", "0 bytes at byte 99,999 of "),
        ("UPDATE Frames SET NumScans = 5", "MZ-040", "frame 1", "4 scans, 5 declared"),
        ("UPDATE Frames SET NumPeaks = 4 WHERE Id = 2", "MZ-040", "frame 2", "a zstd block that does not hold 4 peaks"),
        ("UPDATE Frames SET NumPeaks = 6 WHERE Id = 2", "MZ-040", "frame 2", "a zstd block that does not hold 6 peaks"),
        ("UPDATE MzCalibration SET C1 = 0", "MZ-040", "table MzCalibration", "C1 0"),
        (
            "UPDATE PasefFrameMsMsInfo SET ScanNumEnd = 9",
            "MZ-040",
            "isolations of frame 2",
            "scans 1 to 9 of 4, after 0",
        ),
        (
            "UPDATE PasefFrameMsMsInfo SET ScanNumEnd = 1",
            "MZ-040",
            "isolations of frame 2",
            "scans 1 to 1 of 4, after 0",
        ),
        ("UPDATE PasefFrameMsMsInfo SET IsolationMz = x'00'", "MZ-040", "table PasefFrameMsMsInfo", "b'\\x00' where"),
    ],
)
def test_tables_that_do_not_fit_their_peaks_are_found(
    tmp_path: Path, statement: str, code: str, where: str, found: str
) -> None:
    own = told(asset_of(write_tdf(tmp_path / "run.d", tables=(statement,))))
    assert own[:2] == (code, where)
    assert own[2].startswith(found)


def test_a_view_in_place_of_a_table_is_never_asked(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE n(Id) AS (SELECT 1 UNION ALL SELECT Id + 1 FROM n) SELECT Id FROM n"
    folder = write_tdf(tmp_path / "run.d", tables=("DROP TABLE Frames", f"CREATE VIEW Frames AS {endless}"))
    assert told(asset_of(folder))[2] == "no table Frames"


def test_a_frame_that_declares_too_much_is_refused_before_it_is_inflated(tmp_path: Path) -> None:
    folder = write_tdf(tmp_path / "run.d", tables=("UPDATE Frames SET NumPeaks = 1000000000",))
    code, where, found = told(asset_of(folder), max_spectrum_mb=1)
    assert (code, where, found) == ("MZ-018", "frame 1", "1,000,000,000 peaks declared")


@pytest.mark.parametrize("part", [0.0, 0.2, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("name", ["analysis.tdf", "analysis.tdf_bin"])
def test_a_run_that_was_cut_is_held(tmp_path: Path, name: str, part: float) -> None:
    path = write_tdf(tmp_path / "run.d") / name
    os.truncate(path, int(path.stat().st_size * part))
    assert told(asset_of(tmp_path / "run.d"))[0] in ("MZ-040", "MZ-024")


def test_flipped_bytes_are_found_or_change_nothing_that_is_checked(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    folder = write_tdf(tmp_path / "run.d")
    for name in ("analysis.tdf", "analysis.tdf_bin"):
        data = (folder / name).read_bytes()
        for place in random.integers(0, len(data), 60):
            (folder / name).write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
            assert {finding.code for finding in findings_of(asset_of(folder)) if finding.level == "error"} <= {
                *("MZ-018", "MZ-029", "MZ-040", "MZ-041", "MZ-007", "MZ-009", "MZ-001", "MZ-014"),
            }
        (folder / name).write_bytes(data)


def test_reading_leaves_no_trace_beside_the_run(tmp_path: Path) -> None:
    folder = write_tdf(tmp_path / "run.d")
    with sqlite3.connect(folder / "analysis.tdf") as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    for path in folder.iterdir():
        path.chmod(0o444)
    before = sorted(path.name for path in folder.iterdir())
    admitted(asset_of(folder))
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_table_whose_name_is_no_text_is_a_finding(tmp_path: Path) -> None:
    folder = write_tdf(tmp_path / "run.d")
    path = folder / "analysis.tdf"
    data = path.read_bytes()
    # SQLite then quotes the name in its complaint, which Python cannot decode
    at = data.index(b"tableMzCalibrationMzCalibration") + len("tableMz")
    path.write_bytes(data[:at] + b"\xe1" + data[at + 1 :])
    (finding,) = findings_of(asset_of(folder))
    assert (finding.code, finding.level, finding.where) == ("MZ-040", "error", "analysis.tdf")
    assert finding.found == "SQLite: a name that is no text"
