"""How answers are shown: tables on a terminal, JSON, CSV and Parquet for programs, findings as text or as a page.

Text from submissions is escaped for where it goes: control characters on a terminal, markup on a page, formulas in CSV.
"""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from catchment.schema.records import Finding
from catchment.storage import write_atomically

Row = Mapping[str, Any]
Page = tuple[str, str, tuple[Finding, ...]]

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# what a terminal may obey: control characters (C1 too) and marks that turn the direction of writing
COMMANDS = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
NOTHING: Mapping[str, Any] = MappingProxyType({})
COLOURS = {"error": "red", "warning": "yellow", "info": "blue"}
STYLE = """
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}
article{border-left:.3rem solid #888;padding:.1rem 1rem;margin:1rem 0}article.error{border-color:#c62828}
article.warning{border-color:#b8860b}article.info{border-color:#1565c0}h3{font-size:1rem;margin:.2rem 0}
dl{display:grid;grid-template-columns:max-content 1fr;gap:0 1rem;margin:.2rem 0}dt{color:#777}dd{margin:0}
img{display:block;width:100%;margin:1rem 0}
"""


def printable(value: Any, width: int = 100) -> str:
    """Return a value as one line that cannot move the cursor or change colours, cut at `width` characters."""
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else "" if value is None else str(value)
    safe = "".join(character if character.isprintable() else "?" for character in text)
    return safe if len(safe) <= width else safe[: width - 1] + "…"


def json_text(value: Any) -> str:
    """Return a value as JSON for people and programs: characters that a terminal may obey are escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def show_rows(rows: Sequence[Row], *, as_json: bool = False, as_csv: bool = False, parquet: Path | None = None) -> None:
    """Print rows: a table on a terminal, or in the form that was asked for."""
    if parquet is not None:
        write_parquet(rows, parquet)
    elif as_json:
        print(json_text(list(rows)))  # noqa: T201 - the command's answer
    elif as_csv:
        sys.stdout.write(to_csv(rows))
    else:
        show_table(rows)


def show_table(rows: Sequence[Row]) -> None:
    """Print rows as a table as wide as the terminal; without one, every column in full."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else 200)
    if not rows:
        console.print("nothing found")
        return
    table = Table(box=box.SIMPLE_HEAD)
    for name in rows[0]:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(value)) for value in row.values()))
    console.print(table)


def to_csv(rows: Sequence[Row]) -> str:
    """Return rows as CSV; a text that a spreadsheet would run as a formula gets an apostrophe in front."""
    out = io.StringIO()
    if rows:
        writer = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: csv_cell(value) for name, value in row.items()} for row in rows)
    return out.getvalue()


def csv_cell(value: Any) -> Any:
    """Return a value as it may stand in a cell."""
    if isinstance(value, list | tuple):
        value = "; ".join(map(str, value))
    if not isinstance(value, str):
        return value
    formula = "'" if value.startswith(FORMULA_STARTS) else ""
    return formula + "".join(character if character in "\n\t" else plain(character) for character in value)


def plain(character: str) -> str:
    """Return a character, or `?` for one that a terminal may obey."""
    return "?" if ord(character) < 32 or COMMANDS.match(character) else character


def write_parquet(rows: Sequence[Row], path: Path) -> None:
    """Write rows to a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), out)
    write_atomically(path, out.getvalue().to_pybytes())


def show_findings(
    pages: Sequence[Page],
    *,
    as_json: bool = False,
    page_file: Path | None = None,
    plots: Mapping[str, bytes] = NOTHING,
    titles: Mapping[str, str] = NOTHING,
) -> None:
    """Print the findings of some assets, or write them as a page a submitter can be sent.

    `plots` and `titles` are for the page, see `findings_page`.
    """
    if page_file is not None:
        write_atomically(page_file, findings_page(pages, plots=plots, titles=titles).encode())
        print(f"written: {page_file}")  # noqa: T201
    elif as_json:
        document = [
            {"what": what, "state": state, "findings": [f.model_dump(mode="json") for f in findings]}
            for what, state, findings in pages
        ]
        print(json_text(document))  # noqa: T201
    else:
        print_findings(pages)


def print_findings(pages: Sequence[Page]) -> None:
    """Print findings as text: each with what was found, what was expected, and what to do."""
    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True, highlight=False)
    for what, state, findings in pages:
        console.print(Text(f"{printable(what)}: {printable(state, 400)}", style="bold"))
        if not findings:
            console.print("  nothing found wrong")
        for finding in worst_first(findings):
            times = f" (x{finding.count})" if finding.count > 1 else ""
            style = COLOURS[finding.level]
            console.print(Text(f"  {finding.level} {finding.code} {printable(finding.where)}{times}", style=style))
            for name in ("found", "expected", "fix"):
                console.print(Text(f"    {name + ':':<10}{printable(getattr(finding, name), 400)}"))


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings with those first that hold an asset; else in their own order."""
    order = tuple(COLOURS)
    return sorted(findings, key=lambda finding: order.index(finding.level))


def summary(findings: Sequence[Finding]) -> str:
    """Return how many findings there are of each level, in words."""
    counts = {level: sum(finding.level == level for finding in findings) for level in COLOURS}
    said = [
        f"{count:,} {level}{'s' if count > 1 and level != 'info' else ''}" for level, count in counts.items() if count
    ]
    return ", ".join(said) or "nothing found wrong"


def findings_page(
    pages: Sequence[Page],
    title: str = "Findings",
    plots: Mapping[str, bytes] = NOTHING,
    titles: Mapping[str, str] = NOTHING,
) -> str:
    """Return findings as one HTML page without scripts; every text of the submission is escaped.

    `plots`: the SVG of an asset's QC plots, by what the page calls the asset. `titles`: what a rule is about, by code.
    """
    parts = []
    for what, state, findings in pages:
        parts.append(f"<h2>{html.escape(what)}</h2><p>{html.escape(state)}: {summary(findings)}</p>")
        parts += [finding_html(finding, titles.get(finding.code, "")) for finding in worst_first(findings)]
        if what in plots:
            address = f"data:image/svg+xml;base64,{base64.b64encode(plots[what]).decode()}"
            parts.append(f'<img alt="QC plots of {html.escape(what)}" src="{address}">')
    policy = "default-src 'none'; style-src 'unsafe-inline'" + ("; img-src data:" if plots else "")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><style>{STYLE}</style></head>'
        f"<body><h1>{html.escape(title)}</h1>{''.join(parts)}</body></html>\n"
    )


def finding_html(finding: Finding, title: str) -> str:
    """Return one finding as an article; `title`: what its rule is about."""
    times = f" &times;{finding.count:,}" if finding.count > 1 else ""
    rows = "".join(
        f"<dt>{name}</dt><dd>{html.escape(getattr(finding, name))}</dd>"
        for name in ("where", "found", "expected", "fix")
    )
    heading = f"{finding.level} {html.escape(finding.code)}{times}{': ' if title else ''}{html.escape(title)}"
    return f'<article class="{finding.level}"><h3>{heading}</h3><dl>{rows}</dl></article>'
