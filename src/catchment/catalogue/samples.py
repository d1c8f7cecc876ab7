"""Samples of a build: one row for one sample of a study, whichever submissions describe it. Pure.

Samples join by explicit study id and sample id, never by names that look alike.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from catchment.catalogue.rules import SAMPLE_DIFFERS, SAMPLE_LOOKS_ALIKE
from catchment.catalogue.terms import term_pair
from catchment.schema.records import Asset, Finding, Sample
from catchment.schema.submission_records import Manifest
from catchment.schema.tables import SAMPLE_FIELDS, id_column

Row = dict[str, Any]
SampleKey = tuple[str, str]
FACTS = (*(id_column(field) for field in SAMPLE_FIELDS), "tissue_type", "donor_id")


def merge(first: Sample, later: Sample, where: str) -> tuple[Sample, list[Finding]]:
    """Return the first sample, its unknown facts filled in from a later one, and a finding for each that differs."""
    facts: dict[str, Any] = {}
    findings = []
    for name in FACTS:
        ours, theirs = getattr(first, name), getattr(later, name)
        if ours == "unknown":
            facts[name] = theirs
        elif theirs not in ("unknown", ours):
            found = f"{name} is {theirs} where it was {ours}"
            findings.append(SAMPLE_DIFFERS.broken(f"{where}, sample {first.id}", found))
    facts["extra"] = {**later.extra, **first.extra}
    return first.model_copy(update=facts), findings


def look_alikes(study_id: str, ids: Iterable[str]) -> list[Finding]:
    """Return a finding for each group of sample ids that differ only in case or spaces."""
    groups: dict[str, list[str]] = {}
    for id_ in sorted(ids):
        groups.setdefault("".join(id_.casefold().split()), []).append(id_)
    return [
        SAMPLE_LOOKS_ALIKE.broken(f"study {study_id}", " and ".join(group[:5]), count=len(group))
        for group in groups.values()
        if len(group) > 1
    ]


def join_samples(
    manifests: Sequence[Manifest],
) -> tuple[dict[SampleKey, Sample], dict[SampleKey, dict[str, str]], dict[str, list[Finding]]]:
    """Return merged samples by (study, submitter's id), their accession by submission, and findings by study."""
    joined: dict[SampleKey, Sample] = {}
    accessions: dict[SampleKey, dict[str, str]] = {}
    findings: dict[str, list[Finding]] = {}
    for manifest in sorted(manifests, key=lambda manifest: manifest.accession):
        study = manifest.study.id
        for sample in manifest.samples:
            key = (study, sample.id)
            if key in joined:
                joined[key], faults = merge(joined[key], sample, manifest.accession)
                findings.setdefault(study, []).extend(faults)
            else:
                joined[key] = sample
            accessions.setdefault(key, {})[manifest.accession] = sample.accession
    for study in {key[0] for key in joined}:
        findings.setdefault(study, []).extend(look_alikes(study, (id_ for own, id_ in joined if own == study)))
    return joined, accessions, findings


def sample_rows(
    joined: Mapping[SampleKey, Sample],
    accessions: Mapping[SampleKey, Mapping[str, str]],
    assets: Sequence[tuple[str, Asset]],
) -> list[Row]:
    """Return the rows of `samples`, in order of their accession.

    `assets` are (study id, asset): which datasets measured which samples.
    """
    measured: dict[SampleKey, list[Asset]] = {}
    for study, asset in assets:
        for sample in asset.samples:
            measured.setdefault((study, sample.id), []).append(asset)
    rows = []
    for key, sample in joined.items():
        names = accessions[key]
        own = measured.get(key, [])
        row: Row = {
            "sample_id": sample.accession,
            "aliases": sorted(set(names.values()) - {sample.accession}),
            "submitter_id": sample.id,
            "study_id": key[0],
            "submissions": sorted(names),
            "dataset_ids": sorted({asset.dataset for asset in own}),
            "modalities": sorted({asset.modality for asset in own}),
            "tissue_type": sample.tissue_type,
            "donor_id": sample.donor_id,
            "extra": json.dumps(sample.extra, sort_keys=True, ensure_ascii=False),
        }
        for field in SAMPLE_FIELDS:
            row |= term_pair(field, [getattr(sample, id_column(field))])
        rows.append(row)
    return sorted(rows, key=lambda row: row["sample_id"])
