"""What a tiny asset costs: CPU seconds of each step, and the share that goes into imports.

Small jobs are all start-up: a build of many small assets is made of this figure. Prints a table of medians.

    python benchmarks/startup.py [REPEATS]
"""

from __future__ import annotations

import json
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import race
from PIL import Image

from catchment.demonstration import massspec, singlecell

CATCHMENT = Path(sys.executable).parent / "catchment"
IMPORT_LINE = re.compile(r"^import time:\s+(\d+) \|", re.MULTILINE)
INPUTS = {"admit": "--asset", "convert": "--admission", "normalise": "--conversion"}


def tiny_assets(folder: Path) -> dict[str, Path]:
    """Write one tiny upload for each modality."""
    folder.mkdir()
    facts = {"donors": ("D1",), "development_stage": "HsapDv:0000136", "sex": "PATO:0000383"}
    singlecell.write_h5ad(folder / "cells.h5ad", organism="homo_sapiens", cells=50, seed=1, **facts)
    massspec.write_mzml(folder / "run.mzML", seed=1, spectra=20)
    pixels = np.random.default_rng(1).integers(0, 255, (64, 64), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "image.png")
    return {"singlecell": folder / "cells.h5ad", "massspec": folder / "run.mzML", "imaging": folder / "image.png"}


def cpu_seconds(command: list[str], workdir: Path, environment: dict[str, str]) -> tuple[float, str]:
    """Return CPU seconds of a command and its children, and what it wrote to standard error."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=workdir, check=True, stderr=subprocess.PIPE, env=environment, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stderr


def forget(record: Path, workdir: Path) -> None:
    """Remove the store that a step made, so that it makes it again."""
    if not record.exists():
        return
    document = json.loads(record.read_bytes())
    made = document.get("derived_store") or document.get("dataset", {}).get("store")
    # the first step names its store only where it wrote files; as yet it is the only one of its asset
    own = made or Path("store") / record.parent.relative_to(workdir / "work")
    shutil.rmtree(workdir / own)


def cost(command: list[str], record: Path, workdir: Path) -> tuple[float, float]:
    """Return CPU seconds of a command, and the share of imports in a second run that traces them.

    The share is one of wall time on both sides: the trace tells no other, and what else runs slows both.
    """
    forget(record, workdir)
    total, _ = cpu_seconds(command, workdir, race.environment())
    forget(record, workdir)
    started = time.perf_counter()
    _, trace = cpu_seconds(command, workdir, {**race.environment(), "PYTHONPROFILEIMPORTTIME": "1"})
    wall = time.perf_counter() - started
    return total, sum(map(int, IMPORT_LINE.findall(trace))) / 1e6 / wall


def main() -> int:
    """Measure every step of every modality and print the table."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(f"Medians of {repeats}, {datetime.now(UTC).date()}.\n")
    print("| modality | step | CPU s | of which imports |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        workdir = Path(name)
        for modality, upload in tiny_assets(workdir / "uploads").items():
            command = [CATCHMENT, "receive", upload, "--inbox", workdir / "inbox"]
            subprocess.run(command, check=True, capture_output=True)
            (source,) = (workdir / "inbox").glob(f"*/{modality}/*.json")
            records = workdir / "work" / source.relative_to(workdir / "inbox").with_suffix("")
            for step, option in INPUTS.items():
                record = records / f"{step}.json"
                command = [str(CATCHMENT), "step", step, option, str(source), "--out", str(record)]
                cost(command, record, workdir)  # warms up: bytecode, the disk's cache
                figures = [cost(command, record, workdir) for _ in range(repeats)]
                total = statistics.median(figure[0] for figure in figures)
                imports = statistics.median(figure[1] for figure in figures)
                print(f"| {modality} | {step} | {total:.2f} | {imports:.0%} |", flush=True)
                source = record
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
