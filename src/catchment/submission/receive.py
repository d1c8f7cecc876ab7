"""An upload in, an accession out: fixity, recognition, a checked copy, one JSON per asset, the manifest last."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from catchment.contract import Recogniser
from catchment.errors import BadInput
from catchment.schema.records import MODALITY_NAMES, Asset, Finding, Sample, SourceFile, StoredFile
from catchment.schema.submission_records import Manifest, OtherFile, Role
from catchment.storage import commit_folder, digest_json, digest_of_files, load, locked, save, write_atomically
from catchment.submission import rules
from catchment.submission.accession import accession, number_of
from catchment.submission.check import sample_findings
from catchment.submission.declared import checked_files
from catchment.submission.dialects import read_draft
from catchment.submission.draft import Draft, DraftAsset
from catchment.submission.inbox import manifests
from catchment.submission.sighting import Sighting, parent, uploaded
from catchment.submission.stored_names import numbered, safe_names
from catchment.submission.submitted_runs import samples_of, submitted_runs
from catchment.submission.upload import Progress, Upload, md5_of, stays_inside, take

LAST_ACCESSION = ".last-accession"
METADATA = "raw/metadata"


@dataclass(frozen=True)
class Receipt:
    """What became of an upload. `new` is False where the same upload had been received before."""

    manifest: Manifest
    assets: tuple[Asset, ...]
    new: bool


@dataclass
class Intake:
    """One upload on its way in: what was read of it so far; `claimed` says which asset (as listed) has a file."""

    sighting: Sighting
    draft: Draft
    digests: dict[str, tuple[int, str]]
    findings: list[Finding]
    sample_findings: dict[str, list[Finding]]
    progress: Progress
    claimed: dict[str, str] = field(default_factory=dict)


def receive(
    given: Path,
    inbox: Path,
    recogniser: Recogniser,
    *,
    reference: bool = False,
    progress: Progress = lambda _: None,
) -> Receipt:
    """Take an upload into the inbox and return what became of it.

    The same upload received again gets the accession it has, and nothing changes. With `reference` the files stay
    where they are and are read there; else they are copied and the copy is checked. `progress` is told the bytes that
    were read: of every file once, and once more of each that is copied.
    """
    upload = uploaded(given, recogniser)
    if given.is_dir() and inbox.resolve().is_relative_to(given.resolve()):
        raise BadInput(f"{given}: the inbox {inbox} lies inside it; give a folder that holds the upload alone")
    sighting = Sighting(upload, recogniser)
    draft = read_draft(sighting)
    with locked(inbox, "receive"):
        digests = {name: take(upload.path(name), None, progress) for name in upload.names}
        content_digest = digest_json([[name, *digests[name]] for name in sorted(digests)])
        known = {manifest.content_digest: manifest for manifest in manifests(inbox)}
        if content_digest in known:
            manifest = known[content_digest]
            return Receipt(manifest, assets_of(manifest, inbox), new=False)
        own = next_accession(inbox)
        folder = inbox / own
        scratch = inbox / f".{own}.receiving"
        for leftover in inbox.glob(".CAT*.receiving"):  # of a receive that was killed
            shutil.rmtree(leftover, ignore_errors=True)
        faults = sample_findings(draft.samples)
        intake = Intake(sighting, draft, digests, list(draft.findings), faults, progress)
        samples = accessioned_samples(draft, own)
        try:
            assets = [
                build_asset(intake, number, asset, own, samples, None if reference else scratch)
                for number, asset in enumerate(draft.assets, start=1)
            ]
            kept = [asset for asset in assets if asset is not None]
            manifest = build_manifest(intake, own, content_digest, samples, kept, None if reference else scratch)
            for asset in kept:
                save(asset, scratch / asset.modality / f"{asset.asset}.json")
            save(manifest, scratch / "manifest.json")
            commit_folder(scratch, folder)
            write_atomically(inbox / LAST_ACCESSION, f"{own}\n".encode())
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return Receipt(manifest, tuple(kept), new=True)


def next_accession(inbox: Path) -> str:
    """Return an accession that was never given out, also not to a submission that is gone."""
    taken = [number_of(path.name) for path in inbox.glob("CAT*") if path.is_dir()]
    if (inbox / LAST_ACCESSION).exists():
        taken.append(number_of((inbox / LAST_ACCESSION).read_text(encoding="ascii").strip()))
    return accession(max(taken, default=0) + 1)


def assets_of(manifest: Manifest, inbox: Path) -> tuple[Asset, ...]:
    """Return the assets of a submission that is in the inbox."""
    paths = sorted((inbox / manifest.accession).glob("*/*.json"))
    return tuple(load(Asset, path) for path in paths if path.parent.name in MODALITY_NAMES)


def accessioned_samples(draft: Draft, own: str) -> dict[str, Sample]:
    """Return the declared samples by the submitter's id, each with an accession part of its own."""
    return {
        sample.id: Sample(accession=f"{own}.S{number:04d}", **sample.model_dump())
        for number, sample in enumerate(draft.samples, start=1)
    }


def build_manifest(
    intake: Intake,
    own: str,
    content_digest: str,
    samples: dict[str, Sample],
    assets: list[Asset],
    copy_to: Path | None,
) -> Manifest:
    """Return the manifest: the study, what became an asset, and every other file of the upload."""
    used = {sample.id for asset in assets for sample in asset.samples}
    for id_, faults in intake.sample_findings.items():
        if id_ not in used:
            intake.findings += faults
    claimed = frozenset(file.name for asset in assets for file in asset.files)
    others = other_files(intake, claimed, copy_to)
    declared, faults = checked_files(intake.draft.files, intake.sighting.upload, intake.digests, claimed)
    intake.findings += faults
    study = intake.draft.study
    return Manifest(
        accession=own,
        dialect=intake.draft.dialect,
        content_digest=content_digest,
        study=study.model_copy(update={"id": study.id or own}),
        samples=tuple(samples.values()),
        assets=tuple(asset.asset for asset in assets),
        datasets={asset.asset: asset.dataset for asset in assets},
        other_files=tuple(others),
        declared_files=declared,
        findings=tuple(intake.findings),
        received_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def other_files(intake: Intake, claimed: frozenset[str], copy_to: Path | None) -> list[OtherFile]:
    """Return every file of the upload that is part of no asset; what was read or described is kept as it was sent."""
    sighting = intake.sighting
    names = [asset.file.rstrip("/") for asset in intake.draft.assets]
    listed = {file for name in names if sighting.exists(name) for file in sighting.members(name)}
    described = {file.arrived for file in intake.draft.files}
    others: list[OtherFile] = []
    for name, (size, sha256) in sorted(intake.digests.items()):
        if name in claimed:
            continue
        role: Role = "unclaimed"
        if name in intake.draft.metadata_files:
            role = "metadata"
        elif name in described:
            role = "described"
        elif name not in listed:
            intake.findings.append(rules.FILE_UNLISTED.broken(name, "in the upload, on no list"))
        path = "" if role == "unclaimed" else f"{METADATA}/{len(others) + 1:04d}"
        kept = take_file(intake, name, path, copy_to).path if path else ""
        others.append(OtherFile(name=name, bytes=size, sha256=sha256, role=role, path=kept))
    return others


def build_asset(
    intake: Intake, number: int, draft: DraftAsset, own: str, samples: dict[str, Sample], copy_to: Path | None
) -> Asset | None:
    """Return one asset, its files copied (or referenced) and its faults noted; None where no modality can be told."""
    findings = []
    sighting = intake.sighting
    name = draft.file.rstrip("/") or draft.file
    names: tuple[str, ...] = ()
    if sighting.exists(name):
        names = sighting.members(name)
        findings += claim(intake, names, draft.file)
    elif stays_inside(name):
        findings.append(rules.FILE_MISSING.broken(name, "not in the upload"))
    else:
        findings.append(rules.UNSAFE_PATH.broken(draft.file, "a path out of the upload"))
    recognised, faults = sighting.recognise(name, draft.modality)
    if recognised is None:
        intake.findings += [*findings, *faults]
        return None
    modality, confidence = recognised
    asset_id = f"a{number:04d}"
    is_folder = name not in names
    places, renamed = stored_paths(name, names, asset_id, sighting.recogniser.ending(name, modality))
    files = tuple(take_file(intake, one, places[one], copy_to) for one in names)
    if renamed and copy_to is not None:
        findings.append(rules.RENAMED.broken(name, f"{len(names):,} files, kept under numbers"))
    runs = submitted_runs(intake.draft, sighting.recogniser.by_name) if confidence.of_runs else ()
    measured = draft.samples or tuple(id_ for id_ in samples_of(runs) if id_ in samples)
    unknown = [id_ for id_ in draft.samples if id_ not in samples]
    findings += checksum_findings(draft, name, files, sighting.upload)
    findings += [rules.UNKNOWN_SAMPLE.broken(f"{name}: samples", id_) for id_ in unknown]
    findings += [fault for id_ in measured for fault in intake.sample_findings.get(id_, [])]
    return Asset(
        accession=own,
        modality=modality,
        asset=asset_id,
        dataset=f"{own}.D{number:04d}",
        format=confidence.format,
        files=files,
        samples=tuple(samples[id_] for id_ in measured if id_ in samples),
        runs=runs,
        assay_ontology_term_id=draft.assay_ontology_term_id,
        constants=dict(draft.constants),
        annotations=draft.annotations,
        findings=(*findings, *faults),
        folder=name if files and is_folder else "",
        curation=draft.curate if modality == "singlecell" else None,
    )


def claim(intake: Intake, names: tuple[str, ...], listed: str) -> list[Finding]:
    """Note whose the files of an asset are; one that another asset has already is an error."""
    taken = [name for name in names if name in intake.claimed]
    intake.claimed.update((name, listed) for name in names if name not in intake.claimed)
    if not taken:
        return []
    found = f"{taken[0]} is part of {intake.claimed[taken[0]]} already"
    return [rules.FILE_SHARED.broken(listed, found, count=len(taken))]


def stored_paths(name: str, names: tuple[str, ...], asset_id: str, ending: str) -> tuple[dict[str, str], bool]:
    """Return where each file of an asset lies below the submission, and whether files of a folder had to be numbered.

    One file is kept under the asset's id and an ending that we know. Several are kept in a folder of that name, laid
    out as they were sent: below the folder that is the asset, or beside the file that is.
    """
    if names == (name,):
        return {name: f"raw/{asset_id}{ending}"}, False
    folder = parent(name) if name in names else name
    inner = {one: one.removeprefix(f"{folder}/") if folder else one for one in names}
    safe = safe_names(inner.values())
    kept = safe or numbered(inner.values())
    top = f"raw/{asset_id}" if name in names else f"raw/{asset_id}{ending}"
    return {one: f"{top}/{kept[inner[one]]}" for one in names}, safe is None


def take_file(intake: Intake, name: str, path: str, copy_to: Path | None) -> SourceFile:
    """Return the record of one file of an asset: copied to a path below the submission, or referenced where it lies."""
    size, sha256 = intake.digests[name]
    source = intake.sighting.upload.path(name)
    if copy_to is None:
        return SourceFile(path=str(source), name=name, bytes=size, sha256=sha256)
    if take(source, copy_to / path, intake.progress) != (size, sha256):
        raise BadInput(f"{source}: changed between reading and copying; wait until the upload is complete")
    return SourceFile(path=path, name=name, bytes=size, sha256=sha256)


def checksum_findings(draft: DraftAsset, name: str, files: tuple[SourceFile, ...], upload: Upload) -> list[Finding]:
    """Return the fault of a declared checksum that is not the asset's: its file's, or for a folder that of its tree."""
    findings = []
    if draft.sha256 is not None and files:
        if files[0].name == name:
            sha256, what = files[0].sha256, f"{files[0].bytes:,} bytes"
        else:
            inner = [(file, file.name.removeprefix(f"{name}/")) for file in files]
            sha256 = digest_of_files(
                StoredFile(path=path, bytes=file.bytes, sha256=file.sha256) for file, path in inner
            )
            what = f"the sorted `sha256  name` lines of {len(files):,} files"
        if draft.sha256.lower() != sha256:
            expected = f"declared sha256 {draft.sha256.lower()}"
            findings.append(rules.CHECKSUM.broken(name, f"sha256 {sha256} over {what}", expected=expected))
    if draft.bytes is not None and files and files[0].name == name and draft.bytes != files[0].bytes:
        found = f"{files[0].bytes:,} bytes"
        findings.append(rules.CHECKSUM.broken(name, found, expected=f"{draft.bytes:,} bytes, as declared"))
    if draft.md5 is not None and files and files[0].name == name:
        md5 = md5_of(upload.path(name))
        if draft.md5.lower() != md5:
            found = f"md5 {md5} over {files[0].bytes:,} bytes"
            findings.append(rules.CHECKSUM.broken(name, found, expected=f"declared md5 {draft.md5.lower()}"))
    return findings
