"""Writes the tables of `docs/formats.md`: `make formats`, or `python tests/real/write_formats.py [TABLE ...]`.

Tables: trust, imaging, opinions, massspec. Some minutes. The lines that need an optional reader stay as they are where
that reader is not built.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.real import imaging_outcomes, massspec_outcomes
from tests.real.outcomes import FORMATS, Outcome, marks, table_of, trust_lines

HEAD = """| file | format | reader | outcome | warnings |
|---|---|---|---|---|"""
OPINIONS_HEAD = """| file | with `gpl` accepted | independent readers |
|---|---|---|"""
TRUST_HEAD = """| format | reader | environment | role | how it reads | known to be wrong |
|---|---|---|---|---|---|"""


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
    for number, plate in enumerate(imaging_outcomes.PLATE_FOLDERS):
        lines.append(line(f"{plate}/", imaging_outcomes.outcome_of_plate(plate, folder / f"p{number}").cells()))
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


def opinion_lines(folder: Path) -> list[str]:
    """Ask the optional readers about every real image; the lines stay as they are where these are not built."""
    before = table_of(FORMATS, "opinions")
    if not imaging_outcomes.gpl_is_there():
        return [line(name, cells) for name, cells in before.items()]
    return [line(name, imaging_outcomes.opinions_of(name)) for name in imaging_outcomes.asked_files()]


def main(names: list[str]) -> None:
    """Write some of the tables, or all of them."""
    for name in names or list(TABLES):
        with tempfile.TemporaryDirectory() as scratch:
            head, lines = TABLES[name]
            table = lines(Path(scratch))
        begin, end = marks(name)
        page = FORMATS.read_text(encoding="utf-8")
        before, _, rest = page.partition(begin)
        FORMATS.write_text("\n".join([before + begin, head, *table, end]) + rest.partition(end)[2], encoding="utf-8")


TABLES: dict[str, tuple[str, Callable[[Path], list[str]]]] = {
    "trust": (TRUST_HEAD, lambda _: trust_lines()),
    "imaging": (HEAD, imaging_lines),
    "opinions": (OPINIONS_HEAD, opinion_lines),
    "massspec": (HEAD, massspec_lines),
}

if __name__ == "__main__":
    main(sys.argv[1:])
