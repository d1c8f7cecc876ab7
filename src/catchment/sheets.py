"""Sheets about outcomes rather than data: why an asset is held, what a release came to. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from catchment.plots import Bars, Panel, Words, draw_sheet
from catchment.schema.records import MODALITY_NAMES, MODALITY_WORDS, Finding, Held, Level, Normalised
from catchment.schema.rules import is_error

HELD_COLOUR, MOST_WORDS, MOST_ROWS, MB = "#a3262a", 4, 6, 1e6


def held_sheet(record: Held) -> bytes:
    """Return an SVG that says why an asset is held and how to mend it, in place of its plots."""
    errors = [finding for finding in record.findings if is_error(finding)]
    panels = [
        Words(
            f"{finding.code}" + (f" ({finding.count:,} times)" if finding.count > 1 else ""),
            (
                f"Where: {finding.where}",
                f"Found: {finding.found}",
                f"Expected: {finding.expected}",
                f"What to do: {finding.fix}",
            ),
        )
        for finding in errors[:MOST_WORDS]
    ]
    more = f" · {len(errors) - MOST_WORDS} more errors" if len(errors) > MOST_WORDS else ""
    return draw_sheet(
        record.asset.name, f"held at {record.held_at} · {record.asset.dataset}{more}", panels, HELD_COLOUR
    )


def release_sheet(title: str, release: str, through: Sequence[Normalised], held: Sequence[Held]) -> bytes:
    """Return an SVG of a release: datasets and bytes by modality, what was found wrong and how often."""
    ready = Counter(record.asset.modality for record in through)
    withheld = Counter(record.asset.modality for record in held)
    megabytes = {
        name: round(sum(file.bytes for r in through if r.asset.modality == name for file in r.dataset.files) / MB, 1)
        for name in MODALITY_NAMES
    }
    records: list[Normalised | Held] = [*through, *held]
    findings = [finding for record in records for finding in record.findings]
    panels: list[Panel] = [
        Bars(
            "Datasets by modality",
            "assets",
            tuple((MODALITY_WORDS[name], (ready[name], withheld[name])) for name in MODALITY_NAMES),
            ("through", "held"),
        ),
        Bars(
            "Size of datasets",
            "MB in open formats",
            tuple((MODALITY_WORDS[k], (mb,)) for k, mb in megabytes.items()),
        ),
        by_code("Why assets are held", findings, ("error",)),
        by_code("Warnings and notes", findings, ("warning", "info")),
    ]
    facts = f"release {release} · {len(through):,} datasets, {len(held):,} assets held"
    return draw_sheet(title, facts, panels)


def by_code(title: str, findings: Iterable[Finding], levels: tuple[Level, ...]) -> Panel:
    """Return how many assets broke each rule, the most frequent first."""
    codes = Counter(finding.code for finding in findings if finding.level in levels)
    if not codes:
        return Words(title, ("None.",))
    frequent = sorted(codes.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_ROWS]
    return Bars(title, "assets with this finding", tuple((code, (count,)) for code, count in frequent))
