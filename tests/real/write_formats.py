"""Writes the tables of real files in `docs/formats.md`: `python tests/real/write_formats.py [imaging] [massspec]`.

Some minutes. The lines of Thermo files with the licence accepted stay as they are where that reader is not built.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.real import imaging_outcomes, massspec_outcomes
from tests.real.outcomes import FORMATS, Outcome, marks, table_of

HEAD = """| file | format | reader | outcome | warnings |
|---|---|---|---|---|"""


def line(name: str, cells: list[str]) -> str:
    """One line of a table."""
    return "| " + " | ".join([f"`{name}`", *cells]) + " |"


def imaging_lines(folder: Path) -> list[str]:
    """Carry every real image through the modality, and say what became of it."""
    outcome_of = imaging_outcomes.outcome_of
    files = imaging_outcomes.real_files()
    lines = [line(name, outcome_of(name, folder / f"f{n}").cells()) for n, name in enumerate(files)]
    for plate, planes in imaging_outcomes.plate_planes().items():
        found = (outcome_of(name, folder / f"{plate.replace('/', '_')}{n}") for n, name in enumerate(planes))
        counted: Counter[Outcome] = Counter(found)
        lines += [line(f"{plate} ({count} planes)", outcome.cells()) for outcome, count in counted.most_common()]
    return lines


def massspec_lines(folder: Path) -> list[str]:
    """Carry every real run through the modality, and say what became of it."""
    before = table_of(FORMATS, "massspec")
    lines = []
    for number, name in enumerate(massspec_outcomes.real_runs()):
        lines.append(line(name, massspec_outcomes.outcome_of(name, folder / f"r{number}").cells()))
        accepted = massspec_outcomes.with_licence(name)
        if accepted and massspec_outcomes.thermo_is_there():
            outcome = massspec_outcomes.outcome_of(name, folder / f"a{number}", licence=True)
            lines.append(line(accepted, outcome.cells()))
        elif accepted in before:
            lines.append(line(accepted, before[accepted]))
    return lines


def main(modalities: list[str]) -> None:
    """Write the tables of some modalities."""
    for modality in modalities or ["imaging", "massspec"]:
        with tempfile.TemporaryDirectory() as scratch:
            lines = (imaging_lines if modality == "imaging" else massspec_lines)(Path(scratch))
        begin, end = marks(modality)
        page = FORMATS.read_text(encoding="utf-8")
        before, _, rest = page.partition(begin)
        FORMATS.write_text("\n".join([before + begin, HEAD, *lines, end]) + rest.partition(end)[2], encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
