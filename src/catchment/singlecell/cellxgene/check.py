"""Everything that only the CELLxGENE schema asks of a file, gathered: of headers and tables, then of matrices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import pyarrow as pa

from catchment import vocabulary
from catchment.config import SinglecellAdmit
from catchment.schema.records import Finding
from catchment.singlecell import rules as anndata_rules
from catchment.singlecell.cellxgene import rules
from catchment.singlecell.cellxgene.elements import categories_of, nullable, shown_kind, texts
from catchment.singlecell.cellxgene.embeddings import array_findings, embedding_findings
from catchment.singlecell.cellxgene.features import few_genes, filter_findings, filtered, flag_findings, gene_findings
from catchment.singlecell.cellxgene.matrices import header_findings, mostly_zeros
from catchment.singlecell.cellxgene.names import name_findings
from catchment.singlecell.cellxgene.perturbations import ID, STRATEGY, perturbation_findings
from catchment.singlecell.cellxgene.spatial import Space, count_findings, outside_tissue, space_of, spatial_findings
from catchment.singlecell.cellxgene.uns import uns_findings
from catchment.singlecell.columns import Column, used_values
from catchment.singlecell.reading import Reading
from catchment.singlecell.scan import Scan

OF_TEXT = ("donor_id", ID, STRATEGY)
ASSAY, CELL_TYPE = "assay_ontology_term_id", "cell_type_ontology_term_id"
# assays that count no molecules: chromatin and methylation
WITHOUT_COUNTS = ("EFO:0007045", "EFO:0008804", "EFO:0000751", "EFO:0008939")
PAIRED = ("EFO:0010891", "EFO:0008913")


def space_of_dataset(file: h5py.File, schema: dict[str, Column]) -> Space:
    """Return what a dataset is in space; `schema` comes from `columns.completed`."""
    return space_of(file, tuple(used_values(schema[ASSAY].values)) if ASSAY in schema else ())


def counts_needed(assays: tuple[str, ...]) -> bool:
    """Tell whether a dataset of these assays must have raw counts (schema 7.1.0, matrices)."""
    without = any(vocabulary.descends_from(assay, *WITHOUT_COUNTS) for assay in assays)
    paired = any(all(vocabulary.descends_from(assay, root) for root in PAIRED) for assay in assays)
    return paired or not without


def schema_findings(
    file: h5py.File, reading: Reading, schema: dict[str, Column], settings: SinglecellAdmit, of_counts: bool
) -> Iterator[Finding]:
    """Yield findings on names, genes, embeddings, uns, spatial and perturbations: on all but the matrices' values.

    `of_counts`: what was sent holds counts only, so that embeddings and marks of filtered genes cannot be in it.
    """
    layout, columns = reading.layout, reading.obs.columns
    has_raw = layout.raw.path != "X"
    space = space_of_dataset(file, schema)
    told = {finding.where for finding in reading.findings}
    yield from name_findings(file, layout.var if has_raw else "raw/var", settings.schema_version, told)
    yield from text_categories(file["obs"])
    if nullable(file["obs"], "is_primary_data") is not None:
        found = "true/false with gaps"
        yield anndata_rules.COLUMN_TYPE.broken("obs/is_primary_data", found, expected="true/false")
    if settings.pre_analysis and CELL_TYPE in columns:
        yield rules.BEFORE_ANALYSIS.broken(f"obs/{CELL_TYPE}", "cell types")
    yield from header_findings(file, layout, counts_needed(space.assays))
    yield from genes_of_tables(file, reading, has_raw, of_counts)
    yield from array_findings(file)
    yield from embedding_findings(
        file, spatial=space.spatial, is_single=space.is_single, needed=not (settings.pre_analysis or of_counts)
    )
    categories = {
        name: len(used_values(values)) for name, values in columns.items() if pa.types.is_dictionary(values.type)
    }
    yield from uns_findings(file, list(columns), categories, reading.title is not None, settings.pre_analysis)
    yield from spatial_findings(file, space, columns)
    if settings.schema_version != "7.0.0":
        yield from perturbation_findings(file, columns, reading.organism)


def text_categories(obs: Any) -> Iterator[Finding]:
    """Yield a finding for each column whose categories must be texts, none of them empty, used or not."""
    for column in OF_TEXT:
        categories = categories_of(obs, column)
        if categories is None:
            continue
        values = texts(categories)
        if values is None or any(not value.strip() for value in values):
            found = shown_kind(categories) if values is None else "an empty category"
            yield rules.NOT_CATEGORICAL.broken(f"obs/{column}", found)


def genes_of_tables(file: h5py.File, reading: Reading, has_raw: bool, of_counts: bool) -> Iterator[Finding]:
    """Yield findings on the genes of var and raw.var."""
    layout = reading.layout
    if reading.layer_columns is not None and len(reading.layer_columns) == len(reading.var.names):
        yield rules.GENES_ORDER.broken(layout.var, "the genes of var in another order")
    if reading.var.named:
        yield from gene_findings(layout.var, reading.var.names, reading.genes.ids, reading.organism)
    yield from few_genes("var", len(reading.var.names) if not has_raw else width_of_x(reading))
    if not of_counts:
        yield from flag_findings(file, has_raw, layout.var)


def width_of_x(reading: Reading) -> int:
    """Return the number of genes of X, where that is not the matrix of raw counts."""
    x = next((matrix for matrix in reading.layout.layers.values() if matrix.path == "X"), None)
    return x.shape[1] if x else len(reading.var.names)


def matrix_findings(
    file: h5py.File, reading: Reading, schema: dict[str, Column], counted: Scan, layers: Mapping[str, Scan]
) -> Iterator[Finding]:
    """Yield findings on the values of matrices: of the raw counts, and of the layers by their paths."""
    layout = reading.layout
    space = space_of_dataset(file, schema)
    if counted.summed:
        values_of_cell = counted.sums.values_of_row
        yield from mostly_zeros(layout.raw, int(values_of_cell.sum()))
        outside = outside_tissue(space, reading.obs.columns)
        if counts_needed(space.assays):
            yield from count_findings(layout.raw.path, space, values_of_cell, outside)
    for matrix in layout.layers.values():
        if not layers[matrix.path].complete:
            continue
        values = layers[matrix.path].sums.values_of_column
        yield from mostly_zeros(matrix, int(values.sum()))
        if matrix.path == "X" and counted.summed and layout.raw.path != "X":
            names, raw_cells = reading.var.names, counted.sums.values_of_column
            if reading.layer_columns is not None:
                names = [names[column] for column in reading.layer_columns]
                raw_cells = raw_cells[reading.layer_columns]
            yield from filter_findings(names, filtered(file), values, raw_cells)
