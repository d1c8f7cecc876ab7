"""What the benchmarks ask of Catchment still runs, and writes what its source holds. Tiny data, no peers."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SMALL = {
    "cells": {
        "DEEP_CELLS": 60,
        "WIDE_CELLS": 40,
        "WIDE_GENES": 300,
        "WIDE_NNZ": 30,
        "MANY_CELLS": 50,
        "MANY_GENES": 700,
        "MANY_COUNTS": 900,
    },
    "census": {"CELLS": 40, "GENES": 300, "KNOWN": 3, "SIZES": (10, 20, 30)},
    "census_data": {"GENES": 300, "NNZ": 30},
    "imaging": {"SHAPE_CZYX": (1, 1, 512, 512), "LEVELS": 2},
    "massspec": {"SPECTRA": 30, "LARGE_SPECTRA": 30},
}
RACES = [("singlecell", race) for race in ("demonstration", "wide", "many", "quality", "writer")]
RACES += [("admission", race) for race in ("small", "large")]
RACES += [("census", race) for race in ("assemble", "floor", "grown")]
RACES += [("imaging", "ome-zarr"), ("massspec", "rewrite"), ("massspec", "read"), ("massspec", "writer")]


def script(name: str, patch: pytest.MonkeyPatch) -> ModuleType:
    """Return a benchmark's script as a module, its data small."""
    patch.syspath_prepend(str(BENCHMARKS))
    for file in (name, "cells", "census_data"):
        for constant, value in SMALL.get(file, {}).items():
            patch.setattr(importlib.import_module(file), constant, value)
    return importlib.import_module(name)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "race"), RACES)
def test_catchment_runs_its_races(name: str, race: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = script(name, monkeypatch).RACES[race]
    (tmp_path / "data").mkdir()
    assert own.prepare(tmp_path / "data")
    ran = [key for key in own.contenders if key.startswith("catchment")]
    for key in ran:
        contender, out = own.contenders[key], tmp_path / key
        contender.run(tmp_path / "data", out)
        differs = "" if contender.check is None else contender.check(tmp_path / "data", out)
        # so small an image fills no chunk and no shard
        assert differs == "" or (name == "imaging" and differs.startswith("pixels yes; chunks 1 × 512 × 512")), key
    assert ran


def test_scans_of_a_raw_file_are_read_round_and_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATCHMENT_ACCEPT_LICENCES", "thermo")
    monkeypatch.setattr("catchment.massspec.readers.thermo.SCRIPT", "")  # given back after the test
    own = script("thermo", monkeypatch)
    monkeypatch.setattr(own, "SPECTRA", 100)
    if reason := own.reason_to_skip():
        pytest.skip(reason)
    own.ours(tmp_path, tmp_path / "out")
    assert own.check(tmp_path, tmp_path / "out") == "yes; of a round 41 of 48 equal to msconvert's"
    own.centroids(tmp_path, tmp_path)


def test_a_race_that_lacks_something_says_what(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    race = script("race", monkeypatch)
    monkeypatch.setattr("os.sched_setaffinity", lambda *_: None)
    missing = race.Race("A title", "about", lambda _: "", {}, reason_to_skip=lambda: "there is no reader")
    race.report("script", {"one": missing}, [], None)
    assert capsys.readouterr().out.endswith("### A title\n\nNot run: there is no reader.\n\n")


def test_every_section_of_the_page_has_its_script(monkeypatch: pytest.MonkeyPatch) -> None:
    sections = script("page", monkeypatch).SECTIONS
    for name in sections:
        assert (BENCHMARKS / f"{name}.py").is_file()
    assert f"SECTIONS := {' '.join(sections)}\n" in (BENCHMARKS.parent / "Makefile").read_text(encoding="utf-8")


def test_a_table_names_the_peers_that_need_less(monkeypatch: pytest.MonkeyPatch) -> None:
    race = script("race", monkeypatch)
    labels = {"catchment": "ours", "catchment-written": "half of ours", "peer": "a peer", "slow": "slow", "floor": "f"}
    contenders = {key: race.Contender(label, lambda *_: None, None, "") for key, label in labels.items()}
    own = race.Race("title", "about", lambda _: "", contenders)
    figures = [(2, 2, 100), (1, 1, 50), (1, 3, 50), (4, 4, 400), (0.1, 0.1, 1)]
    outcomes = {
        key: race.Outcome(race.Figures(*one), 0, 0, 1, 1, "yes") for key, one in zip(labels, figures, strict=True)
    }
    said = race.ahead(own, outcomes)
    assert said == "**Where a peer needs less than Catchment:** a peer (CPU 0.50×, peak memory 0.50×)."
    assert "| slow | 4.00 (2.00×" in race.table(own, outcomes)
    del outcomes["peer"]
    assert race.ahead(own, outcomes).endswith("nowhere in this table.")
