"""Writes the table of real images in `docs/formats.md`: `python tests/real/write_formats.py`. Some minutes."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.real.imaging_outcomes import FORMATS, Outcome, outcome_of, plate_planes, real_files

BEGIN, END = "<!-- imaging: begin -->", "<!-- imaging: end -->"
HEAD = """| file | format | reader | outcome | warnings |
|---|---|---|---|---|"""


def line(name: str, outcome: Outcome) -> str:
    """One line of the table."""
    return "| " + " | ".join([f"`{name}`", *outcome.cells()]) + " |"


def main() -> None:
    """Carry every real image through the modality, and write what became of it."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        lines = [line(name, outcome_of(name, folder / f"f{n}")) for n, name in enumerate(real_files())]
        for plate, planes in plate_planes().items():
            counted = Counter(
                outcome_of(name, folder / f"{plate.replace('/', '_')}{n}") for n, name in enumerate(planes)
            )
            lines += [line(f"{plate} ({count} planes)", outcome) for outcome, count in counted.most_common()]
    page = FORMATS.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    FORMATS.write_text("\n".join([before + BEGIN, HEAD, *lines, END]) + rest.partition(END)[2], encoding="utf-8")


if __name__ == "__main__":
    main()
