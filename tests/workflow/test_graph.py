"""What runs, and what does not run again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import ROOT, call, receive, record_times, snakemake

pytestmark = pytest.mark.slow


def write_image(folder: Path, name: str, seed: int) -> Path:
    """Write a small PNG of noise as an upload without a description."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (48, 64), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / name)
    return folder / name


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build folder with the release of two images and some cells."""
    from catchment.demonstration import singlecell

    workdir = tmp_path_factory.mktemp("build")
    uploads = workdir / "uploads"
    receive(workdir, write_image(uploads, "one.png", 1), write_image(uploads, "two.png", 2))
    cells = uploads / "cells.h5ad"
    facts = {"donors": ["D1"], "development_stage": "unknown", "sex": "unknown"}
    singlecell.write_h5ad(cells, organism="homo_sapiens", cells=60, seed=3, **facts)
    receive(workdir, cells)
    snakemake(workdir)
    records = [json.loads(path.read_bytes()) for path in workdir.glob("work/CAT*/*/*/normalise.json")]
    assert [record["outcome"] for record in records] == ["done"] * 3
    return workdir


def changed(before: dict[str, int], after: dict[str, int]) -> set[str]:
    """Return the records that were written since."""
    return {name for name, time in after.items() if before.get(name) != time}


def latest(workdir: Path) -> str:
    """Return the version that the pointer names."""
    return json.loads((workdir / "releases/latest.json").read_bytes())["release"]


def test_a_second_run_does_nothing(build: Path) -> None:
    before, release = record_times(build), latest(build)
    done = snakemake(build)
    assert changed(before, record_times(build)) == set()
    assert latest(build) == release
    assert "Nothing to be done" in done.stdout + done.stderr


def test_a_submission_received_again_runs_nothing(build: Path) -> None:
    before = record_times(build)
    receive(build, build / "uploads/one.png")
    snakemake(build)
    assert changed(before, record_times(build)) == set()


def test_an_added_submission_runs_its_own_jobs_and_the_census_onward(build: Path) -> None:
    before, release = record_times(build), latest(build)
    receive(build, write_image(build / "uploads", "three.png", 3))
    snakemake(build)
    fresh = changed(before, record_times(build))
    own = {name for name in fresh if name.startswith("CAT")}
    assert {Path(name).parts[0] for name in own} == {"CAT00000004P"}
    assert {Path(name).name for name in own} == {"admit.json", "convert.json", "normalise.json"}
    assert {name for name in fresh if not name.startswith("CAT")} == {
        "census/plan.json",
        "census/assemble.json",
        "census/verify.json",
        "release/index.json",
        "release/release.json",
    }
    assert latest(build) != release


def test_a_raised_version_of_normalise_reruns_normalise_and_what_follows_but_never_convert(build: Path) -> None:
    code = (
        "import sys; from catchment.modalities import VERSIONS; VERSIONS['imaging']['normalise'] += 1;"
        "from snakemake.cli import main; main(sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "-n", "--profile", "profiles/local", "--config", f"workdir={build}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    planned = {line.split()[0]: int(line.split()[1]) for line in text.splitlines() if is_count(line)}
    images = len(list((build / "work").glob("*/imaging/*")))
    assert planned["normalise"] == images
    assert "convert" not in planned
    assert "admit" not in planned
    assert planned["assemble"] == planned["release"] == 1


def is_count(line: str) -> bool:
    """Tell whether a line of the dry run's statistics is a rule and a number."""
    parts = line.split()
    return len(parts) == 2 and parts[1].isdigit()


def test_a_changed_setting_of_one_step_reruns_only_from_there(build: Path) -> None:
    done = snakemake(build, 'imaging={"normalise":{"low_percentile":2.0}}', "-n")
    planned = {line.split()[0] for line in (done.stdout + done.stderr).splitlines() if is_count(line)}
    assert "normalise" in planned
    assert "convert" not in planned


def test_a_changed_title_reruns_the_release_only(build: Path) -> None:
    before, release = record_times(build), latest(build)
    snakemake(build, 'release={"title":"Another title"}')
    assert changed(before, record_times(build)) == {"release/index.json", "release/release.json"}
    assert latest(build) != release


def test_an_id_that_fits_no_pattern_stops_the_build_with_its_name(build: Path) -> None:
    stray = build / "inbox" / "CAT00000001K" / "imaging" / "Not An Id.json"
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_text("{}")
    try:
        done = snakemake(build, "-n", expect=(1,))
        assert "Not An Id" in done.stdout + done.stderr
    finally:
        stray.unlink()


def test_a_misspelt_key_of_the_configuration_stops_with_its_name(build: Path) -> None:
    done = snakemake(build, "wrokdir=x", "-n", expect=(1,))
    text = done.stdout + done.stderr
    assert "wrokdir" in text
    assert "workdir" in text
    assert "Traceback" not in text


def test_lost_records_are_made_again_from_their_store_without_converting(build: Path) -> None:
    record = next((build / "work").glob("*/singlecell/*/convert.json"))
    store = Path(json.loads(record.read_bytes())["dataset"]["store"])
    inode = (build / store / "store.json").stat().st_ino
    before = json.loads(record.read_bytes())
    record.unlink()
    record.with_name("normalise.json").unlink()
    snakemake(build)
    after = json.loads(record.read_bytes())
    assert (build / store / "store.json").stat().st_ino == inode
    assert {**before, "times": None} == {**after, "times": None}


def test_the_workflow_is_linted_and_dry_runs_on_an_empty_inbox(tmp_path: Path) -> None:
    snakemake(tmp_path, "-n")
    done = call("snakemake", "--lint", "--config", f"workdir={tmp_path}")
    assert "good condition" in done.stdout + done.stderr


def test_a_build_of_nothing_publishes_an_empty_release(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    snakemake(tmp_path)
    released = json.loads((tmp_path / "work/release/release.json").read_bytes())
    assert released["datasets"] == {}
    shutil.rmtree(tmp_path, ignore_errors=True)
