"""Faults gathered over a run: one finding for each kind, its first offenders named and the rest counted."""

from __future__ import annotations

from dataclasses import dataclass, field

from catchment.schema.records import Finding
from catchment.schema.rules import Rule

NAMED = 3
SHOWN_CHARACTERS = 80


class Broken(Exception):
    """A broken rule on its way to the function that makes a finding of it; it never leaves this package."""

    def __init__(self, rule: Rule, found: str, *, where: str = "", expected: str = "") -> None:
        super().__init__(f"{rule.code}: {found}")
        self.rule = rule
        self.found = found
        self.where = where
        self.expected = expected

    def finding(self, where: str) -> Finding:
        """Return it as a finding; `where` stands in where the fault names no place."""
        return self.rule.broken(self.where or where, self.found, expected=self.expected)


@dataclass
class Tally:
    """The faults of one kind so far."""

    rule: Rule
    found: str
    expected: str
    places: list[str] = field(default_factory=list)
    count: int = 0


@dataclass
class Faults:
    """All faults of a run so far, in the order in which their kinds were first met."""

    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)

    def add(self, rule: Rule, where: str, found: str, *, kind: str = "", expected: str = "") -> None:
        """Count one fault; `kind` keeps faults of one rule apart that have different causes."""
        tally = self.tallies.setdefault((rule.code, kind), Tally(rule, found, expected))
        tally.count += 1
        if len(tally.places) < NAMED:
            tally.places.append(where)

    def has_errors(self) -> bool:
        """Tell whether any of them holds the asset."""
        return any(tally.rule.level == "error" for tally in self.tallies.values())

    def merge(self, later: Faults) -> None:
        """Add the faults of a part that comes after what was seen so far."""
        for key, other in later.tallies.items():
            tally = self.tallies.setdefault(key, Tally(other.rule, other.found, other.expected))
            tally.count += other.count
            tally.places += other.places[: NAMED - len(tally.places)]

    def findings(self) -> tuple[Finding, ...]:
        """Return one finding for each kind."""
        return tuple(
            tally.rule.broken("; ".join(tally.places), tally.found, expected=tally.expected, count=tally.count)
            for tally in self.tallies.values()
        )


def shown(text: str, characters: int = SHOWN_CHARACTERS) -> str:
    """Return a submitter's text as it may stand in a finding: short, and printable on one line."""
    if len(text) <= characters and text.isprintable():
        return text
    cut = text if len(text) <= characters else f"{text[:characters]}..."
    return "".join(character if character.isprintable() else "?" for character in cut)


def whole(text: str | None) -> int | None:
    """Return a whole number that is not negative; None where the text is none."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 19 else None
