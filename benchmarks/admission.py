"""Single-cell admission: Catchment against the reference validator, cellxgene-schema, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cells
import race

CATCHMENT = Path(sys.executable).with_name("catchment")
REFERENCE = Path(__file__).parents[1] / ".venv-reference/bin/python"
ASK = Path(__file__).parents[1] / "tests/singlecell/ask_reference.py"


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


# --- contenders --------------------------------------------------------------------------------------------------


def ours(data: Path, out: Path) -> None:
    """Check the file as a submitter would; leave what was said."""
    said = subprocess.run([CATCHMENT, "check", data / "cells.h5ad", "--json"], check=False, stdout=subprocess.PIPE)
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
RACES = {
    "small": race.Race("A small file", ABOUT, prepare_small, CONTENDERS, repeats=5),
    "large": race.Race(
        "A large file",
        ABOUT,
        prepare_many,
        {**CONTENDERS, race.FLOOR: race.Contender("floor, 1 thread", floor, None, "h5py, numpy")},
        repeats=5,
    ),
}

if __name__ == "__main__":
    raise SystemExit(race.main(__file__, RACES))
