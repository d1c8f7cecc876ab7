"""What a dialect says of an upload before any file is looked at: the one form that every dialect ends in."""

from __future__ import annotations

from pydantic import Field

from catchment.schema.records import Curation, Finding, ModalityName, Shape, SubmittedRun
from catchment.schema.submission_records import DeclaredFile, Study


class DraftSample(Shape):
    """A sample as declared; facts that are not given stay `unknown`."""

    id: str = Field(min_length=1)
    organism_ontology_term_id: str = "unknown"
    tissue_ontology_term_id: str = "unknown"
    tissue_type: str = "unknown"
    disease_ontology_term_id: str = "unknown"
    development_stage_ontology_term_id: str = "unknown"
    sex_ontology_term_id: str = "unknown"
    donor_id: str = "unknown"
    extra: dict[str, str] = {}


class DraftAsset(Shape):
    """An asset as declared: its file, or the folder that it is, by the submitter's name relative to the upload."""

    file: str = Field(min_length=1)
    modality: ModalityName | None = None
    samples: tuple[str, ...] = ()
    assay_ontology_term_id: str = "unknown"
    sha256: str | None = None
    md5: str | None = None
    bytes: int | None = None
    constants: dict[str, str] = {}
    annotations: dict[str, str] = {}
    curate: Curation | None = None


class Draft(Shape):
    """A whole description. `metadata_files` were read to make it; `study.id` is empty where none was declared.

    `files` are those that the description lists for themselves, with assets among them where they are measurements.
    `runs` are those of its SDRF.
    """

    dialect: str
    study: Study
    samples: tuple[DraftSample, ...] = ()
    assets: tuple[DraftAsset, ...] = ()
    metadata_files: tuple[str, ...] = ()
    files: tuple[DeclaredFile, ...] = ()
    runs: tuple[SubmittedRun, ...] = ()
    findings: tuple[Finding, ...] = ()
