"""`docs/findings.md`, drawn from the rules in the code: every code, what it means and what to do about it."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from itertools import groupby
from pathlib import Path

import catchment
from catchment.schema.rules import RULES, Rule

# rooms that declare rules outside a file called `rules`
OTHER_ROOMS = (
    "catchment.isolation",
    "catchment.quality",
    "catchment.submission.sdrf",
    "catchment.submission.sdrf_terms",
)

INTRODUCTION = """# Findings

Generated from the rules in the code by `make findings`; change them there. A finding says what is wrong with an
asset, where, what was expected and how to mend it. An **error** holds the asset: it stays in the catalogue at stage
`raw` with its reasons, and the release goes on without it. A **warning** or an **info** holds nothing. *Never
published* marks the rules of containers and safety: bytes that break one do not reach a release, not even as raw data.
"""


TABLE_HEAD = "| code | level | what is wrong | expected | what to do |\n|---|---|---|---|---|\n"


def all_rules() -> list[Rule]:
    """Return every rule that any room declares, sorted by code."""
    modules = [info.name for info in pkgutil.walk_packages(catchment.__path__, "catchment.")]
    for name in [*(name for name in modules if name.endswith(".rules")), *OTHER_ROOMS]:
        importlib.import_module(name)
    return sorted(RULES.values(), key=lambda rule: rule.code)


def family(rule: Rule) -> str:
    """Return the letters in front of a code's number."""
    return rule.code.rpartition("-")[0]


def rulebook(rules: list[Rule]) -> str:
    """Return the page for some rules, one section a family of codes."""
    parts = [INTRODUCTION]
    for name, members in groupby(rules, key=family):
        parts.append(
            f"\n## {name}\n\n| code | level | what is wrong | expected | what to do |\n|---|---|---|---|---|\n"
        )
        parts += [row(rule) for rule in members]
    return "".join(parts)


def row(rule: Rule) -> str:
    """Return one rule as a row of a Markdown table."""
    title = rule.title + (" (*never published*)" if rule.unsafe else "") + (f"; {rule.source}" if rule.source else "")
    cells = (rule.code, rule.level, title, rule.expected, rule.fix)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def main() -> int:
    """Write the page to the named file."""
    Path(sys.argv[1]).write_text(rulebook(all_rules()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
