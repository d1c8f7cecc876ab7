"""Which dialect an upload is described in, and the draft that it reads as."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from catchment.contract import Recogniser
from catchment.errors import BadInput
from catchment.submission import crate, d4d, native, pagetab, rules, sdrf
from catchment.submission.draft import Draft, DraftSample
from catchment.submission.pagetab_text import is_pagetab
from catchment.submission.sample_tables import with_tables
from catchment.submission.sdrf_terms import term_findings
from catchment.submission.sighting import Sighting
from catchment.submission.submitted_runs import runs_of_rows
from catchment.submission.upload import Upload

MAX_TEXT_BYTES = 50_000_000
ENDINGS = frozenset({"yaml", "yml", "tsv", "json", "pagetab"})


def read_draft(sighting: Sighting) -> Draft:
    """Return the draft of an upload, from whichever dialect it brings.

    Raises
    ------
    BadInput
        Where a description is there but cannot be read.
    """
    upload = sighting.upload
    if native.FILE_NAME not in upload.names:
        found = [*descriptions(upload)]
        if len(found) > 1:
            raise BadInput(f"{found[0][0]} and {found[1][0]} both describe the upload; keep one")
        for name, dialect in found:
            text, names = read_text(upload, name), upload.names
            if dialect == pagetab.DIALECT:
                return pagetab.read(text, name, names, sighting.is_measurement, partial(read_text, upload))
            if dialect == crate.DIALECT:
                return crate.read_crate(text, names, sighting.is_measurement)
            return d4d.read_d4d(text, name, names, sighting.is_measurement)
        return native.undescribed(sighting.parts())
    draft, sdrf_name = native.read_native(read_text(upload, native.FILE_NAME))
    draft = with_tables(draft, upload.names, lambda name: read_text(upload, name))
    if sdrf_name is None:
        return draft
    if sdrf_name not in upload.names:
        raise BadInput(f"{native.FILE_NAME}: sdrf: {sdrf_name!r} is not in the upload; add it or drop the key")
    return with_sdrf(draft, sdrf_name, read_text(upload, sdrf_name), sighting.recogniser)


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
    findings = [*table.findings, *term_findings(table)]
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
    for file in sorted(set(rows) - listed):  # a table may have been made of it
        for id_ in rows[file]["source name"].split(sdrf.MULTIPLEX):
            samples.setdefault(id_, DraftSample(id=id_, **sdrf.sample_facts(rows[file])))
    update = {
        "assets": tuple(assets),
        "samples": tuple(samples.values()),
        "runs": runs_of_rows(rows),
        "findings": (*draft.findings, *findings),
    }
    return draft.model_copy(update=update)


def descriptions(upload: Upload) -> Iterator[tuple[str, str]]:
    """Yield name and dialect of the files on top of an upload that describe it, by their content."""
    for name in upload.names:
        ending = name.lower().rpartition(".")[2]
        if "/" in name or ending not in ENDINGS:
            continue
        start = start_of(upload.path(name))
        if name == crate.FILE_NAME:
            yield name, crate.DIALECT
        elif ending in ("yaml", "yml") and d4d.is_datasheet(start):
            yield name, d4d.DIALECT
        elif ending in ("tsv", "json", "pagetab") and is_pagetab(start):
            yield name, pagetab.DIALECT


def start_of(path: Path) -> str:
    """Return the first million characters of a text, whatever its encoding."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return file.read(1_000_000)
