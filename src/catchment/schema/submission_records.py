"""What a submission is as a whole, in its current shape: its study, its manifest; its assets stand in `records.py`."""

from __future__ import annotations

from typing import Literal

from catchment.schema.records import Accession, AssetId, Finding, Sample, Sha256, Shape


class Contributor(Shape):
    """A person or body who made the data."""

    name: str
    orcid: str | None = None
    affiliation: str | None = None


class Study(Shape):
    """A piece of research. `id` is declared by the submitter and joins submissions; without one it is the accession."""

    id: str
    title: str
    description: str = ""
    licence: str | None = None
    contributors: tuple[Contributor, ...] = ()
    publication_doi: str | None = None
    keywords: tuple[str, ...] = ()
    collection: str | None = None


class OtherFile(Shape):
    """A file of an upload that is no measurement: metadata that was read, or something nobody claimed."""

    name: str
    bytes: int
    sha256: Sha256
    role: Literal["metadata", "unclaimed"]


class Manifest(Shape):
    """One normal description of a submission, whatever its dialect was. Read by `index` and `release` only."""

    schema_version: Literal[1] = 1
    accession: Accession
    dialect: str
    content_digest: Sha256
    study: Study
    samples: tuple[Sample, ...]
    assets: tuple[AssetId, ...]
    datasets: dict[str, str]
    other_files: tuple[OtherFile, ...] = ()
    findings: tuple[Finding, ...] = ()
    received_at: str
