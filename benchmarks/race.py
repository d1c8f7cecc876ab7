"""How contenders are measured: whole processes, taking turns, and a table of ratios.

A benchmark is a script with `RACES` that ends in `raise SystemExit(race.main(__file__, RACES))`. Run without arguments
it makes its data, runs every contender and prints Markdown; the other verbs are what it starts as processes:

    prepare RACE DATA | run RACE CONTENDER DATA OUT | check RACE CONTENDER DATA OUT

This file imports nothing heavy: what a process had in memory before it became another counts towards the other's peak.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

CORES = 2
REPEATS = 3
RACE_S = 60 * float(os.environ.get("BENCH_MINUTES", "20"))  # no round of a race begins after this, but the first
LONG_S = 60  # from here on a first round is no warm-up: what caches save is lost in it
MB = 1e6
# what tells numerical libraries, zarr, Dask, Rust and OpenMP how many threads to start
THREADS = dict.fromkeys(
    (
        "CATCHMENT_THREADS",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMBA_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "BLOSC_NTHREADS",
        "RAYON_NUM_THREADS",
        "DASK_NUM_WORKERS",
        "ZARR_THREADING__MAX_WORKERS",
        "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
    ),
    str(CORES),
)
FLOOR = "floor"
OURS = "catchment"


@dataclass(frozen=True)
class Contender:
    """One way to do the work.

    `run` gets the data's folder and the path to write; `check` the same two and returns what differs from the source,
    empty where nothing does (None: nothing to compare). `imports` are the modules that it cannot do without.
    """

    label: str
    run: Callable[[Path, Path], None]
    check: Callable[[Path, Path], str] | None
    imports: str


@dataclass(frozen=True)
class Race:
    """Contenders for one piece of work on the same data; the first one is what the others are divided by.

    `reason_to_skip` returns what is not there that a race needs; empty where nothing is missing.
    """

    title: str
    about: str
    prepare: Callable[[Path], str]
    contenders: Mapping[str, Contender]
    repeats: int = REPEATS
    reason_to_skip: Callable[[], str] = str


@dataclass(frozen=True)
class Figures:
    """What one process took: its children that it waited for included, but the peak is that of the largest of them."""

    cpu_s: float
    wall_s: float
    peak_mb: float


@dataclass(frozen=True)
class Outcome:
    """A contender's medians, what it wrote, and what its output is worth."""

    figures: Figures
    spread: float
    imports_s: float
    written_mb: float
    files: int
    same: str


def measured(command: list[str], log: Path) -> Figures:
    """Run a command and return what it took.

    Raises
    ------
    RuntimeError
        With the end of what it said, where it fails.
    """
    with log.open("wb") as file:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=environment())
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {log.read_text(errors='replace')[-2000:]}")
    return Figures(usage.ru_utime + usage.ru_stime, wall_s, usage.ru_maxrss * 1024 / MB)


def environment() -> dict[str, str]:
    """Return the environment of every contender: threads bounded, bytecode kept (importing is half of a small job)."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | THREADS


def remove(path: Path) -> None:
    """Remove a file or folder that may be there."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def size_of(path: Path) -> tuple[float, int]:
    """Return megabytes and number of the files at or below a path."""
    files = [path] if path.is_file() else [found for found in path.rglob("*") if found.is_file()]
    return sum(file.stat().st_size for file in files) / MB, len(files)


def run_race(script: str, name: str, race: Race, folder: Path, repeats: int) -> tuple[str, int, dict[str, Outcome]]:
    """Return what the data are, how many rounds counted, and each contender's outcome.

    One round to warm up, then counted rounds in turns; the first round of a contender that takes a minute or more is
    counted as well. No round but the first begins when the time of a race is over.
    """
    data, out, log = folder / "data", folder / "out", folder / "log"
    data.mkdir(parents=True)
    own = [sys.executable, "-W", "ignore", script]
    described = subprocess.run([*own, "prepare", name, str(data)], check=True, capture_output=True, text=True).stdout
    rounds: dict[str, list[Figures]] = {key: [] for key in race.contenders}
    imports_s, sizes, same = {}, {}, {}
    for key, contender in race.contenders.items():
        say(f"{name}: {key} warms up")
        remove(out)
        first = measured([*own, "run", name, key, str(data), str(out)], log)
        if first.wall_s >= LONG_S:
            rounds[key].append(first)
        sizes[key], same[key] = size_of(out), "-"
        if contender.check is not None:
            measured([*own, "check", name, key, str(data), str(out)], log)
            same[key] = log.read_text().strip() or "yes"
        imports = [sys.executable, "-W", "ignore", "-c", f"import {contender.imports}"]
        imports_s[key] = statistics.median(measured(imports, log).cpu_s for _ in range(repeats))
    begun = time.perf_counter()
    for number in range(repeats):
        if number and time.perf_counter() - begun > RACE_S:
            break
        for key in race.contenders:
            if len(rounds[key]) > number:
                continue
            say(f"{name}: {key}, round {number + 1} of {repeats}")
            remove(out)
            rounds[key].append(measured([*own, "run", name, key, str(data), str(out)], log))
    shutil.rmtree(folder)
    outcomes = {}
    for key, figures in rounds.items():
        cpu = [one.cpu_s for one in figures]
        medians = Figures(*(statistics.median(vars(one)[field] for one in figures) for field in vars(figures[0])))
        spread = (max(cpu) - min(cpu)) / medians.cpu_s
        outcomes[key] = Outcome(medians, spread, imports_s[key], *sizes[key], same[key])
    return described.strip(), min(map(len, rounds.values())), outcomes


def table(race: Race, outcomes: Mapping[str, Outcome]) -> str:
    """Return a Markdown table: medians, and in brackets how many times the first contender's."""
    ours = next(iter(outcomes.values())).figures
    lines = [
        "| | CPU s | of which imports | peak MB | wall s | written MB (files) | same content |",
        "|---|---|---|---|---|---|---|",
    ]
    for key, outcome in outcomes.items():
        one = outcome.figures
        lines.append(
            f"| {race.contenders[key].label} "
            f"| {one.cpu_s:.2f} ({times(one.cpu_s, ours.cpu_s)}, ±{outcome.spread / 2:.0%}) "
            f"| {outcome.imports_s:.2f} "
            f"| {one.peak_mb:,.0f} ({times(one.peak_mb, ours.peak_mb)}) "
            f"| {one.wall_s:.1f} ({times(one.wall_s, ours.wall_s)}) "
            f"| {outcome.written_mb:,.1f} ({outcome.files:,}) | {outcome.same} |"
        )
    return "\n".join(lines)


def ahead(race: Race, outcomes: Mapping[str, Outcome]) -> str:
    """Return which peers need less than the first contender, and of what; floors and our own variants are no peers."""
    ours = next(iter(outcomes.values())).figures
    found = []
    for key, outcome in outcomes.items():
        pairs = {
            "CPU": (outcome.figures.cpu_s, ours.cpu_s),
            "wall": (outcome.figures.wall_s, ours.wall_s),
            "peak memory": (outcome.figures.peak_mb, ours.peak_mb),
        }
        less = [f"{what} {times(*pair)}" for what, pair in pairs.items() if pair[0] < pair[1]]
        if less and not key.startswith((OURS, FLOOR)):
            found.append(f"{race.contenders[key].label} ({', '.join(less)})")
    return f"**Where a peer needs less than Catchment:** {'; '.join(found) or 'nowhere in this table'}."


def times(value: float, base: float) -> str:
    """Return a ratio as text."""
    return f"{value / base:.2f}×"


def say(text: str) -> None:
    """Tell whoever waits how far it is."""
    print(text, file=sys.stderr, flush=True)


def report(script: str, races: Mapping[str, Race], only: list[str], repeats: int | None) -> None:
    """Run races on the first `CORES` cores and print their sections."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    print(f"{datetime.now(UTC).date()}.\n", flush=True)
    for name in only or races:
        race = races[name]
        if reason := race.reason_to_skip():
            print(f"### {race.title}\n\nNot run: {reason}.\n", flush=True)
            continue
        with tempfile.TemporaryDirectory() as folder:
            described, counted, outcomes = run_race(script, name, race, Path(folder) / "race", repeats or race.repeats)
        data = f"Data: {described} Rounds counted: {counted}."
        figures = table(race, outcomes), ahead(race, outcomes)
        print("\n\n".join((f"### {race.title}", data, *figures, race.about.strip())) + "\n", flush=True)


def main(script: str, races: Mapping[str, Race]) -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description="Compare ways to do the same work; prints Markdown.")
    parser.add_argument("words", nargs="*", help="names of races (default: all), or one of the verbs")
    parser.add_argument("--repeats", type=int, help="counted rounds of each contender (default: the race's own)")
    given = parser.parse_args()
    verb, *rest = given.words or [""]
    if verb == "prepare":
        print(races[rest[0]].prepare(Path(rest[1])))
    elif verb == "run":
        races[rest[0]].contenders[rest[1]].run(Path(rest[2]), Path(rest[3]))
    elif verb == "check":
        check = races[rest[0]].contenders[rest[1]].check
        assert check is not None
        print(check(Path(rest[2]), Path(rest[3])))
    else:
        report(script, races, given.words, given.repeats)
    return 0
