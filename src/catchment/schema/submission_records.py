"""What a submission is as a whole, in its current shape: its study, its manifest; its assets stand in `records.py`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from catchment.schema.records import Accession, AssetId, Finding, ModalityName, Sample, Sha256, Shape, is_blank


class Contributor(Shape):
    """A person or body who made the data."""

    name: str
    orcid: str | None = None
    affiliation: str | None = None


class Funder(Shape):
    """Who paid, and by which grant."""

    name: str
    grant: str = ""
    number: str = ""


class Resource(Shape):
    """Data of a study that lie elsewhere. `identifier` is None where they are named without an accession."""

    name: str
    identifier: str | None = None


class DeclaredData(Shape):
    """Data that a description speaks of as one kind. `modality` is None where none of ours is named."""

    modality: ModalityName | None
    title: str
    description: str = ""


class Study(Shape):
    """A piece of research. `id` is declared by the submitter and joins submissions; without one it is the accession.

    `usage` says what the data must not or should not be used for. `extra` holds what a description says beyond all
    fields, in its own words and shape.
    """

    id: str
    title: str
    description: str = ""
    licence: str | None = None
    contributors: tuple[Contributor, ...] = ()
    publication_doi: str | None = None
    keywords: tuple[str, ...] = ()
    collection: str | None = None
    doi: str = Field(default="", exclude_if=is_blank)
    version: str = Field(default="", exclude_if=is_blank)
    funders: tuple[Funder, ...] = Field(default=(), exclude_if=is_blank)
    related_dois: tuple[str, ...] = Field(default=(), exclude_if=is_blank)
    usage: str = Field(default="", exclude_if=is_blank)
    limitations: tuple[str, ...] = Field(default=(), exclude_if=is_blank)
    has_embargoed_parts: bool = Field(default=False, exclude_if=is_blank)
    resources: tuple[Resource, ...] = Field(default=(), exclude_if=is_blank)
    declared: tuple[DeclaredData, ...] = Field(default=(), exclude_if=is_blank)
    extra: dict[str, JsonValue] = Field(default={}, exclude_if=is_blank)


Role = Literal["metadata", "described", "unclaimed"]


class OtherFile(Shape):
    """A file of an upload that is no measurement: metadata that was read, something described, or claimed by nobody.

    `path` is where it is kept, below the submission's folder; empty where it is not.
    """

    name: str
    bytes: int
    sha256: Sha256
    role: Role
    path: str = Field(default="", exclude_if=is_blank)


class DeclaredFile(Shape):
    """A file as a description lists it, whether it has arrived or not.

    `status`: `awaited`, until its bytes have been seen; `verified`, where they have every declared checksum and size;
    `mismatch`, where they have not; `unchecked`, where nothing was declared to hold them against. `arrived` is its name
    in the upload.
    """

    name: str
    title: str = ""
    description: str = ""
    media_type: str = ""
    bytes: int | None = None
    md5: str = ""
    sha256: str = ""
    arrived: str = ""
    status: Literal["awaited", "verified", "mismatch", "unchecked"] = "awaited"


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
    declared_files: tuple[DeclaredFile, ...] = Field(default=(), exclude_if=is_blank)
    findings: tuple[Finding, ...] = ()
    received_at: str
