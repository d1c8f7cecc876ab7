"""What a submitted asset needs before it is held against the schema; nothing, where it is an H5AD of today.

A file that needs something is copied (`h5ad.copy_h5ad`: matrices are not decoded) and the copy is edited.
"""

from __future__ import annotations

from pathlib import Path

import h5py

from catchment.config import SinglecellAdmit
from catchment.schema.records import Asset, Finding, Preparation, SourceFile, Unreadable
from catchment.singlecell.columns import known_values
from catchment.singlecell.container import READ_FAULTS, opened
from catchment.singlecell.containers import container_of
from catchment.singlecell.counts import Container, write_h5ad
from catchment.singlecell.curate import curate, place_counts
from catchment.singlecell.describe import column_names, unreadable
from catchment.singlecell.frames import Frame, read_frame
from catchment.singlecell.h5ad import (
    copy_h5ad,
    drop_columns,
    editable,
    index_name,
    put_columns,
    put_text,
    write_texts,
)
from catchment.singlecell.layout import Layout, Unfit, layout_of, members
from catchment.singlecell.migrate import Dataset, is_due, migrate
from catchment.singlecell.reading import uns_text
from catchment.singlecell.tenx import is_folder, read_folder
from catchment.storage import Place


def prepare(asset: Asset, place: Place, settings: SinglecellAdmit) -> Preparation | Unreadable:
    """Return the asset to go on with: the same, or `<asset>.h5ad` in the place; and what was done to it."""
    target = place.path / f"{asset.asset}.h5ad"
    try:
        told = written(asset, target)
        if told is None:
            return Preparation(asset=asset)
        with editable(target) as file:
            told += edited(file, asset)
    except Unfit as unfit:
        return Unreadable(findings=unfit.findings)
    except READ_FAULTS as error:
        return Unreadable(findings=(unreadable(error),))
    return Preparation(asset=replaced(asset, target), findings=told)


def written(asset: Asset, target: Path) -> tuple[Finding, ...] | None:
    """Write an asset that needs something as an H5AD, and return what to tell of it; None where it needs nothing."""
    if is_folder(asset):
        return write_container(read_folder(asset), target)
    with opened(asset.files[0].path) as file:
        container = container_of(file)
        if container is not None:
            return write_container(container, target)
        layout = layout_of(file)
        if asset.curation is None and not is_due(column_names(file[layout.obs]), members(file.get("uns"))):
            return None
        copy_h5ad(file, layout, target)
    return ()


def write_container(container: Container, target: Path) -> tuple[Finding, ...]:
    """Write a container of counts as an H5AD, and return what to tell of it."""
    write_h5ad(container, target)
    return container.findings


def edited(file: h5py.File, asset: Asset) -> tuple[Finding, ...]:
    """Curate and migrate our copy of a file, and return what to tell of it."""
    recipe, said = asset.curation, known_values(asset).get("organism_ontology_term_id")
    dataset = tables_of(file, layout_of(file))
    if recipe is not None:
        layered = recipe.raw_counts not in ("", "X", "raw")
        has_raw = layered or ("raw" in file and recipe.raw_counts != "X")
        curate(dataset, recipe, has_raw, str(said.value) if said else None)
    migrate(dataset)
    write_changes(file, dataset)
    if recipe is not None:
        place_counts(file, dataset, recipe.raw_counts)
    return tuple(dataset.findings)


def replaced(asset: Asset, path: Path) -> Asset:
    """Return an asset with a file of ours in place of what was sent; its digest is taken when it is kept.

    Fragments that were sent with it stay with it.
    """
    file = SourceFile(path=str(path), name=asset.name, bytes=path.stat().st_size, sha256="0" * 64)
    beside = () if asset.folder else asset.files[1:]
    return asset.model_copy(update={"files": (file, *beside), "format": "h5ad", "folder": ""})


def tables_of(file: h5py.File, layout: Layout) -> Dataset:
    """Return the tables of an H5AD, ready to be changed; a column that cannot be read is a finding of `validate`."""

    def frame(path: str) -> Frame:
        table = file[path]
        rows = len(table) if isinstance(table, h5py.Dataset) else len(table[index_name(table)])
        return read_frame(file, path, rows)[0]

    var = {path: frame(path) for path in sorted({layout.var, layout.x_var})}
    return Dataset(frame(layout.obs), var, {key: uns_text(file, key) for key in members(file.get("uns"))})


def write_changes(file: h5py.File, dataset: Dataset) -> None:
    """Write what changed into our copy of the file."""
    tables = {"obs": dataset.obs, **{path.replace("raw.", "raw/"): frame for path, frame in dataset.var.items()}}
    changed = {place.replace("raw.", "raw/") for place in dataset.changed}
    for path, frame in tables.items():
        table = file[path]
        if path in changed:
            index = index_name(table)
            del table[index]
            write_texts(table, index, frame.names)
        touched = [place.removeprefix(f"{path}/") for place in sorted(changed) if place.startswith(f"{path}/")]
        drop_columns(table, [name for name in touched if name not in frame.columns])
        put_columns(table, {name: frame.columns[name] for name in touched if name in frame.columns})
    for key in sorted(place.removeprefix("uns/") for place in changed if place.startswith("uns/")):
        text = dataset.uns.get(key)
        if text is not None:
            put_text(file, key, text)
        elif key not in dataset.uns and key in file["uns"]:
            del file["uns"][key]
