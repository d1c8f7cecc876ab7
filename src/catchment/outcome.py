"""How a step ends: timed, stamped, saved and logged; a held asset is passed on as it is."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import JsonValue

from catchment import __version__, isolation
from catchment.errors import NothingKept, ReaderFailed
from catchment.isolation import Limits
from catchment.modalities import rules_of
from catchment.schema.records import Asset, Finding, Held, MadeBy, Record, Shape, StoredFile, Times
from catchment.schema.rules import RULES, is_error
from catchment.storage import NOTE, digest_json, kept, save, stored_files

logger = logging.getLogger(__name__)

R = TypeVar("R", bound=Record)
S = TypeVar("S", bound=Shape)


class Stopwatch:
    """What `made_by` and `times` of a record are taken from: started with the step, read when it ends."""

    def __init__(self, step: str, version: int, inputs: dict[str, str], settings: JsonValue = None) -> None:
        self.made_by = MadeBy(step=step, step_version=version, catchment=__version__, inputs=inputs, settings=settings)
        self._start = time.monotonic()
        self._started_at = datetime.now(UTC).isoformat(timespec="seconds")

    def stamp(self) -> dict[str, Any]:
        """Return `made_by` and `times` as of now."""
        seconds = round(time.monotonic() - self._start, 3)
        return {"made_by": self.made_by, "times": Times(started_at=self._started_at, seconds=seconds)}


def finish(record: R, out: Path) -> R:
    """Save a record, log how the step ended, and return the record."""
    save(record, out)
    outcome = getattr(record, "outcome", "done")
    logger.info("%s ends: %s in %.1f s", record.made_by.step, outcome, record.times.seconds)
    for finding in getattr(record, "findings", ()):
        logger.info("%s %s: %s: found %s", finding.level, finding.code, finding.where, finding.found)
    return record


def held(step: str, asset: Asset, findings: list[Finding], watch: Stopwatch) -> Held:
    """Return the record of an asset that stops here."""
    safe = may_be_published(asset, findings)
    return Held(held_at=step, asset=asset, findings=tuple(findings), publish_bytes=safe, **watch.stamp())


def may_be_published(asset: Asset, findings: Iterable[Finding]) -> bool:
    """Tell whether an asset's own bytes may reach a release.

    Not where they broke an unsafe rule, at any level: a slide's label or a header may name a patient in a file that
    converts well. Nor where an error has a code that nobody here knows.
    """
    rules = rules_of(asset.modality)
    return not any(rules[finding.code].unsafe if finding.code in rules else is_error(finding) for finding in findings)


def passed_on(earlier: Held, watch: Stopwatch) -> Held:
    """Return a held asset's outcome under this step's stamp."""
    return earlier.model_copy(update=watch.stamp())


def content_of(record: Record) -> str:
    """Return the digest of a record without its times."""
    return digest_json(record.model_dump(mode="json", exclude={"times"}))


def confined(findings: list[Finding], limits: Limits, function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function returns in a confined child; None, and a finding more, where the child failed."""
    try:
        return isolation.call(function, *arguments, limits=limits)
    except ReaderFailed as failure:
        logger.warning("the confined child failed: %s", failure)
        findings.append(RULES[failure.code].broken("the whole file", str(failure)))
        return None


def with_reason(findings: list[Finding], reason: NothingKept) -> list[Finding]:
    """Return the findings of an asset whose store was given up: where none is an error, the reason becomes one."""
    if any(map(is_error, findings)):
        return findings
    return [*findings, RULES[isolation.RAISED].broken("the whole file", str(reason))]


def stored(
    store: Path, kind: type[S], make: Callable[[Path], S], *, resumed: bool = False
) -> tuple[S, tuple[StoredFile, ...]]:
    """Return the note of the store under a content key, and its files; nothing is made where the key is there.

    `make` fills a scratch folder and returns the note to keep in it; what it raises leaves no store behind. `resumed`:
    it may find there what a killed process had done.
    """
    note = kept(store, kind, make, resumed=resumed)
    return note, tuple(file for file in stored_files(store) if file.path != NOTE)
