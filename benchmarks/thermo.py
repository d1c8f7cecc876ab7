"""Thermo RAW to mzML against alpharaw, which reads the same scans and writes nothing."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import race

SPECTRA, MORE_SPECTRA = 6_000, 24_000
SMALL = Path(__file__).parents[1].parent / "shared" / "data" / "massspec" / "thermo" / "small.RAW"
SCRIPT = Path(__file__).with_name("thermo_rounds.py")


def reason_to_skip() -> str:
    """Return what is not there: the reader's environment, or the file; empty where all is."""
    from catchment import streaming
    from catchment.massspec.readers.thermo import ENVIRONMENT, LICENCE

    missing = [streaming.missing(LICENCE, ENVIRONMENT), "" if SMALL.is_file() else "there is no small.RAW"]
    return "; ".join(filter(None, missing))


def prepare(_: Path) -> str:
    """Return what is read."""
    size = SMALL.stat().st_size / race.MB
    return f"the scans of small.RAW (LTQ FT, {size:.1f} MB) read round and round until there are {SPECTRA:,} of them."


def ours(_: Path, out: Path) -> None:
    """Read with our reader, check, write mzML."""
    convert(SPECTRA, out)


def ours_long(_: Path, out: Path) -> None:
    """Convert some times as many."""
    convert(MORE_SPECTRA, out)


def convert(spectra: int, out: Path) -> None:
    """Convert as the step does, but for what comes after writing: reading back, QC."""
    from catchment.massspec import runs
    from catchment.massspec.readers import thermo
    from catchment.schema.records import SourceFile

    thermo.SCRIPT = SCRIPT
    run = thermo.ThermoRun(SMALL)
    run.count = spectra
    run.header = dataclasses.replace(run.header, spectra=spectra)
    source = SourceFile(path=str(SMALL), name=SMALL.name, bytes=SMALL.stat().st_size, sha256="0" * 64)
    out.mkdir()
    reading, _document = runs.write_run(run, [source], SMALL.name, out / "run.mzML")
    # times begin anew with each round
    wrong = [tally.found for tally in reading.faults.tallies.values() if tally.rule.level == "error"]
    assert not wrong, wrong


def centroids(_: Path, __: Path) -> None:
    """Read centroids with alpharaw."""
    by_alpharaw("centroids")


def profiles(_: Path, __: Path) -> None:
    """Read what was recorded with alpharaw: profiles where the instrument kept them."""
    by_alpharaw("profiles")


def by_alpharaw(kind: str) -> None:
    """Read with alpharaw in the reader's environment, with our numpy."""
    from catchment import streaming

    command: list[Any] = [streaming.interpreter_of("thermo"), SCRIPT, "--alpharaw", os.path.realpath(SMALL)]
    command += [SPECTRA, kind, sysconfig.get_path("platlib")]
    subprocess.run([str(word) for word in command], check=True)


def check(_: Path, out: Path) -> str:
    """Hold every spectrum that was written against the one a round before; the first round against msconvert's MS2."""
    import numpy as np

    from massspec import spectra_of

    before: list[tuple[Any, Any]] = []
    known = {id_: (mz, intensity) for id_, mz, intensity in spectra_of(SMALL.parents[1] / "mzml" / "small.mzML")}
    equal = 0
    count = 0
    for id_, mz, intensity in spectra_of(out / "run.mzML"):
        round_, place = divmod(count, len(known))
        if round_ == 0:
            before.append((mz, intensity))
            equal += all(map(np.array_equal, known[id_], before[-1]))
        elif not all(map(np.array_equal, before[place], (mz, intensity))):
            return f"{id_} differs from the round before"
        count += 1
    return (
        f"yes; of a round {equal} of {len(known)} equal to msconvert's"
        if count in (SPECTRA, MORE_SPECTRA)
        else f"{count:,}"
    )


RACES = {
    "thermo": race.Race(
        "A Thermo RAW file",
        """
From the vendor's format to indexed mzML: read by the vendor's library on mono (in processes of its own, by ranges of
5,000 scans), checked, compressed (zlib 1) and written, profiles as they were recorded. alpharaw asks the same library
for what its own import of a run asks of each scan, centroids or profiles, and keeps nothing. In the second line there
are four times as many spectra: what its peak has more is what grows with a run. The peak is that of the largest
process. What was written is held against itself, round by round, and its first round against msconvert's mzML.
""",
        prepare,
        {
            race.OURS: race.Contender("Catchment: RAW to mzML", ours, check, "catchment.massspec.convert"),
            "catchment-long": race.Contender(
                "Catchment, 24,000 spectra", ours_long, None, "catchment.massspec.convert"
            ),
            "alpharaw": race.Contender("alpharaw: centroids, not written", centroids, None, "catchment.streaming"),
            "alpharaw-profiles": race.Contender(
                "alpharaw: profiles, not written", profiles, None, "catchment.streaming"
            ),
        },
        repeats=1,
        reason_to_skip=reason_to_skip,
    )
}
