"""A release as it was published, for comparing: its manifest, its studies and datasets, whatever version wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from catchment.errors import BadInput
from catchment.release import manifest
from catchment.schema.records import StoredFile
from catchment.schema.tables import COUNTED, KEYS, TERM_FIELDS, id_column

Row = Mapping[str, Any]

STUDY_COLUMNS = (
    "study_id",
    "title",
    "description",
    "licence",
    "doi",
    "version",
    "publication_doi",
    "usage",
    "has_embargoed_parts",
    "keywords",
    "submissions",
    "modalities",
    "declared_modalities",
    "n_awaited_files",
)
DATASET_COLUMNS = (
    "dataset_id",
    "study_id",
    "submission",
    "modality",
    "stage",
    "in_census",
    "title",
    "format",
    "organism",
    *(id_column(field) for field in TERM_FIELDS),
    "tissue_type",
    "sample_ids",
    *(f"n_{what}" for what in COUNTED),
    "logical_digest",
    "held_at",
    "held_reasons",
    "left_out_reasons",
    "reader",
    "reader_version",
)


@dataclass(frozen=True)
class Table:
    """Rows by their id, and the columns that they have: an older version's table may lack some that are asked for."""

    columns: frozenset[str]
    rows: Mapping[str, Row]


@dataclass(frozen=True)
class Published:
    """What a release holds; `studies` is None where the version that wrote it had no such table."""

    release: str
    files: Mapping[str, StoredFile]
    studies: Table | None
    datasets: Table


def read_published(folder: Path) -> Published:
    """Return what a release says that it holds; of its files, the manifest and two tables are read.

    Raises
    ------
    BadInput
        Where there is no release, or its manifest or a table cannot be read.
    """
    path = folder / manifest.NAME
    try:
        sealed = manifest.ReleaseManifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadInput(
            f"{path}: {error.strerror}; give the folder of a release, such as build/releases/2026.1"
        ) from None
    except ValidationError as error:
        raise BadInput(
            f"{path}: {error.error_count()} faults, first: {error.errors()[0]['msg']}; "
            "expected the manifest of a release: check it with `catchment audit`"
        ) from None
    datasets = read_datasets(folder)
    studies = read_table(folder, "studies", STUDY_COLUMNS)
    return Published(sealed.release, {file.path: file for file in sealed.files}, studies, datasets)


def read_datasets(folder: Path) -> Table:
    """Return the datasets of a release folder.

    Raises
    ------
    BadInput
        Where it has no table of them, or none that can be read.
    """
    found = read_table(folder, "datasets", DATASET_COLUMNS)
    if found is None:
        raise BadInput(f"{folder}: no catalogue/datasets.parquet; give the folder of a release with its catalogue")
    return found


def read_table(folder: Path, name: str, wanted: tuple[str, ...]) -> Table | None:
    """Return those columns of a table that are wanted and there, by the table's key; None where there is no table."""
    path = folder / "catalogue" / f"{name}.parquet"
    key = KEYS[name]
    try:
        with pq.ParquetFile(path) as file:
            columns = [column for column in wanted if column in file.schema_arrow.names]
            if key not in columns:
                raise BadInput(f"{path}: no column {key}; check the release with `catchment audit`")
            rows = file.read(columns=columns).to_pylist()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(f"{path}: not a readable table ({reason}); check the release with `catchment audit`") from error
    return Table(frozenset(columns), {row[key]: row for row in rows})
