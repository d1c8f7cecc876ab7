"""Runs that only a site's own converter reads: converted by it inside our limits, or held with its last words."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tiny_mzml import asset_of, run, spectrum
from tiny_tdf import write_tdf

from catchment import trial
from catchment.config import Config, MassspecAdmit, read_config
from catchment.errors import BadInput, EnvironmentFault
from catchment.isolation import Limits, call
from catchment.massspec import MODALITY
from catchment.modalities import Inspection, check_asset
from catchment.schema.records import Asset, Description, Preparation, Unreadable
from catchment.storage import Place

MZML = run(spectrum(0), spectrum(1))


def converter(folder: Path, body: str) -> tuple[str, ...]:
    """Write a program in place of a site's own; `source` and `target` are what it was given."""
    script = folder / "converter.py"
    script.write_text(f"import pathlib, sys\nsource, target = map(pathlib.Path, sys.argv[1:])\n{body}\n")
    return (sys.executable, str(script), "{input}", "{output}")


def waters(folder: Path) -> Path:
    run_folder = folder / "sample one.raw"
    run_folder.mkdir()
    (run_folder / "_FUNC001.DAT").write_bytes(b"scans")
    (run_folder / "_HEADER.TXT").write_bytes(b"$$ Instrument: SYNAPT")
    return run_folder


GOOD = f"assert (source / '_FUNC001.DAT').read_bytes() == b'scans'\ntarget.write_text({MZML!r})\nprint('done')"


def prepared(asset: Asset, folder: Path, **converters: tuple[str, ...]) -> Preparation | Unreadable:
    named = {name.replace("_", "-"): command for name, command in converters.items()}
    return MODALITY.prepare(asset, Place(str(folder)), MassspecAdmit.model_validate({"converters": named}))


def test_a_run_is_taken_as_the_mzml_that_its_converter_wrote(tmp_path: Path) -> None:
    asset = asset_of(waters(tmp_path))
    found = MODALITY.describe(asset)
    assert isinstance(found, Description)
    assert (found.format, found.reader) == ("waters-raw", "none")
    done = prepared(asset, tmp_path, waters_raw=converter(tmp_path, GOOD))
    assert isinstance(done, Preparation)
    (finding,) = done.findings
    assert (finding.code, finding.level, finding.where) == ("MZ-045", "info", "sample one.raw")
    assert finding.found == f"a Waters RAW run, converted by {Path(sys.executable).name}"
    own = MODALITY.describe(done.asset)
    assert isinstance(own, Description)
    assert (own.format, own.shape) == ("mzml", (2,))
    assert Path(done.asset.files[0].path).read_text() == MZML


def test_it_goes_the_whole_way_in_the_confined_child(tmp_path: Path) -> None:
    command = list(converter(tmp_path, GOOD))
    config = Config.model_validate({"massspec": {"admit": {"converters": {"waters-raw": command}}}})
    ((name, state, findings),) = trial.run([waters(tmp_path)], tmp_path / "out", config, lambda _: None)
    assert (name, state[:5], [finding.code for finding in findings]) == ("sample one.raw", "done:", ["MZ-045"])
    (written,) = (tmp_path / "out").glob("*/a0001.mzML")
    assert '<spectrumList count="2"' in written.read_text()


def test_without_a_converter_the_run_is_held_and_told_where_one_is_named(tmp_path: Path) -> None:
    done = prepared(asset_of(waters(tmp_path)), tmp_path)
    assert isinstance(done, Unreadable)
    (finding,) = done.findings
    assert (finding.code, finding.found) == ("MZ-019", "a Waters RAW run; there is no reader for that")
    assert "massspec.admit.converters" in finding.fix


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("print('working'); print('no such function\\n'); sys.exit(3)", "exit code 3: no such function"),
        ("sys.exit(1)", "exit code 1: nothing said"),
        ("print('all well')", "no file written: all well"),
        ("target.symlink_to('/etc/hostname')", "no file written: nothing said"),
        ("target.mkdir()", "no file written: nothing said"),
        ("import os; os.kill(os.getpid(), 9)", "exit code -9: nothing said"),
    ],
)
def test_a_converter_that_fails_holds_the_run_with_its_last_words(tmp_path: Path, body: str, found: str) -> None:
    done = prepared(asset_of(waters(tmp_path)), tmp_path, waters_raw=converter(tmp_path, body))
    assert isinstance(done, Unreadable)
    assert [(finding.code, finding.found) for finding in done.findings] == [("MZ-044", found)]


def test_a_converter_that_is_not_there_is_a_fault_of_the_environment(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match=r"/no/converter: No such file .*correct massspec\.admit\.converters"):
        prepared(asset_of(waters(tmp_path)), tmp_path, waters_raw=("/no/converter", "{input}", "{output}"))


def test_what_it_writes_is_validated_like_any_mzml(tmp_path: Path) -> None:
    short = run(spectrum(0), declared=2)
    command = converter(tmp_path, f"target.write_text({short!r})")
    settings = {"converters": {"waters-raw": list(command)}}
    inspection = call(check_asset, asset_of(waters(tmp_path)), str(tmp_path), settings, limits=Limits())
    assert isinstance(inspection, Inspection)
    assert [(finding.code, finding.level) for finding in inspection.findings if finding.level == "error"] == [
        ("MZ-001", "error")
    ]


def test_it_has_the_limits_of_the_child_that_it_runs_in(tmp_path: Path) -> None:
    command = converter(tmp_path, "kept = bytearray(2_000_000_000)")
    settings = {"converters": {"waters-raw": list(command)}}
    limits = Limits(memory_mb=1_500)
    inspection = call(check_asset, asset_of(waters(tmp_path)), str(tmp_path), settings, limits=limits)
    assert [finding.found for finding in inspection.findings] == ["exit code 1: MemoryError"]


def test_a_tdf_may_be_given_to_another_converter(tmp_path: Path) -> None:
    asset = asset_of(write_tdf(tmp_path / "run.d"))
    assert prepared(asset, tmp_path) == Preparation(asset=asset)
    command = converter(tmp_path, f"assert (source / 'analysis.tdf').exists()\ntarget.write_text({MZML!r})")
    done = prepared(asset, tmp_path, bruker_tdf=command)
    assert isinstance(done, Preparation)
    assert done.findings[0].code == "MZ-045"


@pytest.mark.parametrize(
    ("converters", "words"),
    [
        ({"waters-raw": ["run", "{input}"]}, r"waters-raw: no argument has \{output\}"),
        ({"waters-raw": []}, "at least 1 item"),
        ({"mzml": ["run", "{input}", "{output}"]}, "agilent-d"),
    ],
)
def test_a_command_that_could_not_work_is_refused(converters: dict[str, list[str]], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        read_config({"massspec": {"admit": {"converters": converters}}})
