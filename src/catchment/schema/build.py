"""What a build has come to: the records that catalogue and release are drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from catchment.schema.build_records import Assembled, Plan
from catchment.schema.records import Held, Normalised
from catchment.schema.submission_records import Manifest


@dataclass(frozen=True)
class Build:
    """The records of a build, one per submission or asset, and the folders that their paths are relative to."""

    manifests: Sequence[Manifest]
    normalised: Sequence[Normalised]
    held: Sequence[Held]
    plan: Plan
    assembled: Assembled | None
    workdir: Path
    inbox: Path

    @property
    def censuses(self) -> tuple[Assembled, ...]:
        """The assembled census, where there is one."""
        return () if self.assembled is None else (self.assembled,)
