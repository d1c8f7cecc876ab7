"""A build of the census that is killed at any moment and started again gives the census of an undisturbed build."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tiledbsoma

from catchment.census.plan import plan
from catchment.census.verify import verify
from catchment.schema.build_records import Census, Plan
from catchment.storage import NOTE

from .build_child import STORE, build, write_work
from .synthetic_census import Made, write_datasets

ROOT = Path(__file__).parents[2]
DATASETS = 20


def prepare(workdir: Path) -> None:
    """Leave datasets and their plan in a build folder."""
    workdir.mkdir()
    draw = np.random.default_rng(3)
    made = [
        Made(number, draw.integers(0, 3, (40 + number, 30)) + 1, draw.permutation(60)[:30].tolist())
        for number in range(1, DATASETS + 1)
    ]
    records = write_datasets(workdir, *made)
    write_work(workdir, plan(records, []), {record.dataset.dataset: record for record in records})


def pieces(workdir: Path) -> dict[str, int]:
    """The pieces that are whole, each with when it became so."""
    return {path.parent.name: path.stat().st_mtime_ns for path in workdir.glob(f"store/census/pieces/[!.]*/{NOTE}")}


def started(workdir: Path, threads: int = 1) -> subprocess.Popen[str]:
    """A build in a process of its own, as soon as it begins to work; a group of its own, for its workers' sake."""
    command = [sys.executable, "-m", "tests.census.build_child", str(workdir)]
    environment = {**os.environ, "CATCHMENT_THREADS": str(threads)}
    child = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n", child.communicate()[1]
    return child


def assert_whole(workdir: Path, census: Census, undisturbed: Census, had: dict[str, int]) -> None:
    """Hold a census that was finished after a death against one that nothing disturbed; `had`: pieces whole by then."""
    assert census == undisturbed  # the logical digest is part of it
    has = pieces(workdir)
    assert len(has) == DATASETS
    assert had.items() <= has.items()  # what was whole was not written again
    for layer in ("raw", "normalized"):
        with tiledbsoma.open(str(workdir / STORE / census.soma / "census_data/homo_sapiens/ms/RNA/X" / layer)) as array:
            places = array.read().tables().concat().select(["soma_dim_0", "soma_dim_1"]).to_pandas()
        assert not places.duplicated().any()
    planned = Plan.model_validate_json((workdir / "plan.json").read_bytes())
    checks = verify(planned, census, workdir / STORE, workdir).checks
    assert checks["datasets"] == checks["fragments"] // 2 == DATASETS


def survives(tmp_path: Path, moments: int) -> None:
    """Kill a build at random moments, each in a build folder of its own, and finish it."""
    prepare(tmp_path / "whole")
    before = time.monotonic()
    undisturbed = build(tmp_path / "whole")
    seconds = time.monotonic() - before
    chance = random.Random(os.environ.get("KILL_SEED", "census"))
    shutil.rmtree(tmp_path / "whole/store/census")
    finished = []
    for number in range(moments):
        workdir = Path(shutil.copytree(tmp_path / "whole", tmp_path / f"killed-{number}"))
        child = started(workdir)
        # one moment in each stretch of the build, so that they do not all fall into one, however fast the machine is
        wanted = int(DATASETS * (number + chance.random()) / moments)
        while child.poll() is None and len(pieces(workdir)) < wanted:
            time.sleep(0.005)
        time.sleep(chance.random() * seconds / DATASETS)
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        had = pieces(workdir)
        finished.append(len(had))
        assert_whole(workdir, build(workdir), undisturbed, had)
    assert any(0 < number < DATASETS for number in finished), finished  # some in the midst of the matrices


def test_a_build_of_twenty_datasets_survives_three_kills(tmp_path: Path) -> None:
    survives(tmp_path, moments=3)


@pytest.mark.long
def test_a_build_of_twenty_datasets_survives_twenty_kills(tmp_path: Path) -> None:
    survives(tmp_path, moments=20)


@pytest.mark.parametrize("deaths", [1, pytest.param(5, marks=pytest.mark.long)])
def test_a_build_survives_the_death_of_its_workers(tmp_path: Path, deaths: int) -> None:
    prepare(tmp_path / "whole")
    undisturbed = build(tmp_path / "whole")
    shutil.rmtree(tmp_path / "whole/store/census")
    child = started(tmp_path / "whole", threads=4)
    killed: set[int] = set()
    had: dict[str, int] = {}
    while child.poll() is None and len(killed) < deaths:
        alive = [worker for worker in workers_of(child.pid) if worker not in killed]
        if len(alive) == 2 and len(pieces(tmp_path / "whole")) > len(had):
            had = pieces(tmp_path / "whole")
            worker = alive[len(killed) % 2]
            os.kill(worker, signal.SIGKILL)
            killed.add(worker)
        time.sleep(0.01)
    _, told = child.communicate(timeout=240)
    assert child.returncode == 0, told  # the build itself goes on
    assert killed
    assert_whole(tmp_path / "whole", build(tmp_path / "whole"), undisturbed, had)


def workers_of(group: int) -> list[int]:
    """The processes below a build that do its work: those that Dask's nannies spawned."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                words = (folder / "cmdline").read_bytes()
                own = int((folder / "stat").read_text().rpartition(")")[2].split()[2])
            except OSError:
                continue
            if own == group and b"spawn_main" in words:
                found.append(int(folder.name))
    return sorted(found)
