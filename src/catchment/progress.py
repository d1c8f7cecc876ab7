"""What people see of a build while it stands: every asset by step, and a closing summary."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from catchment.schema.build_records import Released
from catchment.schema.records import PLOTS, Admitted, Asset, Converted, Finding, Held, Normalised
from catchment.schema.rules import is_error
from catchment.schema.submission_records import Manifest
from catchment.storage import load
from catchment.submission.inbox import AssetKey, asset_keys, manifests

STEPS = ("admit", "convert", "normalise")
State = Literal["done", "held", "failed", "running", "pending"]


@dataclass(frozen=True)
class AssetStatus:
    """How far one asset has come. `why` names the first fault of a held asset, or the log of a failed step."""

    accession: str
    modality: str
    asset: str
    dataset: str
    file: str
    admit: State
    convert: State
    normalise: State
    why: str


def asset_status(key: AssetKey, workdir: Path, inbox: Path) -> AssetStatus:
    """Return how far one asset has come, from its records and logs."""
    accession, modality, asset_id = key
    asset = load(Asset, inbox / accession / modality / f"{asset_id}.json")
    states: dict[str, State] = {}
    why = ""
    for step in STEPS:
        record_file = workdir / "work" / accession / modality / asset_id / f"{step}.json"
        log = workdir / "logs" / accession / modality / asset_id / f"{step}.log"
        if record_file.exists():
            record = load(Admitted | Converted | Normalised | Held, record_file)
            states[step] = "held" if isinstance(record, Held) else "done"
            if isinstance(record, Held):
                why = why or first_fault(record.findings)
        elif log.exists() and log.stat().st_size:
            running = any((workdir / ".snakemake" / "locks").glob("*"))
            states[step] = "running" if running else "failed"
            why = why or ("" if running else f"see {log}")
        else:
            states[step] = "pending"
    name = asset.name if asset.files else "(no file)"
    return AssetStatus(accession, modality, asset_id, asset.dataset, name, **states, why=why)


def first_fault(findings: tuple[Finding, ...]) -> str:
    """Return the first error in a few words, and how many more there are."""
    faults = [finding for finding in findings if is_error(finding)]
    more = f" (+{len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{faults[0].code} {faults[0].where}: {faults[0].found}{more}" if faults else ""


def build_status(workdir: Path, inbox: Path) -> list[AssetStatus]:
    """Return the state of every asset in the inbox, sorted by accession and asset."""
    return [asset_status(key, workdir, inbox) for key in asset_keys(inbox)]


def findings_of(accession: str, workdir: Path, inbox: Path) -> list[tuple[str, str, tuple[Finding, ...]]]:
    """Return (what, state, findings) of a submission: of the upload itself, then of each of its assets."""
    manifest = load(Manifest, inbox / accession / "manifest.json")
    pages: list[tuple[str, str, tuple[Finding, ...]]] = []
    if manifest.findings:
        pages.append(("the upload", "received", manifest.findings))
    for key in asset_keys(inbox):
        if key[0] != accession:
            continue
        status = asset_status(key, workdir, inbox)
        asset = load(Asset, inbox / key[0] / key[1] / f"{key[2]}.json")
        findings, state = asset.findings, "received"
        for step in STEPS:
            record_file = workdir / "work" / key[0] / key[1] / key[2] / f"{step}.json"
            if record_file.exists():
                record = load(Admitted | Converted | Normalised | Held, record_file)
                findings = record.findings
                state = f"held at {record.held_at}" if isinstance(record, Held) else f"{step} done"
        pages.append((called(status), state, findings))
    return pages


def called(status: AssetStatus) -> str:
    """Return what a submitter's page calls an asset."""
    return f"{status.dataset} ({status.file})"


def plots_of(accession: str, workdir: Path, inbox: Path) -> dict[str, bytes]:
    """Return the QC plots (SVG) of each asset of a submission that is through, by what its page calls it."""
    found = {}
    for key in asset_keys(inbox):
        status = asset_status(key, workdir, inbox)
        plots = workdir / "work" / key[0] / key[1] / key[2] / PLOTS
        if key[0] == accession and status.normalise == "done" and plots.exists():
            found[called(status)] = plots.read_bytes()
    return found


def closing_summary(workdir: Path, inbox: Path) -> str:
    """Return in a few lines what was built, what was held and why, how long it took, and where to look."""
    statuses = build_status(workdir, inbox)
    through = [status for status in statuses if status.normalise == "done"]
    withheld = [status for status in statuses if status.normalise == "held"]
    lines = [f"{len(through)} of {len(statuses)} assets through, {len(withheld)} held"]
    lines += [f"  held: {status.dataset} ({status.file}): {status.why}" for status in withheld]
    record_file = workdir / "work/release/release.json"
    if record_file.exists():
        released = load(Released, record_file)
        size_mb = released.bytes / 1e6
        lines.append(
            f"release {released.release}: {released.files:,} files, {size_mb:,.1f} MB, in {workdir / released.path}"
        )
        lines.append(f"time in steps, all jobs together: {seconds_spent(workdir):.0f} s")
        lines.append(f"look at {workdir / released.path / 'index.html'}")
    if withheld:
        accessions = sorted({status.accession for status in withheld})
        lines.append(f"why, and how to mend it: catchment findings {accessions[0]} --workdir {workdir}")
    return "\n".join(lines)


def seconds_spent(workdir: Path) -> float:
    """Return the seconds that the steps of this build took, by their records."""
    work = workdir / "work"
    # a hidden folder is a step's scratch, not a record of one
    records = [
        path for path in work.rglob("*.json") if not any(p.startswith(".") for p in path.relative_to(work).parts)
    ]
    return float(sum(json.loads(path.read_bytes()).get("times", {}).get("seconds", 0.0) for path in records))


def as_rows(statuses: list[AssetStatus]) -> list[dict[str, str]]:
    """Return statuses as rows for a table."""
    return [asdict(status) for status in statuses]


def known_accessions(inbox: Path) -> list[str]:
    """Return the accession of every submission in the inbox."""
    return [manifest.accession for manifest in manifests(inbox)]
