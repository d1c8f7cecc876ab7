"""Whole builds, run as an operator runs them: receive, then snakemake, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def call(*command: object, cwd: Path = ROOT, expect: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
    """Run a command of the environment without it being activated; fail with its output on any other exit code."""
    program, *arguments = map(str, command)
    environment = {**os.environ, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [str(BIN / program), *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=1_200
    )
    assert done.returncode in expect, f"{command}: exit {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done


def snakemake(workdir: Path, *arguments: object, expect: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
    """Run the workflow on a build folder with the local profile."""
    return call("snakemake", "--profile", "profiles/local", "--config", f"workdir={workdir}", *arguments, expect=expect)


def receive(workdir: Path, *uploads: Path, expect: tuple[int, ...] = (0,)) -> None:
    """Take uploads into the inbox of a build folder."""
    call("catchment", "receive", *uploads, "--inbox", workdir / "inbox", expect=expect)


def record_times(workdir: Path) -> dict[str, int]:
    """Return when each record was last written, in ns: a job that ran wrote its record anew."""
    work = workdir / "work"
    return {str(path.relative_to(work)): path.stat().st_mtime_ns for path in work.rglob("*.json")}


@pytest.fixture(scope="session")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build folder of the demonstration, through to its release."""
    from catchment.demonstration.uploads import write_uploads

    workdir = tmp_path_factory.mktemp("demonstration")
    receive(workdir, *write_uploads(workdir / "uploads"), expect=(0, 2))
    snakemake(workdir)
    return workdir
