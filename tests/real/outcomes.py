"""What becomes of a real file, as a line of a table in `docs/formats.md`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from catchment.imaging.readers.trust import trusted
from catchment.schema.records import Description, Finding

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
FORMATS = Path(__file__).parents[2] / "docs" / "formats.md"


@dataclass(frozen=True)
class Outcome:
    """One line of the table; `notes` are the codes of warnings."""

    format: str
    reader: str
    version: str
    outcome: str
    notes: str

    def cells(self, version: bool = True) -> list[str]:
        """The cells of the line, without the version of the reader where that is not asked for."""
        reader = f"{self.reader} {self.version}" if version and self.reader else self.reader
        return [self.format, reader, self.outcome, self.notes]


def told_by(description: object) -> tuple[str, str, str]:
    """Format, reader and its version; nothing of a file that could not be described."""
    if not isinstance(description, Description):
        return "", "", ""
    return description.format, description.reader, description.reader_version


def codes(findings: Iterable[Finding], *, errors: bool) -> str:
    """The codes of findings that hold a file, or of those that do not."""
    return ", ".join(sorted({one.code for one in findings if (one.level == "error") == errors}))


def marks(modality: str) -> tuple[str, str]:
    """The lines of the page before and after the table of a modality."""
    return f"<!-- {modality}: begin -->", f"<!-- {modality}: end -->"


def table_of(page: Path, modality: str) -> dict[str, list[str]]:
    """The lines of a modality's table in the page: file -> its cells."""
    begin, end = marks(modality)
    table = page.read_text(encoding="utf-8").partition(begin)[2].partition(end)[0]
    lines = [line for line in table.splitlines() if line.startswith("| `")]
    return {cells[0].strip("`"): cells[1:] for cells in ([c.strip() for c in line[1:-1].split("|")] for line in lines)}


def without_version(cells: list[str]) -> list[str]:
    """The cells of a line without the last word of the reader."""
    return [cells[0], cells[1].rpartition(" ")[0], *cells[2:]]


def trust_lines() -> list[str]:
    """The table of readers of images, in their order of trust, as it stands in the page."""
    return [
        f"| {' | '.join([f'`{row.format}`', row.reader, row.environment, row.role, row.how, row.known_wrong])} |"
        for row in trusted()
    ]
