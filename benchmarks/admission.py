"""Single-cell admission: Catchment against the reference validator, cellxgene-schema, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import cells
import race

CATCHMENT = Path(sys.executable).with_name("catchment")
REFERENCE = Path(__file__).parents[1] / ".venv-reference/bin/python"
ASK = Path(__file__).parents[1] / "tests/singlecell/ask_reference.py"
SIZES, COUNTS_PER_CELL = (10_000, 100_000, 500_000), 250


# --- data --------------------------------------------------------------------------------------------------------


def prepare_small(data: Path) -> str:
    """Write a valid file of few cells; return what it is."""
    from catchment.demonstration.singlecell import write_h5ad

    facts = {"donors": ["D1"], "sex": "unknown", "development_stage": "unknown"}
    write_h5ad(data / "cells.h5ad", organism="homo_sapiens", seed=1, cells=50, **facts)
    return "a valid H5AD of 50 cells × 1,500 genes."


def prepare_many(data: Path) -> str:
    """Write a valid file of many cells; return what it is."""
    return "a valid H5AD, " + cells.write_many(data / "cells.h5ad", embedding=True)


def prepare_sizes(data: Path) -> str:
    """Write valid files that differ in the number of their cells alone; return what they are."""
    written = [cells.write_cells(data / f"{count}.h5ad", count, COUNTS_PER_CELL) for count in SIZES]
    return f"valid H5ADs of {', '.join(written)} × 30,000 genes, {COUNTS_PER_CELL} counts a cell, gzip 1."


# --- contenders --------------------------------------------------------------------------------------------------


def ours(data: Path, out: Path) -> None:
    """Check the file as a submitter would; leave what was said."""
    checked("cells.h5ad", data, out)


def checked(name: str, data: Path, out: Path) -> None:
    """Check a file of a name."""
    said = subprocess.run([CATCHMENT, "check", data / name, "--json"], check=False, stdout=subprocess.PIPE)
    out.write_text("valid" if said.returncode == 0 else said.stdout.decode())


def reference(data: Path, out: Path) -> None:
    """Ask the reference validator; leave what it said."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    said = subprocess.run([REFERENCE, "-W", "ignore", ASK, data], check=True, stdout=subprocess.PIPE, env=own)
    out.write_text("valid" if b'"valid": true' in said.stdout else said.stdout.decode())


def floor(data: Path, out: Path) -> None:
    """Inflate every value once and look at it."""
    import h5py
    import numpy as np

    with h5py.File(data / "cells.h5ad") as file:
        x = file["X"]
        for first in range(0, len(x["data"]), 1 << 22):
            some = slice(first, first + (1 << 22))
            values, columns = x["data"][some], x["indices"][some]
            if np.any(values < 0) or np.any(values != np.rint(values)) or columns.max() >= x.attrs["shape"][1]:
                raise SystemExit("not the file that was written")
    out.write_text("valid")


def check(data: Path, out: Path) -> str:
    """Return what was said in place of `valid`."""
    said = out.read_text()
    return "" if said == "valid" else said[:200]


# --- the races ---------------------------------------------------------------------------------------------------

ABOUT = """Both name every fault they know of; *same content*: the file is called valid. Peaks are those of the largest
process. The imports of the reference are its own, in its own environment, and not told apart here. The floor inflates
the matrix, looks whether its values are counts and its columns exist, and looks at nothing else."""

CONTENDERS = {
    race.OURS: race.Contender("Catchment: check", ours, check, "catchment.cli"),
    "reference": race.Contender("cellxgene-schema validate", reference, check, "sys"),
}
ABOUT_SIZES = """One check, three files. Memory is that of a block of counts and of what is known of each cell (its
name, its sums, its place in obs), not that of the counts."""

SIZED = {
    f"{race.OURS}-{count}": race.Contender(
        f"Catchment: check of {count:,} cells", partial(checked, f"{count}.h5ad"), check, "catchment.cli"
    )
    for count in SIZES
}
RACES = {
    "small": race.Race("A small file", ABOUT, prepare_small, CONTENDERS, repeats=5),
    "large": race.Race(
        "A large file",
        ABOUT,
        prepare_many,
        {**CONTENDERS, race.FLOOR: race.Contender("floor, 1 thread", floor, None, "h5py, numpy")},
        repeats=3,
    ),
    "sizes": race.Race("Ten thousand to half a million cells", ABOUT_SIZES, prepare_sizes, SIZED),
}

if __name__ == "__main__":
    raise SystemExit(race.main(__file__, RACES))
