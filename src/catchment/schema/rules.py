"""Rules that submissions are held to. Each has a stable code; a broken one makes a `Finding`.

A room declares its rules once, in its `rules.py`; `docs/findings.md` is generated from all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from catchment.schema.records import Finding, Level

RULES: dict[str, Rule] = {}


@dataclass(frozen=True)
class Rule:
    """One rule: what is expected, what to do where it is broken, and where it comes from.

    `unsafe`: bytes that break it are never published, not even as raw data.
    """

    code: str
    level: Level
    title: str
    expected: str
    fix: str
    source: str = ""
    unsafe: bool = False

    def broken(self, where: str, found: str, *, expected: str = "", fix: str = "", count: int = 1) -> Finding:
        """Return the finding for one place (or the first of `count`); more exact words may replace the general ones."""
        return Finding(
            code=self.code,
            level=self.level,
            where=where,
            found=found,
            expected=expected or self.expected,
            fix=fix or self.fix,
            count=count,
        )


def declare(
    code: str, level: Level, title: str, *, expected: str, fix: str, source: str = "", unsafe: bool = False
) -> Rule:
    """Declare a rule under a code that nobody else has."""
    if code in RULES:
        raise ValueError(f"rule {code} is declared twice")
    RULES[code] = Rule(code, level, title, expected, fix, source, unsafe)
    return RULES[code]


# --- rules that more than one room holds its files to ------------------------------------------------------------

NAME_LIES = declare(
    "FMT-001",
    "error",
    "a file's content is not what its name says",
    expected="content that fits the name's ending",
    fix="send the file under its true ending, or send the file that the name promises",
    unsafe=True,
)
MEMBER_MISSING = declare(
    "SET-001",
    "error",
    "a file is missing that an asset of many files needs",
    expected="the folder, or the file with what belongs beside it, whole as the software wrote it",
    fix="send the whole folder again, or the missing file beside the others",
)
MEMBER_EXTRA = declare(
    "SET-002",
    "warning",
    "an asset of many files has data that are not read with it",
    expected="the files of one measurement in one format",
    fix="send what is not part of this measurement as an asset of its own",
)
DOCTYPE = declare(
    "XML-001",
    "error",
    "an XML document declares a DOCTYPE",
    expected="XML without DOCTYPE and entities",
    fix="export the file again with the software that made it; instrument and image formats need no DOCTYPE",
    unsafe=True,
)


def counted_together(findings: Iterable[Finding]) -> list[Finding]:
    """Return one finding for each code, the first, with the count of all: one cause, one finding."""
    first: dict[str, Finding] = {}
    for finding in findings:
        known = first.get(finding.code)
        count = finding.count + (known.count if known else 0)
        first[finding.code] = (known or finding).model_copy(update={"count": count})
    return list(first.values())


def is_error(finding: Finding) -> bool:
    """Tell whether a finding holds its asset."""
    return finding.level == "error"
