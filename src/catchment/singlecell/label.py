"""The labelled H5AD: a valid dataset with what the system adds to it, written while the file is copied.

Beside it, fragments of ATAC that came with it: sorted, packed by blocks and indexed.

Source: CELLxGENE dataset schema 7.1.0, what "CELLxGENE Discover" annotates. Values are those of the reference
(`cellxgene-schema add-labels`); docs/decisions/0036 says where the bytes differ.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa

from catchment import vocabulary
from catchment.config import SinglecellAdmit
from catchment.schema.records import Asset, Unreadable
from catchment.singlecell.arrow import codes_of
from catchment.singlecell.columns import (
    JOIN,
    Column,
    as_dictionary,
    completed,
    constant,
    joinid,
    labels_of,
    lengths,
    translated,
    var_table,
)
from catchment.singlecell.container import READ_FAULTS, opened
from catchment.singlecell.describe import unreadable
from catchment.singlecell.fragments.files import PACKED, fragment_files
from catchment.singlecell.fragments.product import write_fragments
from catchment.singlecell.fragments.tables import chromosomes
from catchment.singlecell.frames import narrowest, read_frame
from catchment.singlecell.genes import genes_of
from catchment.singlecell.h5ad import (
    copy_h5ad,
    drop_unused_categories,
    editable,
    put_columns,
    put_flag,
    put_text,
    set_index,
)
from catchment.singlecell.prepare import replaced
from catchment.singlecell.reading import Reading, read
from catchment.singlecell.tables import schema_columns
from catchment.storage import Place

CONDITION, PERTURBATION = "experimental_condition_ontology_term_id", "genetic_perturbation_id"
NONE_OF_THEM = "na"
TEMPERATURE, DIET, FASTING = "EFO:0001702", "EFO:0002755", "EFO:0002756"
AGAINST = "anti-"
REFERENCE = "https://github.com/chanzuckerberg/single-cell-curation/blob/main/schema/{}/schema.md"


def label(asset: Asset, place: Place, settings: SinglecellAdmit) -> Asset | Unreadable:
    """Return the asset as the labelled H5AD at `<asset>.h5ad` in the place; it may be there already, prepared.

    The asset is valid: what cannot be labelled was an error of `validate`. Parts that nobody has read yet are copied
    too, and may turn out to be damaged.
    """
    try:
        return labelled(asset, place, settings)
    except READ_FAULTS as error:
        return Unreadable(findings=(unreadable(error),))


def labelled(asset: Asset, place: Place, settings: SinglecellAdmit) -> Asset:
    """Return what `label` says, of a file that is whole."""
    vocabulary.use_schema(settings.schema_version)
    source, target = Path(asset.files[0].path), place.path / f"{asset.asset}.h5ad"
    with opened(str(source)) as file:
        reading = read(file, asset)
        if source != target:
            copy_h5ad(file, reading.layout, target)
    with editable(target) as file:
        label_cells(file, reading)
        for table in ("var", "raw/var"):
            if table in file:
                label_genes(file, table, reading.organism)
        label_dataset(file, asset, reading, settings)
    for fragments in fragment_files(asset):  # one, of an organism that has a table: else the asset were not valid
        packed = place.path / f"{asset.asset}-{PACKED}"
        write_fragments(fragments, chromosomes()[str(reading.organism)], reading.obs.names, packed)
    return replaced(asset, target)


# --- cells -------------------------------------------------------------------------------------------------------


def label_cells(file: h5py.File, reading: Reading) -> None:
    """Add to obs the schema's columns that the file lacks, the labels of all terms, and `observation_joinid`."""
    obs, names = file["obs"], reading.obs.names
    schema = completed(reading.obs.columns, len(names), reading.known, reading.organism)
    new = {name: column.values for name, column in schema.items() if column.source != "file"}
    for name, given in reading.known.items():
        if name not in reading.obs.columns and name not in ("organism_ontology_term_id", "title"):
            new.setdefault(name, constant(given.value, len(names)))
    new |= labels(schema)
    conditions = {name: reading.obs.columns[name] for name in (CONDITION, PERTURBATION) if name in reading.obs.columns}
    if CONDITION in conditions:
        new["experimental_condition"] = translated(as_dictionary(conditions[CONDITION]), condition_labels)
    if conditions:
        new["perturbation_types"] = perturbation_types(conditions)
    new["observation_joinid"] = pa.array(map(joinid, names), pa.large_string())
    put_columns(obs, new)
    drop_unused_categories(obs)


def labels(schema: dict[str, Column]) -> dict[str, pa.Array]:
    """Return the labels of every column of terms, by the name of their column."""
    return {
        column.label: translated(as_dictionary(schema[column.column].values), labels_of)
        for column in schema_columns()
        if column.label and column.column in schema
    }


def condition_labels(value: str) -> str:
    """Return the labels of experimental conditions; that of an antibody says what it is directed against."""
    found = []
    for term in value.split(JOIN):
        target = term.removeprefix(AGAINST)
        found.append((AGAINST if target != term else "") + (vocabulary.label(target) or target))
    return JOIN.join(found)


def perturbation_types(columns: dict[str, pa.Array]) -> pa.DictionaryArray:
    """Return what kinds of perturbation each cell had, from the columns of conditions and genetic perturbations."""
    coded = {name: as_dictionary(values) for name, values in columns.items()}
    rows = len(next(iter(coded.values())))
    sizes = [len(values.dictionary) for values in coded.values()]
    pair = np.zeros(rows, np.int64)
    for values, size in zip(coded.values(), sizes, strict=True):
        pair = pair * (size + 1) + codes_of(values) + 1
    distinct, place = np.unique(pair, return_inverse=True)
    kinds = []
    for code in distinct:
        value, given = int(code), {}
        for (name, values), size in reversed(list(zip(coded.items(), sizes, strict=True))):
            value, own = divmod(value, size + 1)
            given[name] = values.dictionary[own - 1].as_py() if own else NONE_OF_THEM
        kinds.append(kinds_of(given.get(CONDITION, NONE_OF_THEM), given.get(PERTURBATION, NONE_OF_THEM)))
    texts = sorted(set(kinds))
    codes = np.array([texts.index(kind) for kind in kinds])[place].astype(narrowest(len(texts)))
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(texts, pa.large_string()))


def kinds_of(conditions: str, perturbation: str) -> str:
    """Return the kinds of perturbation of one cell, sorted and joined."""
    found = {"genetic"} if perturbation != NONE_OF_THEM else set()
    for term in conditions.split(JOIN) if conditions != NONE_OF_THEM else ():
        kind = vocabulary.prefix(term.removeprefix(AGAINST))
        if kind == "CHEBI":
            found.add("chemical")
        elif kind == "uniprot":
            found.add("protein")
        elif term == TEMPERATURE:
            found.add("temperature")
        elif term == FASTING or vocabulary.descends_from(term, DIET):
            found.add("diet")
    return JOIN.join(sorted(found)) or "no perturbations"


# --- genes and dataset -------------------------------------------------------------------------------------------


def label_genes(file: h5py.File, path: str, organism: str | None) -> None:
    """Add the `feature_*` columns to a table of genes, and name its rows by Ensembl id where a column has them."""
    table = file[path]
    rows = len(table[table.attrs["_index"]])
    frame, _ = read_frame(file, path, rows)
    genes, _ = genes_of(frame, organism, path)
    if genes.ids != frame.names:
        set_index(table, genes.ids, "submitted_name")
    columns = var_table(genes.ids, genes.names, genes.references, frame.columns)
    new = {name: columns[name].combine_chunks() for name in columns.column_names if name.startswith("feature_")}
    new["feature_length"] = lengths(new["feature_length"], []).cast(pa.uint32())
    if path == "var" and "feature_is_filtered" not in frame.columns and "raw" not in file:
        new["feature_is_filtered"] = constant(False, rows)
    for name in ("feature_reference", "feature_biotype", "feature_type"):
        new[name] = as_dictionary(new[name])
    put_columns(table, new)


def label_dataset(file: h5py.File, asset: Asset, reading: Reading, settings: SinglecellAdmit) -> None:
    """Write what uns says of the dataset as a whole."""
    if reading.organism:
        put_text(file, "organism_ontology_term_id", reading.organism)
        put_text(file, "organism", vocabulary.label(reading.organism) or reading.organism)
    if reading.title:
        put_text(file, "title", reading.title)
    put_text(file, "citation", f"Dataset Version: {asset.dataset} distributed by Catchment in {asset.accession}")
    put_text(file, "schema_version", settings.schema_version)
    put_text(file, "schema_reference", REFERENCE.format(settings.schema_version))
    put_flag(file, "is_pre_analysis", settings.pre_analysis)
