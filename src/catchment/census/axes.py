"""The two axes of an organism's matrix: the union of all genes, and obs with one dictionary for each column. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from catchment import vocabulary
from catchment.errors import CatchmentError
from catchment.schema.build_records import PlannedDataset
from catchment.schema.columns import OBS, OBS_FROM_DATASET, TEXT, VAR, VAR_FROM_DATASET, to_table
from catchment.soma import Int64
from catchment.vocabulary import Organism

GENE = "gene"  # `feature_biotype`; spike-ins have another
LEFT_OUT = -1


@dataclass(frozen=True)
class Genes:
    """What a dataset measured: `table` has the genes that the census takes, `columns` which of its columns they are.

    `width` is how many columns the dataset's matrix has.
    """

    table: pa.Table
    columns: Int64
    width: int


def genes_of(var: pa.Table, organism: Organism) -> Genes:
    """Return the genes of the organism among a dataset's features: no spike-ins, no genes of a virus.

    Census schema 2.4.0: feature_biotype is `gene`, feature_reference is the organism.
    """
    biotypes, references = (decoded(var[name]) for name in ("feature_biotype", "feature_reference"))
    taken = pc.and_(pc.equal(biotypes, GENE), pc.equal(references, organism.id))
    kept = var.filter(taken)
    table = pa.table(
        {
            "feature_id": decoded(kept["var_id"]),
            "feature_name": decoded(kept["feature_name"]),
            "feature_type": decoded(kept["feature_type"]),
            "feature_length": decoded(kept["feature_length"]).cast(pa.int64()),
        }
    )
    return Genes(table=table, columns=np.flatnonzero(np.asarray(taken)), width=var.num_rows)


def decoded(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array of plain values."""
    array = column.combine_chunks()
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def union_of_genes(tables: Iterable[pa.Table], earlier: pa.Table | None = None) -> pa.Table:
    """Return every gene once: those with ids already in their order, then the new ones in order of their names' ids.

    A gene stays as it was described first, also where no dataset has it any more: its id is nobody else's, and what
    was divided by its length stays right.
    """
    union = pa.table({column.name: pa.array([], column.type) for column in VAR_FROM_DATASET})
    if earlier is not None:
        union = pa.concat_tables([union, earlier.select(union.column_names)])
    kept = union.num_rows
    for table in tables:
        known = pc.is_in(table["feature_id"], value_set=union["feature_id"].combine_chunks())
        found = table.filter(pc.invert(known))
        if found.num_rows:
            union = pa.concat_tables([union, found.cast(union.schema)]).combine_chunks()
    new = union.slice(kept)
    _, first = np.unique(np.asarray(new["feature_id"], dtype=object).astype(str), return_index=True)
    return pa.concat_tables([union.slice(0, kept), new.take(pa.array(first))]).combine_chunks()


def gene_map(genes: Genes, union: pa.Table) -> Int64:
    """Return, for each column of a dataset's matrix, the column of the census's; -1 where the census leaves it out."""
    places = pc.index_in(genes.table["feature_id"], value_set=union["feature_id"].combine_chunks())
    mapped = np.full(genes.width, LEFT_OUT, np.int64)
    mapped[genes.columns] = np.asarray(places, dtype=np.int64)
    return mapped


def var_table(union: pa.Table, nnz: Int64, n_measured_obs: Int64) -> pa.Table:
    """Return an organism's var."""
    values = {name: union[name].combine_chunks() for name in union.column_names}
    numbers = {"soma_joinid": np.arange(union.num_rows), "nnz": nnz, "n_measured_obs": n_measured_obs}
    return to_table(VAR, {**values, **numbers})


# --- obs ---------------------------------------------------------------------------------------------------------


@cache
def general_tissues() -> tuple[str, ...]:
    """Return the organs and systems that tissues are grouped by, the first to match first (a curated list of CZI's)."""
    from cellxgene_ontology_guide.curated_ontology_term_lists import get_curated_ontology_term_list
    from cellxgene_ontology_guide.entities import CuratedOntologyTermList

    return tuple(get_curated_ontology_term_list(CuratedOntologyTermList.TISSUE_GENERAL))


@cache
def general_tissue(term: str) -> str:
    """Return the organ or system that a tissue is part of; the term itself where none of the list is."""
    above = {term, *vocabulary.ancestors(term)}
    return next((general for general in general_tissues() if general in above), term)


def with_general_tissue(obs: pa.Table) -> pa.Table:
    """Return obs with `tissue_general` and its term beside `tissue`."""
    tissues = obs["tissue_ontology_term_id"].combine_chunks()
    if not pa.types.is_dictionary(tissues.type):
        tissues = tissues.dictionary_encode()
    terms = [general_tissue(term) for term in tissues.dictionary.to_pylist()]
    labels = [vocabulary.label(term) or term for term in terms]
    for name, values in (("tissue_general", labels), ("tissue_general_ontology_term_id", terms)):
        obs = obs.append_column(name, pa.array(values, TEXT).take(tissues.indices))
    return obs


def values_of(obs: pa.Table) -> dict[str, set[str]]:
    """Return the values that occur in each coded column of a dataset's obs.

    Raises
    ------
    CatchmentError
        Where a value is missing: every column of the schema has one for every cell.
    """
    found = {}
    for column in OBS_FROM_DATASET:
        missing = obs[column.name].null_count
        if missing:
            raise CatchmentError(f"obs/{column.name}: {missing} values are missing, expected one for every cell")
    for column in OBS:
        if column.coded and column.name in obs.column_names:
            found[column.name] = set(pc.unique(decoded(obs[column.name])).to_pylist())
    return found


def dictionaries_of(
    parts: Sequence[Mapping[str, set[str]]], datasets: Sequence[PlannedDataset]
) -> dict[str, list[str]]:
    """Return all values of each coded column of an organism's obs, sorted."""
    columns = [column.name for column in OBS if column.coded and column.name != "dataset_id"]
    found = {name: sorted(set().union(*(part[name] for part in parts))) for name in columns}
    return {**found, "dataset_id": sorted(dataset.dataset for dataset in datasets)}


def obs_table(
    obs: pa.Table,
    planned: PlannedDataset,
    first_row: int,
    statistics: Mapping[str, pa.Array],
    measured: int,
    dictionaries: Mapping[str, Sequence[str]],
) -> pa.Table:
    """Return some rows of the census's obs that follow each other, all of one dataset.

    `measured`: how many genes of the census the dataset has.
    """
    rows = obs.num_rows
    values = {name: obs[name].combine_chunks() for name in obs.column_names}
    values["soma_joinid"] = pa.array(np.arange(first_row, first_row + rows))
    values["dataset_id"] = pa.array([planned.dataset], TEXT).take(pa.array(np.zeros(rows, np.int64)))
    values["n_measured_vars"] = pa.array(np.full(rows, measured, np.int64))
    return to_table(OBS, {**values, **statistics}, dictionaries)


def marked(obs: pa.Table, assays: frozenset[str]) -> npt.NDArray[np.bool_]:
    """Return which cells were measured by one of some assays."""
    terms = decoded(obs["assay_ontology_term_id"])
    return np.asarray(pc.is_in(terms, value_set=pa.array(sorted(assays), terms.type)))
