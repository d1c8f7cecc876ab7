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

from catchment.census.plan import plan
from catchment.census.verify import verify
from catchment.storage import NOTE

from .build_child import STORE, build, write_work
from .synthetic_census import Made, write_datasets

ROOT = Path(__file__).parents[2]


def prepare(workdir: Path, datasets: int) -> None:
    """Leave datasets and their plan in a build folder."""
    workdir.mkdir()
    draw = np.random.default_rng(3)
    made = [
        Made(number, draw.integers(0, 3, (40 + number, 30)) + 1, draw.permutation(60)[:30].tolist())
        for number in range(1, datasets + 1)
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


def survives(tmp_path: Path, datasets: int, moments: int) -> None:
    """Kill a build at random moments, each in a build folder of its own, and finish it."""
    prepare(tmp_path / "whole", datasets)
    before = time.monotonic()
    undisturbed = build(tmp_path / "whole")
    seconds = time.monotonic() - before
    chance = random.Random(os.environ.get("KILL_SEED", "census"))
    shutil.rmtree(tmp_path / "whole/store/census")
    finished = []
    for number in range(moments):
        workdir = Path(shutil.copytree(tmp_path / "whole", tmp_path / f"killed-{number}"))
        child = started(workdir)
        # one moment in each stretch of the build, so that they do not all fall into one
        time.sleep(seconds * (number + chance.random()) / moments)
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        had = pieces(workdir)
        finished.append(len(had))
        again = build(workdir)
        assert again == undisturbed
        has = pieces(workdir)
        assert len(has) == datasets
        assert had.items() <= has.items()  # what was whole was not written again
        (drawn, store) = (workdir / "plan.json", workdir / STORE)
        checks = verify(type(plan([], [])).model_validate_json(drawn.read_bytes()), again, store, workdir).checks
        assert checks["datasets"] == checks["fragments"] // 2 == datasets
        shutil.rmtree(workdir)
    assert any(count > 0 for count in finished), f"no build was killed while it had pieces: {finished}"


def test_a_small_build_survives_three_kills(tmp_path: Path) -> None:
    survives(tmp_path, datasets=6, moments=3)


@pytest.mark.long
def test_a_build_of_twenty_datasets_survives_twenty_kills(tmp_path: Path) -> None:
    survives(tmp_path, datasets=20, moments=20)


@pytest.mark.long
def test_a_build_survives_the_death_of_its_workers(tmp_path: Path) -> None:
    prepare(tmp_path / "whole", 20)
    undisturbed = build(tmp_path / "whole")
    shutil.rmtree(tmp_path / "whole/store/census")
    child = started(tmp_path / "whole", threads=4)
    killed = 0
    while child.poll() is None and killed < 3:
        workers = workers_of(child.pid)
        if len(workers) == 2 and pieces(tmp_path / "whole"):
            os.kill(workers[killed % 2], signal.SIGKILL)
            killed += 1
        time.sleep(0.1)
    _, told = child.communicate(timeout=240)
    assert child.returncode == 0, told
    assert killed > 0
    assert build(tmp_path / "whole") == undisturbed


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
