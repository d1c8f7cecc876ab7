"""A contributor's recipe (`curate` in submission.yaml) on a file: author's columns and values to those of the schema.

Nothing is guessed: what a recipe does not cover is an error finding that lists it. Same file and recipe, same result.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches

import h5py
import numpy as np
import pyarrow as pa

from catchment.schema.records import ColumnRecipe, Curation
from catchment.singlecell import gene_reference
from catchment.singlecell.arrow import codes_of
from catchment.singlecell.columns import as_dictionary, constant, decoded, translated, used_values
from catchment.singlecell.counts import FILTERED
from catchment.singlecell.frames import Frame
from catchment.singlecell.h5ad import RAW, drop_columns, mark
from catchment.singlecell.layout import Matrix, Unfit, matrix_of
from catchment.singlecell.migrate import VERSIONED_ID, Dataset
from catchment.singlecell.preparation_rules import (
    CURATED,
    GENES_AMBIGUOUS,
    RECIPE_GAP,
    RECIPE_NO_PLACE,
    RECIPE_SOURCE_MISSING,
)
from catchment.singlecell.rules import first_of, shown
from catchment.singlecell.tables import schema_columns

INDEX = "index"  # the names of the rows
OF_THE_DATASET = ("organism_ontology_term_id", "title")
FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
FORMER = "submitted_name"
COUNTS = ("X", "raw")


def curate(dataset: Dataset, recipe: Curation, has_raw: bool, organism: str | None = None) -> None:
    """Make the columns and gene ids of a recipe; what was made, and what could not be, is in the findings.

    `has_raw`: X has normalised values beside the raw counts, once the recipe has been followed. `organism`: as the
    submission says it; the file and the recipe go before.
    """
    for name, source in recipe.columns.items():
        curate_column(dataset, name, source)
    known = {}
    if recipe.gene_symbols:
        known = gene_reference.ids_by_name(dataset.uns.get("organism_ontology_term_id") or organism or "")
    if recipe.gene_ids or recipe.gene_symbols:
        for path in dataset.var:
            curate_genes(dataset, path, recipe, known)
    mark_filtered(dataset, recipe, has_raw)


# --- columns -----------------------------------------------------------------------------------------------------


def curate_column(dataset: Dataset, name: str, source: ColumnRecipe) -> None:
    """Make one column of cells, or (from a constant) one value of the dataset as a whole."""
    where = f"obs/{name}"
    rows = len(dataset.obs.names)
    if source.constant:
        if name in OF_THE_DATASET:
            where = f"uns/{name}"
            dataset.uns[name] = source.constant
        else:
            put(dataset, name, as_flags(dataset, name, constant(source.constant, rows)))
        dataset.changed.add(where)
        dataset.tell(CURATED, where, f"{shown(source.constant)!r} for all", count=rows)
        return
    given = column_of(dataset.obs, source.column)
    if given is None:
        near = get_close_matches(source.column, [INDEX, *dataset.obs.columns], n=1)
        hint = f"did you mean {near[0]}?" if near else f"the file has {first_of(sorted(dataset.obs.columns))}"
        dataset.tell(RECIPE_SOURCE_MISSING, where, f"no column {shown(source.column)!r} in obs; {hint}")
        return
    values = as_dictionary(given)
    counts = used_values(values)
    new = {value: becomes(value, source) for value in counts}
    gaps = sorted(value for value, result in new.items() if result is None)
    missing = int((codes_of(values) < 0).sum())
    if gaps or missing:
        found = first_of(gaps) + (f" and {missing:,} cells without a value" if missing else "")
        cells = sum(counts[value] for value in gaps) + missing
        dataset.tell(RECIPE_GAP, where, f"of column {shown(source.column)!r}: {found}", count=cells)
        return
    put(dataset, name, as_flags(dataset, name, translated(values, lambda value: new.get(value) or value)))
    dataset.changed.add(where)
    dataset.tell(CURATED, where, f"{len(new):,} values of column {shown(source.column)!r}", count=rows)


def becomes(value: str, source: ColumnRecipe) -> str | None:
    """Return what a value of the author's becomes; None where the recipe does not say."""
    if source.pattern:
        match = re.search(source.pattern, value)
        if match is None or not match[1]:
            return None
        value = match[1]
    return source.values.get(value) or None if source.values else value


def column_of(frame: Frame, name: str) -> pa.Array | None:
    """Return a column of a table, or the names of its rows."""
    if name == INDEX and INDEX not in frame.columns:
        return pa.array(frame.names, pa.large_string())
    return frame.columns.get(name)


def as_flags(dataset: Dataset, name: str, values: pa.DictionaryArray) -> pa.Array:
    """Return the values of a column of true and false as such, where they all are; else as they are, for `validate`."""
    kinds = {column.column: column.kind for column in schema_columns()}
    texts = [text.lower() for text in values.dictionary.to_pylist()]
    if kinds.get(name) != "bool" or not set(texts) <= set(FLAGS):
        return values
    return pa.array(np.array([FLAGS[text] for text in texts])[codes_of(values)])


def put(dataset: Dataset, name: str, values: pa.Array) -> None:
    """Give the cells a column, in the place of one that had its name."""
    dataset.obs.columns[name] = values


# --- genes -------------------------------------------------------------------------------------------------------


def curate_genes(dataset: Dataset, path: str, recipe: Curation, known: Mapping[str, tuple[str, ...]]) -> None:
    """Name the rows of a table of genes by Ensembl id, without version; what has not one id of its own is listed.

    `known`: the ids of each gene name of the organism's annotation.
    """
    frame = dataset.var[path]
    source = recipe.gene_ids or recipe.gene_symbols
    given = column_of(frame, source)
    if given is None:
        found = f"no column {shown(source)!r}; the table has {first_of(sorted(frame.columns)) or 'none'}"
        dataset.tell(RECIPE_SOURCE_MISSING, path, found)
        return
    submitted = ["" if value is None else str(value) for value in decoded(given).to_pylist()]
    if recipe.gene_ids:
        ids, clashes = [gene_id(name, recipe.gene_values) for name in submitted], []
    else:
        found_ids = {
            name: (recipe.gene_values[name],) if name in recipe.gene_values else known.get(name, ())
            for name in submitted
        }
        ids = [found_ids[name][0] if len(found_ids[name]) == 1 else name for name in submitted]
        clashes = [f"{name}: {' or '.join(ids) or 'no id'}" for name, ids in found_ids.items() if len(ids) != 1]
    clashes += clashing(submitted, ids)
    if clashes:
        dataset.tell(GENES_AMBIGUOUS, path, first_of(clashes), count=len(clashes))
        return
    if ids == frame.names:
        return
    columns = dict(frame.columns)
    columns.setdefault(FORMER, pa.array(frame.names, pa.large_string()))
    dataset.var[path] = Frame(ids, columns, frame.named)
    dataset.changed |= {path, f"{path}/{FORMER}"}
    changed = sum(new != old for new, old in zip(ids, frame.names, strict=True))
    dataset.tell(CURATED, path, f"genes named by {shown(source)}", count=changed)


def mark_filtered(dataset: Dataset, recipe: Curation, has_raw: bool) -> None:
    """Give var its column of filtered genes: as the recipe says; none is where there is but one matrix."""
    frame = dataset.var["var"]
    said = recipe.feature_is_filtered or ("" if has_raw or FILTERED in frame.columns else "false")
    if not said:
        return
    values: pa.Array = constant(False, len(frame.names))
    if said != "false":
        given = frame.columns.get(said)
        texts = ["" if value is None else str(value).lower() for value in decoded(given).to_pylist()] if given else []
        if given is None or not set(texts) <= set(FLAGS):
            found = f"no column {shown(said)!r} of true and false in var"
            dataset.tell(RECIPE_SOURCE_MISSING, f"var/{FILTERED}", found)
            return
        values = pa.array([FLAGS[text] for text in texts])
    frame.columns[FILTERED] = values
    dataset.changed.add(f"var/{FILTERED}")
    marked = int(np.count_nonzero(values.to_numpy(zero_copy_only=False)))
    dataset.tell(CURATED, f"var/{FILTERED}", f"{marked:,} of {len(frame.names):,} genes")


def gene_id(name: str, given: Mapping[str, str]) -> str:
    """Return the id of a gene: as the recipe gives it, else the name without its version."""
    match = VERSIONED_ID.fullmatch(name)
    return given.get(name) or (match[1] if match else name)


def clashing(submitted: list[str], ids: list[str]) -> list[str]:
    """Return the genes that have no id, or one that another gene has as well, each with it."""
    by_id: dict[str, list[str]] = {}
    for name, id_ in zip(submitted, ids, strict=True):
        by_id.setdefault(id_, []).append(name)
    return [f"{' and '.join(names)}: {id_ or 'no id'}" for id_, names in by_id.items() if len(names) > 1 or not id_]


# --- counts ------------------------------------------------------------------------------------------------------


def place_counts(file: h5py.File, dataset: Dataset, raw_counts: str) -> None:
    """Move the matrix that a recipe names to where the schema has raw counts; no value is read.

    A layer becomes raw/X, with the genes of var. Where it is X, a `raw` that is there is taken away.
    """
    if raw_counts == "raw" or not raw_counts:
        if raw_counts and "raw/X" not in file:
            dataset.tell(RECIPE_SOURCE_MISSING, "raw", "no raw/X in the file")
        return
    matrix = found_matrix(file, dataset, raw_counts)
    if matrix is None:
        return
    if "raw" in file:
        del file["raw"]
        dataset.tell(CURATED, "raw", "left in the submitted file: the recipe says that it is not the raw counts")
    if raw_counts != "X":
        group = file.create_group("raw")
        mark(group, RAW)
        file.move(matrix.path, "raw/X")
        file.copy("var", group, "var")
        drop_columns(group["var"], [FILTERED])  # it speaks of X
        dataset.tell(CURATED, "raw/X", f"{shown(raw_counts)} is the raw counts")


def found_matrix(file: h5py.File, dataset: Dataset, raw_counts: str) -> Matrix | None:
    """Return the matrix that a recipe names, if it is one of the file's cells and genes; else say why not."""
    if raw_counts != "X" and not re.fullmatch(r"layers/[^/]+", raw_counts):
        dataset.tell(RECIPE_NO_PLACE, "curate.raw_counts", repr(shown(raw_counts)))
        return None
    if raw_counts not in file:
        layers = [f"layers/{name}" for name in file.get("layers", ())]
        found = f"no {shown(raw_counts)}; the file has {first_of([name for name in COUNTS if name in file] + layers)}"
        dataset.tell(RECIPE_SOURCE_MISSING, "curate.raw_counts", found)
        return None
    try:
        matrix = matrix_of(file, raw_counts)
    except Unfit as unfit:
        dataset.findings.extend(unfit.findings)
        return None
    expected = (len(dataset.obs.names), len(dataset.var["var"].names))
    if matrix.shape != expected:
        dataset.tell(RECIPE_NO_PLACE, shown(raw_counts), f"shape {matrix.shape}, the tables have {expected}")
        return None
    return matrix
