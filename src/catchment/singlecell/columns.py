"""The tables obs and var as the open format has them, put together from what file and metadata say. Pure.

Schema columns become dictionaries of text (`is_primary_data`: true/false); what the file lacks comes from the asset's
constants, its single sample or its assay; labels come from the pinned ontologies.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from catchment import vocabulary
from catchment.schema.records import Asset
from catchment.singlecell import gene_reference
from catchment.singlecell.arrow import codes_of, number_array, text_array
from catchment.singlecell.frames import narrowest
from catchment.singlecell.tables import SchemaColumn, schema_columns, suspension_types

HUMAN = "NCBITaxon:9606"
CELL_LINE = "cell line"
JOIN = " || "
NOT_OF_CELL_LINES = frozenset(
    {
        "development_stage_ontology_term_id",
        "donor_id",
        "self_reported_ethnicity_ontology_term_id",
        "sex_ontology_term_id",
    }
)
NOT_COLUMNS = frozenset({"organism_ontology_term_id", "title"})


@dataclass(frozen=True)
class Given:
    """A value that the submission gives for all cells, and where it gives it."""

    value: str | bool
    where: str


@dataclass(frozen=True)
class Column:
    """A schema column: its values, and where they come from (`file`, `filled`, or the place in the metadata)."""

    values: pa.Array
    source: str


# --- dictionaries ------------------------------------------------------------------------------------------------


def as_dictionary(values: pa.Array) -> pa.DictionaryArray:
    """Return values as a dictionary of text with the narrowest codes."""
    if pa.types.is_dictionary(values.type):
        return values
    text = pa.array([None if value is None else str(value) for value in values.to_pylist()], pa.large_string())
    encoded = text.dictionary_encode()
    return pa.DictionaryArray.from_arrays(
        encoded.indices.cast(pa.from_numpy_dtype(narrowest(len(encoded.dictionary)))), encoded.dictionary
    )


def constant(value: str | bool, rows: int) -> pa.Array:
    """Return one value for all rows: a dictionary of text, or true/false."""
    if isinstance(value, bool):
        return number_array(np.full(rows, value))
    return pa.DictionaryArray.from_arrays(number_array(np.zeros(rows, np.int8)), text_array([value]))


def used_values(values: pa.DictionaryArray) -> dict[str, int]:
    """Return the values that occur, each with its number of rows."""
    codes = codes_of(values)
    counts = np.bincount(codes[codes >= 0], minlength=len(values.dictionary))
    return {text: int(count) for text, count in zip(values.dictionary.to_pylist(), counts, strict=True) if count}


def without_unused(values: pa.Array) -> pa.Array:
    """Return a dictionary without the categories that no row has (TileDB-SOMA would drop them); others as they are."""
    if not pa.types.is_dictionary(values.type):
        return values
    codes = codes_of(values)
    used = np.unique(codes[codes >= 0])
    if used.size == len(values.dictionary):
        return values
    lookup = np.full(len(values.dictionary) + 1, -1)
    lookup[used] = np.arange(used.size)
    indices = lookup[codes].astype(narrowest(used.size))
    texts = values.dictionary.take(number_array(used))
    return pa.DictionaryArray.from_arrays(number_array(indices, indices < 0), texts, ordered=values.type.ordered)


def translated(values: pa.DictionaryArray, translate: Callable[[str], str]) -> pa.DictionaryArray:
    """Return a dictionary with each value replaced; values that become equal share a code."""
    texts = [translate(text) for text in values.dictionary.to_pylist()]
    distinct = list(dict.fromkeys(texts))
    place = {text: code for code, text in enumerate(distinct)}
    lookup = np.array([place[text] for text in texts] + [-1])
    codes = lookup[codes_of(values)].astype(narrowest(len(distinct)))
    return pa.DictionaryArray.from_arrays(number_array(codes, codes < 0), text_array(distinct))


# --- what the submission says ------------------------------------------------------------------------------------


def known_values(asset: Asset) -> dict[str, Given]:
    """Return what the submission says of all cells, by column: constants, then the single sample, then the assay."""
    known = {name: Given(value, f"constants.{name}") for name, value in asset.constants.items()}
    if len(asset.samples) == 1:
        sample = asset.samples[0]
        fields = {column.column: column.sample for column in schema_columns() if column.sample}
        fields["organism_ontology_term_id"] = "organism_ontology_term_id"
        for name, attribute in fields.items():
            value = getattr(sample, attribute)
            if value != "unknown":
                known.setdefault(name, Given(value, f"samples.{attribute}"))
    if asset.assay_ontology_term_id != "unknown":
        known.setdefault("assay_ontology_term_id", Given(asset.assay_ontology_term_id, "assay_ontology_term_id"))
    return known


def completed(
    columns: Mapping[str, pa.Array], rows: int, known: Mapping[str, Given], organism: str | None
) -> dict[str, Column]:
    """Return the schema columns of a dataset: the file's, else the submission's, else the schema's word for unknown.

    A column for which the schema has no such word is left out.
    """
    found: dict[str, Column] = {}
    for column in schema_columns():
        if column.column in columns:
            values = columns[column.column]
            found[column.column] = Column(values if column.kind == "bool" else as_dictionary(values), "file")
        elif column.column in known:
            given = known[column.column]
            value = given.value if column.kind == "bool" else str(given.value)
            found[column.column] = Column(constant(value, rows), given.where)
    for column in schema_columns():
        if column.column not in found:
            values = filled(column, rows, found, organism)
            if values is not None:
                found[column.column] = Column(values, "filled")
    return found


def filled(column: SchemaColumn, rows: int, found: Mapping[str, Column], organism: str | None) -> pa.Array | None:
    """Return what stands for a column of which nothing is known, row by row; None where the schema has no such word."""
    if column.column == "suspension_type" and "assay_ontology_term_id" in found:
        assays = found["assay_ontology_term_id"].values
        possible = {assay: admitted_suspensions(assay) for assay in used_values(assays)}
        if possible and all(len(types) == 1 for types in possible.values()):
            return translated(assays, lambda assay: next(iter(possible.get(assay, ("na",)))))
    if not column.fallback:
        return None
    if column.column == "self_reported_ethnicity_ontology_term_id" and organism not in (None, HUMAN):
        return constant("na", rows)
    if column.column in NOT_OF_CELL_LINES and "tissue_type" in found:
        return translated(
            found["tissue_type"].values, lambda tissue_type: "na" if tissue_type == CELL_LINE else column.fallback
        )
    return constant(column.fallback, rows)


def admitted_suspensions(assay: str) -> tuple[str, ...]:
    """Return the suspension types that every row of the schema's table for an assay admits; none without a row."""
    fitting = [
        types
        for root, with_descendants, types in suspension_types()
        if assay == root or (with_descendants and root in vocabulary.ancestors(assay))
    ]
    return tuple(kind for kind in fitting[0] if all(kind in types for types in fitting)) if fitting else ()


# --- the tables --------------------------------------------------------------------------------------------------


def joinid(name: str) -> str:
    """Return a cell's `observation_joinid`: base85 of the XXH3 hash of its name (CELLxGENE schema 7.1.0, obs)."""
    return base64.b85encode(xxhash.xxh3_64_intdigest(name.encode()).to_bytes(8, "big")).decode()


def labels_of(value: str) -> str:
    """Return the label of a term, or of each of several joined terms; a term without label stands for itself."""
    return JOIN.join(vocabulary.label(term) or term for term in value.split(JOIN))


def kept_name(name: str, taken: Mapping[str, Any]) -> str:
    """Return the name under which a curator's column is kept: its own, unless the open format needs that for itself."""
    if not is_reserved(name):
        return name
    new = f"submitted_{name}".encode("utf-8", "backslashreplace").decode()
    while new in taken:
        new += "_"
    return new


def is_reserved(name: str) -> bool:
    """Tell whether the open format cannot have a curator's column under this name."""
    return name in ("", "obs_id", "var_id") or name.startswith(("soma_", "__")) or not name.isprintable()


def obs_table(
    names: list[str], columns: Mapping[str, pa.Array], known: Mapping[str, Given], organism: str | None
) -> pa.Table:
    """Return the table of cells: ids, the curator's columns, schema columns, labels and `observation_joinid`."""
    rows = len(names)
    table: dict[str, pa.Array] = {
        "soma_joinid": pa.array(np.arange(rows, dtype=np.int64)),
        "obs_id": pa.array(names, pa.large_string()),
    }
    schema = completed(columns, rows, known, organism)
    labels = {column.label for column in schema_columns() if column.label}
    for name, values in columns.items():
        if name not in labels and name != "observation_joinid":
            table[kept_name(name, {**table, **columns})] = schema[name].values if name in schema else values
    for column in schema_columns():
        last_resort = False if column.kind == "bool" else "na" if column.column == "suspension_type" else "unknown"
        values = schema[column.column].values if column.column in schema else constant(last_resort, rows)
        table.setdefault(column.column, values)
        if column.label:
            table[column.label] = translated(values, labels_of)
    for name, given in known.items():
        if name not in NOT_COLUMNS:
            table.setdefault(kept_name(name, table), constant(given.value, rows))
    table["observation_joinid"] = pa.array(map(joinid, names), pa.large_string())
    return pa.table({name: without_unused(values) for name, values in table.items()})


def var_table(ids: list[str], names: list[str], references: list[str], columns: Mapping[str, pa.Array]) -> pa.Table:
    """Return the table of genes: ids, the schema's feature columns (given or derived), the curator's columns."""
    rows = len(ids)

    def text(name: str, otherwise: list[str]) -> pa.Array:
        if name not in columns:
            return pa.array(otherwise, pa.large_string())
        given = pc.cast(decoded(columns[name]), pa.large_string()).to_pylist()
        return pa.array(
            [new if old is None else old for old, new in zip(given, otherwise, strict=True)], pa.large_string()
        )

    spike_in = [id_.startswith("ERCC-") for id_ in ids]
    genes = [gene_reference.gene(reference, id_) for id_, reference in zip(ids, references, strict=True)]
    table = {
        "soma_joinid": pa.array(np.arange(rows, dtype=np.int64)),
        "var_id": pa.array(ids, pa.large_string()),
        "feature_name": text("feature_name", names),
        "feature_length": lengths(columns.get("feature_length"), [gene.length if gene else 0 for gene in genes]),
        "feature_type": text("feature_type", [gene.type if gene else "unknown" for gene in genes]),
        "feature_biotype": text("feature_biotype", ["spike-in" if spike else "gene" for spike in spike_in]),
        "feature_reference": text("feature_reference", references),
    }
    for name, values in columns.items():
        if name not in table:
            table[kept_name(name, {**table, **columns})] = values
    return pa.table({name: without_unused(values) for name, values in table.items()})


def decoded(values: pa.Array) -> pa.Array:
    """Return a column without its dictionary."""
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def lengths(values: pa.Array | None, otherwise: list[int]) -> pa.Array:
    """Return gene lengths as whole numbers: those given (0 where that is no number), or others."""
    if values is None:
        return pa.array(otherwise, pa.int64())
    texts = [str(value) for value in decoded(values).to_pylist()]
    return pa.array([int(float(text)) if text.replace(".", "", 1).isdecimal() else 0 for text in texts], pa.int64())
