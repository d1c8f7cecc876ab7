"""Runs of a table joined to what the submission says of its runs and samples: by file, assay or sample id. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from catchment.massspec.faults import shown
from catchment.massspec.quantities import rules
from catchment.schema.records import Asset, Finding, SubmittedRun

ENDINGS = re.compile(r"\.(?:raw|mzml|mzxml|mgf|d|wiff|wiff2|dia|htrms|gz)$", re.IGNORECASE)
# as programs and people number the fractions of a column in names of runs; an SDRF says it better
FRACTION = re.compile(r"(?:^|[_\-. ])(?:fraction|frac|fr|f|biosep)[_-]?([0-9]{1,3})(?=[_\-. ]|$)", re.IGNORECASE)
NAMED = 3


@dataclass(frozen=True)
class JoinedRun:
    """One run of a table: what the submission says of it; `by` is how they were joined, empty where they were not."""

    name: str
    by: str = ""
    file: str = ""
    assay: str = ""
    samples: tuple[str, ...] = ()
    fraction: int | None = None
    replicate: str = ""

    @property
    def group(self) -> tuple[tuple[str, ...], str]:
        """What runs have in common that are fractions of one separation."""
        return self.samples, self.replicate


def stem(name: str) -> str:
    """Return a run's name without folders and the ending of its format."""
    base = PurePosixPath(name.strip().replace("\\", "/")).name
    while ENDINGS.search(base):
        base = ENDINGS.sub("", base)
    return base


def join_runs(names: Sequence[str], asset: Asset) -> list[JoinedRun]:
    """Return each run of a table with what the submission says of it.

    A run is found by its file's name (without folders and ending), else by its assay name, else it is a sample by that
    id; what is left is of the one sample that the table itself is said to be of. Look-alikes are never joined.
    """
    by_file = {stem(run.file): run for run in asset.runs}
    by_assay = {run.assay: run for run in asset.runs if run.assay}
    samples = {sample.id for sample in asset.samples}
    own = tuple(sorted(samples)) if len(samples) == 1 else ()
    return [join_run(name, by_file, by_assay, samples, own) for name in names]


def join_run(
    name: str,
    by_file: dict[str, SubmittedRun],
    by_assay: dict[str, SubmittedRun],
    samples: set[str],
    own: tuple[str, ...],
) -> JoinedRun:
    """Return one run with what the submission says of it."""
    found = by_file.get(stem(name))
    by = "file" if found else "assay"
    found = found or by_assay.get(name)
    numbered = FRACTION.search(stem(name))
    fraction = int(numbered[1]) if numbered else None
    if found is not None:
        said = int(found.fraction) if found.fraction.isdigit() and len(found.fraction) < 9 else None
        replicate = "/".join(filter(None, (found.biological_replicate, found.technical_replicate)))
        fraction = said if said is not None else fraction
        return JoinedRun(name, by, found.file, found.assay, found.samples or own, fraction, replicate)
    if name in samples:
        return JoinedRun(name, "sample", samples=(name,), fraction=fraction)
    unnumbered = FRACTION.sub("", stem(name)) if numbered else ""
    return JoinedRun(name, "table" if own else "", samples=own, fraction=fraction, replicate=unnumbered)


def run_findings(joined: Sequence[JoinedRun], asset: Asset) -> tuple[Finding, ...]:
    """Return the finding for runs that nobody knows, and for runs of the submission that the table has not."""
    findings = []
    unknown = [run.name for run in joined if not run.by]
    if unknown:
        places = "; ".join(map(shown, unknown[:NAMED]))
        findings.append(rules.RUN_UNKNOWN.broken(places, "in the table only", count=len(unknown)))
    there = {run.file for run in joined}
    missing = [run.file for run in asset.runs if run.file not in there]
    if missing and len(missing) < len(asset.runs):
        places = "; ".join(map(shown, missing[:NAMED]))
        findings.append(rules.RUN_WITHOUT_QUANTITY.broken(places, "no quantity", count=len(missing)))
    return tuple(findings)


def is_separation(joined: Sequence[JoinedRun]) -> bool:
    """Tell whether the runs are fractions of separations (SEC-MS): each numbered, several to a separation."""
    if not joined or any(run.fraction is None for run in joined):
        return False
    groups: dict[tuple[tuple[str, ...], str], set[int | None]] = {}
    for run in joined:
        groups.setdefault(run.group, set()).add(run.fraction)
    whole = sum(map(len, groups.values())) == len(joined)
    return whole and all(len(fractions) > 1 for fractions in groups.values())
