"""The draft of a recipe, from what a file has: columns by their usual names, values by the ontologies' own labels.

A draft is for a person to finish: a value whose label no ontology has stays empty, and an empty value is refused.
"""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np

from catchment import vocabulary
from catchment.schema.records import Asset, ColumnRecipe, Curation, Suggestion
from catchment.singlecell.columns import as_dictionary, decoded, known_values, used_values
from catchment.singlecell.container import READ_FAULTS, container_findings, opened
from catchment.singlecell.containers import container_of
from catchment.singlecell.curate import INDEX
from catchment.singlecell.describe import unreadable
from catchment.singlecell.frames import Frame
from catchment.singlecell.layout import Layout, Matrix, Unfit, layout_of
from catchment.singlecell.migrate import VERSIONED_ID
from catchment.singlecell.prepare import tables_of
from catchment.singlecell.rules import shown
from catchment.singlecell.tables import rows_of, split
from catchment.singlecell.tenx import is_folder, read_folder

MOST_VALUES = 500
LOOKED_AT = 100_000  # stored values of a matrix, to tell counts from other numbers
MOSTLY = 0.9
ENSEMBL = ("ENS", "FBgn", "WBGene", "ERCC-")


def suggest(asset: Asset) -> Suggestion:
    """Return the draft of a recipe for an asset, and remarks on what only a person can say."""
    try:
        if is_folder(asset):
            container = read_folder(asset)
            return drafted(asset, container.obs, container.var, "", [])
        with opened(asset.files[0].path) as file:
            unsafe = container_findings(file)
            if unsafe:
                return Suggestion(curation=Curation(), remarks=tuple(finding.found for finding in unsafe))
            other = container_of(file)
            if other is not None:
                return drafted(asset, other.obs, other.var, "", [])
            layout = layout_of(file)
            tables = tables_of(file, layout)
            raw_counts, remarks = counts_of(file, layout)
            uns = frozenset(tables.uns)
            return drafted(asset, tables.obs, tables.var[layout.var], raw_counts, remarks, uns)
    except Unfit as unfit:
        return Suggestion(curation=Curation(), remarks=tuple(finding.found for finding in unfit.findings))
    except READ_FAULTS as error:
        return Suggestion(curation=Curation(), remarks=(unreadable(error).found,))


def drafted(
    asset: Asset, obs: Frame, var: Frame, raw_counts: str, remarks: list[str], uns: frozenset[str] = frozenset()
) -> Suggestion:
    """Return the draft for the tables of a dataset."""
    columns: dict[str, ColumnRecipe] = {}
    known = known_values(asset)
    if "organism_ontology_term_id" not in {*known, *obs.columns, *uns}:
        columns["organism_ontology_term_id"] = ColumnRecipe()
    if "title" not in {*known, *uns}:
        columns["title"] = ColumnRecipe()
    for row in rows_of("author_names.tsv"):
        name = row["column"]
        if name in obs.columns or name in known:
            continue
        source = next((own for own in obs.columns if own.lower().replace(" ", "_") in split(row["names"])), None)
        if source is None:
            columns[name] = ColumnRecipe()
            continue
        values = sorted(used_values(as_dictionary(obs.columns[source])))
        if len(values) > MOST_VALUES:
            remarks.append(f"column {shown(source)!r} has {len(values):,} values; is it {name}?")
            values = []
        ontologies = split(row["ontologies"])
        mapped = {value: term_of(value, ontologies) for value in values} if ontologies else {}
        columns[name] = ColumnRecipe(column=source, values=mapped)
    gene_ids = ids_of(var)
    if gene_ids is None:
        remarks.append("no column of var holds Ensembl ids; name one with gene symbols in gene_symbols")
    return Suggestion(
        curation=Curation(columns=columns, raw_counts=raw_counts, gene_ids=gene_ids or ""), remarks=tuple(remarks)
    )


def term_of(value: str, ontologies: tuple[str, ...]) -> str:
    """Return the term whose label (or id) a value is, in any case; empty where there is none: nothing is guessed."""
    if vocabulary.prefix(value) in ontologies and vocabulary.label(value) is not None:
        return value
    found = (vocabulary.labels_of(ontology).get(value.strip().lower()) for ontology in ontologies)
    return next((term for term in found if term), "")


def ids_of(var: Frame) -> str | None:
    """Return where the genes' Ensembl ids are (empty: where the schema has them); None where they are nowhere."""
    if looks_like_ids(var.names):
        return INDEX if any(VERSIONED_ID.fullmatch(name) for name in var.names) else ""
    for name, values in var.columns.items():
        if looks_like_ids(list(map(str, decoded(values).to_pylist()))):
            return name
    return None


def looks_like_ids(names: list[str]) -> bool:
    """Tell whether most of some names begin as Ensembl ids do."""
    return sum(name.startswith(ENSEMBL) for name in names) >= MOSTLY * max(len(names), 1)


def counts_of(file: h5py.File, layout: Layout) -> tuple[str, list[str]]:
    """Return where the raw counts are, empty where the schema has them; a remark where no matrix looks like counts."""
    if looks_like_counts(file, layout.raw):
        return "", []
    for matrix in layout.layers.values():
        if looks_like_counts(file, matrix):
            return matrix.path, []
    return "", ["no matrix holds whole numbers: the raw counts are missing"]


def looks_like_counts(file: h5py.File, matrix: Matrix) -> bool:
    """Tell whether the first values of a matrix are whole numbers, none below zero."""
    item: Any = file[matrix.path]
    rows = max(1, LOOKED_AT // max(1, matrix.shape[1]))
    values = item[:rows].ravel() if matrix.encoding == "dense" else item["data"][:LOOKED_AT]
    return bool(np.all(np.isfinite(values)) and np.all(values >= 0) and np.all(np.trunc(values) == values))
