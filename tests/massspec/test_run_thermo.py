"""Thermo RAW: refused without licence and reader; with a stand-in for the vendor's reader, what it sends is checked."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tiny_mzml import converted, opened, schema_errors, written

from catchment import streaming
from catchment.massspec import MODALITY
from catchment.massspec.readers import thermo
from catchment.massspec.runs import write_run
from catchment.schema.records import Asset, Description, Finding

MAGIC = b"\x01\xa1" + "Finnigan".encode("utf-16-le")


def raw(folder: Path, **how: Any) -> Asset:
    return written(folder, MAGIC + json.dumps(how).encode(), "a.raw")


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATCHMENT_ACCEPT_LICENCES", "gpl thermo")
    monkeypatch.setattr(streaming, "interpreter_of", lambda _: Path(sys.executable))
    monkeypatch.setattr(thermo, "SCRIPT", Path(__file__).with_name("thermo_stand_in.py"))


def findings_of(asset: Asset) -> list[Finding]:
    description = MODALITY.describe(asset)
    if not isinstance(description, Description):
        return list(description.findings)
    return list(MODALITY.validate(description, asset, MODALITY.admit_settings()).findings)


# --- set-up ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "built", "found"),
    [
        ("", False, "accept_licences does not name `thermo` and there is no environment .venv-thermo"),
        ("gpl", True, "a Thermo RAW file, and accept_licences does not name `thermo`"),
        ("thermo", False, "a Thermo RAW file, and there is no environment .venv-thermo"),
    ],
)
def test_what_is_missing_is_named_and_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accepted: str, built: bool, found: str
) -> None:
    monkeypatch.setenv("CATCHMENT_READERS", str(tmp_path / "readers"))
    monkeypatch.setenv("CATCHMENT_ACCEPT_LICENCES", accepted)
    interpreter = tmp_path / "readers/.venv-thermo/bin/python"
    if built:
        interpreter.parent.mkdir(parents=True)
        interpreter.touch()
    (finding,) = findings_of(raw(tmp_path))
    assert finding.code == "MZ-027"
    assert finding.found.endswith(found)
    assert "make readers ACCEPT_LICENCES=thermo" in finding.fix
    assert "accept_licences: [thermo]" in finding.fix


def test_environments_of_readers_lie_beside_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CATCHMENT_READERS", raising=False)
    expected = Path(sys.prefix).parent / ".venv-thermo/bin/python"
    assert streaming.interpreter_of("thermo") == expected


# --- what the reader sends ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("reader")
def test_spectra_become_mzml_with_their_precursors(tmp_path: Path) -> None:
    asset = raw(tmp_path)
    assert findings_of(asset) == []
    product, path = converted(asset, tmp_path / "out")
    assert product.facts["ms_levels"] == {"1": 3, "2": 6}
    assert product.facts["start_time"] == "2026-01-02T03:04:05"
    assert schema_errors(path) == []
    with opened(path) as kept:
        spectrum = kept.get_by_id("controllerType=0 controllerNumber=1 scan=5")
    assert spectrum["m/z array"].tolist() == [105.0, 205.0]
    assert spectrum["total ion current"] == 50.0
    scan = spectrum["scanList"]["scan"][0]
    assert (float(scan["scan start time"]), scan["scan start time"].unit_info) == (5 / 7, "minute")
    assert scan["ion injection time"] == 1.5
    precursor = spectrum["precursorList"]["precursor"][0]
    assert precursor["spectrumRef"].endswith("scan=4")
    assert precursor["selectedIonList"]["selectedIon"][0] == {"selected ion m/z": 500.25, "charge state": 2}
    # of a transfer of electrons the vendor's number is a time, no energy
    assert precursor["activation"] == {
        "electron transfer dissociation": "",
        "supplemental beam-type collision-induced dissociation": "",
        "supplemental collision energy": 25.0,
    }


@pytest.mark.usefixtures("reader")
def test_pieces_and_workers_change_no_byte(tmp_path: Path) -> None:
    files = raw(tmp_path, count=12).files
    results = set()
    for name, scans_per_piece, threads in (("one", 5_000, 1), ("some", 3, 1), ("two", 3, 2)):
        run = thermo.ThermoRun(Path(files[0].path))
        run.scans_per_piece = scans_per_piece
        target = tmp_path / name / "a.mzML"
        reading, _ = write_run(run, files, "a.raw", target, threads)
        assert len(reading.table) == 12
        assert [path.name for path in target.parent.iterdir()] == ["a.mzML"]
        results.add(target.read_bytes())
    assert len(results) == 1


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    ("how", "code", "where", "found"),
    [
        ({"refused": "damaged"}, "MZ-028", "a.raw", "words of the vendor"),
        ({"refused": "unfinished"}, "MZ-029", "a.raw", "words of the vendor"),
        ({"refused": "empty"}, "MZ-001", "a.raw", "words of the vendor"),
        ({"refused": "?"}, "MZ-028", "a.raw", "words of the vendor"),
        ({"count": 0}, "MZ-001", "a.raw", "no spectra"),
        ({"header": {"created": "soon"}}, "MZ-028", "a.raw", "created: String should match"),
        ({"unreadable": [2, 5]}, "MZ-030", "scan 2; scan 5", "NullReferenceException"),
        ({"left_out": [4]}, "MZ-028", "run", "scan 5 where scan 4 was expected"),
        ({"left_out": [9]}, "MZ-028", "scan 9", "8 spectra of 9"),
        ({"changed": 3, "spectrum": {"points": 3}}, "MZ-028", "scan 3", "32 bytes for 3 points"),
        ({"changed": 3, "spectrum": {"tic": "much"}}, "MZ-028", "run", "tic: Input should be a valid number"),
        ({"changed": 3, "spectrum": {"level": 0}}, "MZ-028", "run", "level: Input should be greater"),
        ({"changed": 3, "spectrum": {"scan": 10**9}}, "MZ-028", "run", "scan 1000000000 where scan 3"),
        ({"dies_at": 4}, "ISO-001", "run", "SIGABRT after 3 items"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_by_its_code(
    tmp_path: Path, how: dict[str, Any], code: str, where: str, found: str
) -> None:
    findings = findings_of(raw(tmp_path, **how))
    assert [finding.code for finding in findings] == [code]
    assert findings[0].where == where
    assert found in findings[0].found


@pytest.mark.usefixtures("reader")
def test_an_ion_outside_of_its_window_is_not_taken_for_the_precursor() -> None:
    ion = thermo.Ion(mz=500.5, width=2, offset=0, origin=0, mono_mz=510.0, charge=0, activations=())
    precursor = thermo.precursor_of(ion)
    assert (precursor.mz, precursor.charges, precursor.spectrum_ref) == (500.5, (), "")
