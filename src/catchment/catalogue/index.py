"""Records of a build -> the catalogue's Parquet tables and the layout of the release that they describe."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from catchment.catalogue.features import feature_table
from catchment.catalogue.images import image_rows
from catchment.catalogue.rows import Build, raw_path, tables
from catchment.config import ReleaseSettings
from catchment.errors import BadInput
from catchment.schema.build_records import Placement
from catchment.schema.records import Held, Normalised, StoredFile
from catchment.schema.tables import TABLES

ZSTD_LEVEL = 9


def index(build: Build, scratch: Path, settings: ReleaseSettings) -> tuple[dict[str, int], tuple[Placement, ...]]:
    """Return rows by table, and the placements they describe; the tables are in `scratch`.

    The catalogue's own placement comes on top once its store has a name: `catalogue_placement`.
    """
    laid_out = placements(build, settings)
    rows = tables(build, laid_out, image_rows(build))
    features = feature_table(build)
    write_catalogue(rows, features, scratch)
    return {name: len(table) for name, table in rows.items()} | {"features": features.num_rows}, laid_out


def write_catalogue(rows: Mapping[str, Sequence[Mapping[str, Any]]], features: pa.Table, folder: Path) -> None:
    """Write each table as Parquet: same rows, same bytes. A column that a row does not name is null there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in TABLES.items():
        table = features if name == "features" else pa.Table.from_pylist(list(rows[name]), schema=schema)
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd", compression_level=ZSTD_LEVEL)


def catalogue_placement(store: str, files: tuple[StoredFile, ...]) -> Placement:
    """Return where the catalogue's tables go; `store` is their folder, relative to the build's."""
    return Placement(path="catalogue", source=store, kind="catalogue", files=files)


# --- the layout of a release -------------------------------------------------------------------------------------


def placements(build: Build, settings: ReleaseSettings) -> tuple[Placement, ...]:
    """Return which folder of the build each folder of the release is linked from, in order of their paths.

    Raises
    ------
    BadInput
        Where two of them would put a file at one path.
    """
    found = [*raw_placements(build)] if settings.publish_raw else []
    for record in build.normalised:
        path = f"datasets/{record.dataset.dataset}"
        own, derived = record.dataset.files, record.derived_files
        found.append(Placement(path=path, source=record.dataset.store, kind="dataset", files=own))
        prepared = record.prepared if record.publish_bytes else None  # it holds the submitted bytes
        if prepared is not None:
            found.append(Placement(path=path, source=prepared.store, kind="dataset", files=prepared.files))
        found.append(Placement(path=f"{path}/derived", source=record.derived_store, kind="derived", files=derived))
    for census in build.censuses:
        found.append(Placement(path="census", source=census.store, kind="census", files=census.files))
    seen: dict[str, str] = {}
    for placement in found:
        for file in placement.files:
            path = f"{placement.path}/{file.path}"
            if path in seen:
                raise BadInput(f"{path}: both {seen[path]} and {placement.source} would be published here; rename one")
            seen[path] = placement.source
    return tuple(sorted((placement for placement in found if placement.files), key=lambda placement: placement.path))


def raw_placements(build: Build) -> list[Placement]:
    """Return the submitted files that may be published, a folder for each submission.

    Bytes that broke a container or security rule in any asset are left out, whatever other asset has them too.
    """
    records: list[Normalised | Held] = [*build.normalised, *build.held]
    withheld = (file for record in records if not record.publish_bytes for file in record.asset.files)
    unsafe = {
        file.sha256 for file in withheld if file.bytes
    }  # an empty file holds nothing, and folders are full of them
    chosen: dict[str, dict[str, StoredFile]] = {}
    for record in records:
        for file in record.asset.files:
            path = raw_path(record.asset, file)
            if path is None or not record.publish_bytes or file.sha256 in unsafe:
                continue
            inside = path.split("/", 2)[2]
            kept = StoredFile(path=inside, bytes=file.bytes, sha256=file.sha256)
            chosen.setdefault(record.asset.accession, {})[inside] = kept
    return [
        Placement(
            path=f"raw/{accession}",
            source=relative_to_build(build, build.inbox / accession / "raw"),
            kind="raw",
            files=tuple(files[path] for path in sorted(files)),
        )
        for accession, files in sorted(chosen.items())
    ]


def relative_to_build(build: Build, folder: Path) -> str:
    """Return a folder as records name it: relative to the build folder."""
    return os.path.relpath((build.workdir / folder).absolute(), build.workdir.absolute())
