"""The tables of a census, each column declared once: the writer fills them, the verifier reads them.

Those of the SOMA are Census schema 2.4.0's, with the types that CZI's builder writes (the schema's text has the
`raw_*` columns as 32-bit floats). those after `CENSUS_INFO` are
ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

CENSUS_SCHEMA_VERSION = "2.4.0"

INT, FLOAT, BOOL, TEXT = pa.int64(), pa.float64(), pa.bool_(), pa.large_string()


@dataclass(frozen=True)
class Column:
    """A column by name and type of value; `coded` ones are kept as a dictionary of their values."""

    name: str
    type: pa.DataType = TEXT
    coded: bool = False


Table = tuple[Column, ...]


def coded(*names: str) -> Table:
    """Return text columns that are kept as dictionaries."""
    return tuple(Column(name, TEXT, coded=True) for name in names)


def plain(kind: pa.DataType, *names: str) -> Table:
    """Return columns that are kept as they are."""
    return tuple(Column(name, kind) for name in names)


JOINID = plain(INT, "soma_joinid")

# what `obs` takes from a dataset's own obs, in the order of the schema
OBS_FROM_DATASET: Table = (
    *coded("assay", "assay_ontology_term_id", "cell_type", "cell_type_ontology_term_id"),
    *coded("development_stage", "development_stage_ontology_term_id", "disease", "disease_ontology_term_id"),
    *coded("donor_id"),
    *plain(BOOL, "is_primary_data"),
    *plain(TEXT, "observation_joinid"),
    *coded("self_reported_ethnicity", "self_reported_ethnicity_ontology_term_id", "sex", "sex_ontology_term_id"),
    *coded("suspension_type", "tissue", "tissue_ontology_term_id", "tissue_type"),
)
# numbers of a cell that come from its counts: of stored values only; variance with one degree of freedom taken off
CELL_STATISTICS: Table = (
    *plain(FLOAT, "raw_sum"),
    *plain(INT, "nnz"),
    *plain(FLOAT, "raw_mean_nnz", "raw_variance_nnz"),
    *plain(INT, "n_measured_vars"),
)
OBS: Table = (
    *JOINID,
    *coded("dataset_id"),
    *OBS_FROM_DATASET,
    *coded("tissue_general", "tissue_general_ontology_term_id"),
    *CELL_STATISTICS,
)

VAR_FROM_DATASET: Table = (*plain(TEXT, "feature_id", "feature_name", "feature_type"), *plain(INT, "feature_length"))
VAR: Table = (*JOINID, *VAR_FROM_DATASET, *plain(INT, "nnz", "n_measured_obs"))

SUMMARY: Table = (*JOINID, *plain(TEXT, "label", "value"))
DATASETS: Table = (
    *JOINID,
    *plain(TEXT, "citation", "collection_id", "collection_name", "collection_doi", "collection_doi_label"),
    *plain(TEXT, "dataset_id", "dataset_version_id", "dataset_title", "dataset_h5ad_path"),
    *plain(INT, "dataset_total_cell_count"),
)
SUMMARY_CELL_COUNTS: Table = (
    *JOINID,
    *coded("organism", "category"),
    *plain(TEXT, "label", "ontology_term_id"),
    *plain(INT, "total_cell_count", "unique_cell_count"),
)
ORGANISMS: Table = (*JOINID, *plain(TEXT, "organism_ontology_term_id", "organism_label", "organism"))

CENSUS_INFO: dict[str, Table] = {
    "summary": SUMMARY,
    "datasets": DATASETS,
    "summary_cell_counts": SUMMARY_CELL_COUNTS,
    "organisms": ORGANISMS,
}

# what `admit` leaves of each cell of a matrix, in their order: a hash of its raw counts, and what the census groups by
CELL_HASHES: Table = (
    *plain(TEXT, "obs_id"),
    *coded("assay_ontology_term_id", "tissue_type"),
    *plain(BOOL, "is_primary_data"),
    *plain(pa.uint64(), "hash_high", "hash_low"),
)
CELL_HASHES_FILE = "cell_hashes.parquet"

# cross-modality metadata 1.1.0, and what of single cells and samples goes with it
MEASUREMENT_TERMS = (
    "organism_ontology_term_id",
    "tissue_ontology_term_id",
    "tissue_type",
    "disease_ontology_term_id",
    "development_stage_ontology_term_id",
    "assay_ontology_term_id",
    "sex_ontology_term_id",
    "cell_type_ontology_term_id",
)
MEASUREMENTS: Table = (
    *plain(pa.string(), "measurement_id", "dataset_id", "submission", "modality", "sample_id", "donor_id"),
    *plain(pa.list_(pa.string()), "kinds", "labels", "analytes"),
    *plain(pa.string(), "counts"),  # JSON: what there is to count in the dataset
    *plain(pa.list_(pa.string()), *MEASUREMENT_TERMS),
    *plain(pa.list_(pa.string()), "from_dataset"),  # fields whose terms are the dataset's, not the sample's own
    *plain(pa.string(), "feature_set"),  # which genes or proteins: catalogue/features.parquet
)
LEDGER: Table = (
    *plain(pa.string(), "dataset_id", "modality", "organism"),
    *plain(INT, "joinid", "first_row", "rows"),
    *plain(pa.string(), "logical_digest", "store_key"),
    *plain(pa.string(), "selection"),  # of cells that inclusion rules left out; empty where none were
    *plain(BOOL, "present"),  # False: a hole, its rows were another release's and are nobody's now
)
GENES: Table = (*plain(TEXT, "organism"), *JOINID, *VAR_FROM_DATASET)
PIECES: Table = (
    *plain(pa.string(), "organism", "dataset_id"),
    *plain(INT, "first_row", "rows", "counts"),
    *plain(pa.string(), "store_key"),
)
EXCLUSIONS: Table = (
    *plain(pa.string(), "dataset_id", "code", "level", "rule", "found", "expected"),
    *plain(INT, "cells"),
)


def names(table: Table) -> tuple[str, ...]:
    """Return the names of a table's columns, in order."""
    return tuple(column.name for column in table)


def index_type(different: int) -> pa.DataType:
    """Return the narrowest integer that can number so many different values of a dictionary."""
    if different < 1 << 7:
        return pa.int8()
    return pa.int16() if different < 1 << 15 else pa.int32()


def kept_type(column: Column, different: int) -> pa.DataType:
    """Return the type that a column is kept as, `different` being how many values its dictionary has."""
    return pa.dictionary(index_type(different), column.type) if column.coded else column.type


def to_table(
    table: Table, values: Mapping[str, Any], dictionaries: Mapping[str, Sequence[str]] | None = None
) -> pa.Table:
    """Return an Arrow table of exactly the declared columns and types.

    `values`: by column, a sequence or array. `dictionaries`: by coded column, every value that it may have; without it,
    those that occur, sorted.
    """
    columns = []
    for column in table:
        found = values[column.name]
        array = found if isinstance(found, pa.Array) else pa.array(found, column.type)
        if column.coded:
            known = (dictionaries or {}).get(column.name)
            columns.append(encode(array, sorted(set(array.to_pylist())) if known is None else known))
        else:
            columns.append(array.cast(column.type))
    return pa.Table.from_arrays(columns, names=list(names(table)))


def encode(array: pa.Array, dictionary: Sequence[str]) -> pa.DictionaryArray:
    """Return an array of text (or dictionary of text) as numbers into a dictionary.

    Raises
    ------
    ValueError
        Where the dictionary lacks a value that occurs, naming it.
    """
    known = pa.array(dictionary, TEXT)
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    numbers = pc.index_in(array.dictionary.cast(TEXT), value_set=known).take(array.indices)
    if numbers.null_count:
        strays = array.filter(numbers.is_null())
        raise ValueError(f"{strays[0].as_py()!r} is not among the {len(known)} values of the dictionary")
    return pa.DictionaryArray.from_arrays(numbers.cast(index_type(len(known))), known)
