"""What the verification finds wrong: every fault in one pass, each a finding with its place."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from catchment.census.rules import WRONG
from catchment.errors import CensusWrong
from catchment.schema.records import Finding


def require(holds: bool, message: str) -> None:
    """Raise where a claim does not hold; a message says where, a colon, and what was found and expected."""
    if not holds:
        raise CensusWrong(message)


class Faults:
    """The faults that were found so far; what follows from a fault is not checked, all else is."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """Go on after the block where a claim in it does not hold."""
        try:
            yield
        except CensusWrong as fault:
            where, _, found = str(fault).partition(": ")
            self.findings.append(WRONG.broken(where, found))

    def stop_if_any(self) -> None:
        """Raise where anything was found: the census must not be released, and what is left cannot be checked.

        Raises
        ------
        CensusWrong
            With every finding.
        """
        if self.findings:
            told = "; ".join(f"{finding.where}: {finding.found}" for finding in self.findings)
            raise CensusWrong(f"census: {told}; {WRONG.fix}", tuple(self.findings))
