"""Rows of the catalogue from the records of a build. Pure: records in, rows out.

A held asset keeps its row, at stage `raw` and with its reasons; nothing that was sent is lost from sight.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from catchment.catalogue.features import set_of
from catchment.catalogue.images import proteins_by_dataset
from catchment.catalogue.rules import STUDY_DIFFERS
from catchment.catalogue.samples import SampleKey, join_samples, sample_rows
from catchment.catalogue.terms import term_pair, term_rows
from catchment.schema.build import Build
from catchment.schema.build_records import Placement
from catchment.schema.records import Asset, Finding, Held, Normalised, Sample, SourceFile
from catchment.schema.rules import is_error
from catchment.schema.submission_records import Funder, Manifest
from catchment.schema.tables import COUNTED, SAMPLE_FIELDS, TERM_FIELDS, id_column

__all__ = ["Build", "Row", "raw_path", "tables"]

Row = dict[str, Any]
KNOWN_BEST = ("verified", "unchecked", "mismatch", "awaited")
STUDY_WORDS = ("description", "licence", "doi", "version", "publication_doi", "collection", "usage")


@dataclass(frozen=True)
class Known:
    """What rows of datasets are drawn with: merged samples, the study of each submission, what the census took.

    `left_out`: dataset -> why the census goes without it.
    """

    samples: Mapping[SampleKey, Sample]
    studies: Mapping[str, str]
    planned: frozenset[str]
    left_out: Mapping[str, list[str]]


def tables(build: Build, placements: Iterable[Placement], images: Sequence[Row] = ()) -> dict[str, list[Row]]:
    """Return the rows of every table of the catalogue, each in order of its key; `images` are those of its sets."""
    joined, accessions, findings = join_samples(build.manifests)
    left_out: dict[str, list[str]] = {}
    for finding in build.plan.excluded:
        left_out.setdefault(finding.where, []).append(f"{finding.code}: {finding.found}")
    known = Known(
        samples=joined,
        studies={manifest.accession: manifest.study.id for manifest in build.manifests},
        planned=frozenset(planned.dataset for planned in build.plan.datasets),
        left_out=left_out,
    )
    ready = [ready_row(record, known) for record in build.normalised]
    held = [held_row(record, known) for record in build.held]
    proteins = proteins_by_dataset(images)
    datasets = [
        row | {"proteins": proteins.get(row["dataset_id"], [])}
        for row in sorted((*ready, *held), key=lambda row: row["dataset_id"])
    ]
    records: list[Normalised | Held] = [*build.normalised, *build.held]
    assets = [record.asset for record in records]
    samples = sample_rows(joined, accessions, [(known.studies[asset.accession], asset) for asset in assets])
    return {
        "studies": study_rows(build.manifests, datasets, samples, findings),
        "datasets": datasets,
        "samples": samples,
        "images": list(images),
        "files": file_rows(placements, assets),
        "declared": declared_rows(build.manifests),
        "terms": term_rows((*datasets, *samples)),
    }


# --- datasets ----------------------------------------------------------------------------------------------------


def common_row(record: Normalised | Held, known: Known, contributed: Mapping[str, Sequence[str]]) -> Row:
    """Return what a dataset's row says at any stage.

    What the data themselves say of a field (`contributed`) stands before what their samples say.
    """
    asset, findings = record.asset, record.findings
    study = known.studies[asset.accession]
    samples = [known.samples.get((study, sample.id), sample) for sample in asset.samples]
    declared = {id_column(field): [getattr(sample, id_column(field)) for sample in samples] for field in SAMPLE_FIELDS}
    declared[id_column("assay")] = [asset.assay_ontology_term_id]
    row: Row = {
        "dataset_id": asset.dataset,
        "study_id": study,
        "submission": asset.accession,
        "asset": asset.asset,
        "modality": asset.modality,
        "source_format": record.description.format if isinstance(record, Normalised) else asset.format,
        "tissue_type": sorted(set(contributed.get("tissue_type") or (sample.tissue_type for sample in samples))),
        "sample_ids": sorted({sample.accession for sample in samples}),
        "n_errors": count(findings, "error"),
        "n_warnings": count(findings, "warning"),
        "n_infos": count(findings, "info"),
    }
    for field in TERM_FIELDS:
        said = [id_ for id_ in contributed.get(id_column(field), ()) if id_ != "unknown"]
        row |= term_pair(field, said or declared.get(id_column(field), ()))
    return row


def ready_row(record: Normalised, known: Known) -> Row:
    """Return the row of a dataset in its open format: `standardised` where the census took it, else `validated`."""
    dataset, contribution, description = record.dataset, record.contribution, record.description
    in_census = dataset.dataset in known.planned
    path = f"datasets/{dataset.dataset}"
    thumbnail = dataset.product.side_cars.get("thumbnail")
    return {
        **common_row(record, known, contribution.terms),
        "stage": "standardised" if in_census else "validated",
        "in_census": in_census,
        "title": contribution.title,
        "format": dataset.product.kind,
        "analyte": contribution.analyte,
        "analytes": sorted({contribution.analyte, *(m.analyte for m in contribution.measurements)} - {""}),
        **{f"n_{what}": contribution.counts.get(what) for what in COUNTED},
        "counts": json.dumps(contribution.counts, sort_keys=True),
        "feature_set": set_of(record),
        "held_reasons": [],
        "left_out_reasons": known.left_out.get(dataset.dataset, []),
        "path": f"{path}/{dataset.product.path}",
        "thumbnail": f"{path}/{thumbnail}" if thumbnail in {file.path for file in dataset.files} else None,
        "bytes": sum(file.bytes for file in dataset.files),
        "logical_digest": dataset.product.logical_digest,
        "reader": description.reader,
        "reader_version": description.reader_version,
        "instrument": description.instrument,
        "metrics": json.dumps(dataset.metrics, sort_keys=True, ensure_ascii=False),
    }


def held_row(record: Held, known: Known) -> Row:
    """Return the row of a held asset: what was said of it, and why it stopped."""
    asset = record.asset
    return {
        **common_row(record, known, {}),
        "stage": "raw",
        "in_census": False,
        "title": asset.name,
        "analytes": [],
        "counts": "{}",
        "held_at": record.held_at,
        "held_reasons": reasons(record.findings),
        "left_out_reasons": [],
        "bytes": sum(file.bytes for file in asset.files),
        "metrics": "{}",
    }


def count(findings: Iterable[Finding], level: str) -> int:
    """Return how many findings are of one level."""
    return sum(finding.level == level for finding in findings)


def reasons(findings: Iterable[Finding]) -> list[str]:
    """Return what holds an asset, as `code: found`."""
    return [f"{finding.code}: {finding.found}" for finding in findings if is_error(finding)]


# --- studies -----------------------------------------------------------------------------------------------------


def study_rows(
    manifests: Sequence[Manifest],
    datasets: Sequence[Row],
    samples: Sequence[Row],
    findings: Mapping[str, Sequence[Finding]],
) -> list[Row]:
    """Return the rows of `studies`: submissions that declare the same study id are one study."""
    by_study: dict[str, list[Manifest]] = {}
    for manifest in sorted(manifests, key=lambda manifest: manifest.accession):
        by_study.setdefault(manifest.study.id, []).append(manifest)
    own_datasets, own_samples = grouped(datasets), grouped(samples)
    return [
        study_row(study, by_study[study], own_datasets.get(study, []), own_samples.get(study, []), findings)
        for study in sorted(by_study)
    ]


def grouped(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Return rows by their study."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["study_id"], []).append(row)
    return groups


def study_row(
    study_id: str,
    manifests: Sequence[Manifest],
    datasets: Sequence[Row],
    samples: Sequence[Row],
    findings: Mapping[str, Sequence[Finding]],
) -> Row:
    """Return one study: the words of its first submission, and what all of them hold."""
    declared = [manifest.study for manifest in manifests]
    people = {person.name: person.orcid for study in reversed(declared) for person in reversed(study.contributors)}
    people = dict(reversed(people.items()))
    faults = [*differences(manifests), *findings.get(study_id, ())]
    elsewhere = {resource.name: resource.identifier for study in declared for resource in study.resources}
    listed = declared_rows(manifests)
    row: Row = {
        "study_id": study_id,
        "title": declared[0].title,
        **{name: first_known(declared, name) for name in STUDY_WORDS},
        "keywords": sorted({word for study in declared for word in study.keywords}),
        "related_dois": sorted({doi for study in declared for doi in study.related_dois}),
        "funders": sorted({funder_words(funder) for study in declared for funder in study.funders}),
        "limitations": list(first_known(declared, "limitations") or ()),
        "has_embargoed_parts": any(study.has_embargoed_parts for study in declared),
        "elsewhere": list(elsewhere),
        "elsewhere_identifiers": [identifier or "" for identifier in elsewhere.values()],
        "declared_modalities": sorted(
            {data.modality for study in declared for data in study.declared if data.modality}
        ),
        "contributors": list(people),
        "contributor_orcids": [orcid or "" for orcid in people.values()],
        "submissions": [manifest.accession for manifest in manifests],
        "modalities": sorted({row["modality"] for row in datasets}),
        "n_datasets": len(datasets),
        "n_raw": sum(row["stage"] == "raw" for row in datasets),
        "n_samples": len(samples),
        "n_declared_files": len(listed),
        "n_awaited_files": sum(file["status"] == "awaited" for file in listed),
        "findings": [f"{finding.code}: {finding.where}: {finding.found}" for finding in faults],
    }
    for field in ("organism", "tissue", "disease", "assay"):
        row[field] = sorted({label for dataset in datasets for label in dataset[field]} - {"unknown"})
    return row


def funder_words(funder: Funder) -> str:
    """Return a funder with the grant as one text."""
    return ", ".join(part for part in (funder.name, funder.grant, funder.number) if part)


def first_known(studies: Sequence[Any], name: str) -> str | None:
    """Return the first value that any submission gives."""
    return next((value for study in studies if (value := getattr(study, name))), None)


def differences(manifests: Sequence[Manifest]) -> list[Finding]:
    """Return a finding for each word about the study in which a submission differs from what stands."""
    findings = []
    for name in ("title", "description", "licence", "publication_doi"):
        stands = first_known([manifest.study for manifest in manifests], name)
        for manifest in manifests:
            value = getattr(manifest.study, name)
            if value and value != stands:
                found = f"{name} {value[:80]!r} where it is {str(stands)[:80]!r}"
                findings.append(STUDY_DIFFERS.broken(manifest.accession, found))
    return findings


def declared_rows(manifests: Sequence[Manifest]) -> list[Row]:
    """Return the rows of `declared`: what the descriptions of a study list, each file once.

    Of a file that several submissions of a study list stands what is known best: awaited by one, verified by another.
    """
    rows: dict[str, Row] = {}
    for manifest in sorted(manifests, key=lambda manifest: manifest.accession):
        for file in manifest.declared_files:
            id_ = f"{manifest.study.id}/{file.name}"
            row = {
                "declared_id": id_,
                "study_id": manifest.study.id,
                "submission": manifest.accession,
                **file.model_dump(exclude={"arrived"}),
            }
            known = rows.get(id_)
            if known is None or KNOWN_BEST.index(file.status) < KNOWN_BEST.index(known["status"]):
                rows[id_] = row
    return [rows[id_] for id_ in sorted(rows)]


# --- files -------------------------------------------------------------------------------------------------------


def raw_path(asset: Asset, file: SourceFile) -> str | None:
    """Return where a submitted file lies in a release; None for one that was referenced, not copied into the inbox."""
    path = PurePosixPath(file.path)
    if path.is_absolute() or path.parts[:1] != ("raw",) or ".." in path.parts:
        return None
    return str(PurePosixPath("raw", asset.accession, *path.parts[1:]))


def file_rows(placements: Iterable[Placement], assets: Sequence[Asset]) -> list[Row]:
    """Return the rows of `files`: all that the placements bring into the release.

    A submitted file that several assets share is listed under the first of them.
    """
    owners = {raw_path(asset, file): asset for asset in reversed(assets) for file in asset.files}
    by_dataset = {asset.dataset: asset for asset in assets}
    rows = []
    for placement in placements:
        dataset = PurePosixPath(placement.path).parts[1] if placement.kind in ("dataset", "derived") else ""
        for file in placement.files:
            path = f"{placement.path}/{file.path}"
            owner = owners.get(path) if placement.kind == "raw" else by_dataset.get(dataset)
            rows.append(
                {
                    "path": path,
                    "bytes": file.bytes,
                    "sha256": file.sha256,
                    "dataset_id": owner.dataset if owner else None,
                    "submission": owner.accession if owner else None,
                    "kind": placement.kind,
                }
            )
    return sorted(rows, key=lambda row: row["path"])
