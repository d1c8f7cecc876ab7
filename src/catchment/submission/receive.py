"""An upload in, an accession out: fixity, recognition, a checked copy, one JSON per asset, the manifest last."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from catchment.contract import Confidence, Recogniser
from catchment.errors import BadInput
from catchment.schema.records import (
    MODALITY_NAMES,
    Asset,
    Finding,
    Manifest,
    ModalityName,
    OtherFile,
    Sample,
    SourceFile,
)
from catchment.storage import commit_folder, digest_json, load, locked, save, write_atomically
from catchment.submission import native, rules, sdrf
from catchment.submission.accession import accession, number_of
from catchment.submission.check import sample_findings
from catchment.submission.draft import Draft, DraftAsset, DraftSample
from catchment.submission.inbox import manifests
from catchment.submission.upload import Progress, Upload, head, look_at, stays_inside, take

LAST_ACCESSION = ".last-accession"
MAX_TEXT_BYTES = 50_000_000


@dataclass(frozen=True)
class Receipt:
    """What became of an upload. `new` is False where the same upload had been received before."""

    manifest: Manifest
    assets: tuple[Asset, ...]
    new: bool


@dataclass
class Intake:
    """One upload on its way in: what was read of it so far."""

    upload: Upload
    draft: Draft
    recogniser: Recogniser
    digests: dict[str, tuple[int, str]]
    findings: list[Finding]
    sample_findings: dict[str, list[Finding]]
    progress: Progress


def read_draft(upload: Upload, recogniser: Recogniser) -> Draft:
    """Return the draft of an upload, from whichever dialect it brings.

    Raises
    ------
    BadInput
        Where a description is there but cannot be read.
    """
    if native.FILE_NAME not in upload.names:
        return native.undescribed([name for name in upload.names if not Path(name).name.startswith(".")])
    draft, sdrf_name = native.read_native(read_text(upload, native.FILE_NAME))
    if sdrf_name is None:
        return draft
    if sdrf_name not in upload.names:
        raise BadInput(f"{native.FILE_NAME}: sdrf: {sdrf_name!r} is not in the upload; add it or drop the key")
    return with_sdrf(draft, sdrf_name, read_text(upload, sdrf_name), recogniser)


def read_text(upload: Upload, name: str) -> str:
    """Return a metadata file as text: UTF-8, with or without byte order mark."""
    try:
        if upload.path(name).stat().st_size > MAX_TEXT_BYTES:
            raise BadInput(f"{name}: found more than {MAX_TEXT_BYTES // 1_000_000} MB of metadata; split the upload")
        return upload.path(name).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{name}: byte {error.start} is not UTF-8; save the file as UTF-8") from None


def with_sdrf(draft: Draft, name: str, text: str, recogniser: Recogniser) -> Draft:
    """Return the draft with each run's SDRF row among its annotations.

    A run without a row, and a row without a file, are findings. A run that names no sample gets those of its row's
    `source name`; one that is not declared is declared from what the row says of it.
    """
    table = sdrf.read_sdrf(text, name)
    rows = sdrf.rows_by_file(table)
    listed = {asset.file for asset in draft.assets}
    findings = list(table.findings)
    findings += [
        rules.FILE_MISSING.broken(f"{name}: {file}", "a row for a file that is no asset of the upload")
        for file in sorted(set(rows) - listed)
    ]
    assets = []
    samples = {sample.id: sample for sample in draft.samples}
    for asset in draft.assets:
        row = rows.get(asset.file)
        if row is not None:
            named = asset.samples or tuple(row["source name"].split(sdrf.MULTIPLEX))
            for id_ in named if not asset.samples else ():
                samples.setdefault(id_, DraftSample(id=id_, **sdrf.sample_facts(row)))
            annotations = {**row, **asset.annotations}
            asset = asset.model_copy(update={"annotations": annotations, "samples": named})
        elif recogniser.by_name(asset.file) == "massspec":
            findings.append(rules.RUN_UNDESCRIBED.broken(asset.file, f"no row in {name}"))
        assets.append(asset)
    update = {"assets": tuple(assets), "samples": tuple(samples.values()), "findings": (*draft.findings, *findings)}
    return draft.model_copy(update=update)


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
    upload = look_at(given)
    if given.is_dir() and inbox.resolve().is_relative_to(upload.root):
        raise BadInput(f"{given}: the inbox {inbox} lies inside it; give a folder that holds the upload alone")
    draft = read_draft(upload, recogniser)
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
        intake = Intake(upload, draft, recogniser, digests, list(draft.findings), faults, progress)
        samples = accessioned_samples(draft, own)
        try:
            assets = [
                build_asset(intake, number, asset, own, samples, None if reference else scratch)
                for number, asset in enumerate(draft.assets, start=1)
            ]
            kept = [asset for asset in assets if asset is not None]
            manifest = build_manifest(intake, own, content_digest, samples, kept)
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
    intake: Intake, own: str, content_digest: str, samples: dict[str, Sample], assets: list[Asset]
) -> Manifest:
    """Return the manifest: the study, what became an asset, and every other file of the upload."""
    claimed = {file.name for asset in assets for file in asset.files}
    used = {sample.id for asset in assets for sample in asset.samples}
    for id_, faults in intake.sample_findings.items():
        if id_ not in used:
            intake.findings += faults
    listed = {asset.file for asset in intake.draft.assets}
    others = []
    for name, (size, sha256) in sorted(intake.digests.items()):
        if name in claimed:
            continue
        is_metadata = name in intake.draft.metadata_files
        others.append(OtherFile(name=name, bytes=size, sha256=sha256, role="metadata" if is_metadata else "unclaimed"))
        if not is_metadata and name not in listed:
            intake.findings.append(rules.FILE_UNLISTED.broken(name, "in the upload, on no list"))
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
        findings=tuple(intake.findings),
        received_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def build_asset(
    intake: Intake, number: int, draft: DraftAsset, own: str, samples: dict[str, Sample], copy_to: Path | None
) -> Asset | None:
    """Return one asset, its file copied (or referenced) and its faults noted; None where no modality can be told."""
    findings = []
    name, source = draft.file, None
    if name in intake.digests:
        source = intake.upload.path(name)
    elif stays_inside(name):
        findings.append(rules.FILE_MISSING.broken(name, "not in the upload"))
    else:
        findings.append(rules.UNSAFE_PATH.broken(name, "a path out of the upload"))
    recognised, faults = recognise(intake.recogniser, source, name, draft.modality)
    if recognised is None:
        intake.findings += [*findings, *faults]
        return None
    modality, confidence = recognised
    asset_id = f"a{number:04d}"
    files: tuple[SourceFile, ...] = ()
    if source is not None:
        files = (take_file(intake, name, source, asset_id, modality, copy_to),)
        findings += checksum_findings(draft, files[0])
    unknown = [id_ for id_ in draft.samples if id_ not in samples]
    findings += [rules.UNKNOWN_SAMPLE.broken(f"{name}: samples", id_) for id_ in unknown]
    findings += [fault for id_ in draft.samples for fault in intake.sample_findings.get(id_, [])]
    return Asset(
        accession=own,
        modality=modality,
        asset=asset_id,
        dataset=f"{own}.D{number:04d}",
        format=confidence.format,
        files=files,
        samples=tuple(samples[id_] for id_ in draft.samples if id_ in samples),
        assay_ontology_term_id=draft.assay_ontology_term_id,
        constants=dict(draft.constants),
        annotations=draft.annotations,
        findings=(*findings, *faults),
    )


def recognise(
    recogniser: Recogniser, source: Path | None, name: str, declared: ModalityName | None
) -> tuple[tuple[ModalityName, Confidence] | None, list[Finding]]:
    """Return the modality and format of a file by its content; where that does not tell, by what is declared or named.

    A name that announces another modality than the content has is an error, even though the content could be read.
    """
    announced = recogniser.by_name(name)
    if source is None:
        fallback = declared or announced
        return ((fallback, Confidence("missing", 0.0)) if fallback else None), []
    found = max(recogniser.by_content(head(source, name)), key=lambda pair: pair[1].certainty, default=None)
    if found is None:
        fallback = declared or announced
        start = head(source, name).start[:16]
        what = f"content that starts with {start!r}" if start else "an empty file"
        rule = rules.NAME_LIES if announced else rules.UNRECOGNISED
        return ((fallback, Confidence("unrecognised", 0.0)) if fallback else None), [rule.broken(name, what)]
    for claim, said in (("declared", declared), ("named", announced)):
        if said is not None and said != found[0]:
            words = f"content of {found[0]} ({found[1].format}), {claim} as {said}"
            return found, [rules.NAME_LIES.broken(name, words)]
    return found, []


def take_file(
    intake: Intake, name: str, source: Path, asset_id: str, modality: ModalityName, copy_to: Path | None
) -> SourceFile:
    """Return the record of an asset's file: copied below `raw/` under the asset's id, or referenced where it lies."""
    size, sha256 = intake.digests[name]
    if copy_to is None:
        return SourceFile(path=str(source), name=name, bytes=size, sha256=sha256)
    path = f"raw/{asset_id}{intake.recogniser.ending(name, modality)}"
    if take(source, copy_to / path, intake.progress) != (size, sha256):
        raise BadInput(f"{source}: changed between reading and copying; wait until the upload is complete")
    return SourceFile(path=path, name=name, bytes=size, sha256=sha256)


def checksum_findings(draft: DraftAsset, file: SourceFile) -> list[Finding]:
    """Return the fault of a declared checksum that is not the file's."""
    if draft.sha256 is None or draft.sha256.lower() == file.sha256:
        return []
    found = f"sha256 {file.sha256} over {file.bytes:,} bytes"
    return [rules.CHECKSUM.broken(file.name, found, expected=f"declared sha256 {draft.sha256.lower()}")]
