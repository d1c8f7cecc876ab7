"""Faults of an archive by rule: the first member of each is named, the rest are counted."""

from __future__ import annotations

from catchment.schema.records import Finding
from catchment.schema.rules import Rule


class Faults:
    """What is wrong with one archive; a hundred thousand bad members make one finding."""

    def __init__(self, archive: str) -> None:
        self._archive = archive
        self._first: dict[str, tuple[Rule, str, str]] = {}
        self._counts: dict[str, int] = {}

    def add(self, rule: Rule, member: str, found: str) -> None:
        """Note that a member (the archive itself where it has no name) breaks a rule."""
        self._first.setdefault(rule.code, (rule, place(self._archive, member), found))
        self._counts[rule.code] = self._counts.get(rule.code, 0) + 1

    @property
    def findings(self) -> tuple[Finding, ...]:
        """A finding for each rule that is broken, in order of their codes."""
        return tuple(
            rule.broken(where, found, count=self._counts[code])
            for code, (rule, where, found) in sorted(self._first.items())
        )


def place(archive: str, member: str) -> str:
    """Return where a fault is; a hostile name is shown escaped and cut."""
    if not member:
        return archive
    shown = member if member.isprintable() else repr(member)[1:-1]
    return f"{archive}: {shown[:200]}"
