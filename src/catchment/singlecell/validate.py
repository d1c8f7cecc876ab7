"""Every fault of an H5AD in one pass over its matrices, each with its place, and the statistics of that pass."""

from __future__ import annotations

from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import JsonValue

from catchment import vocabulary
from catchment.config import SinglecellAdmit
from catchment.schema.columns import CELL_HASHES_FILE
from catchment.schema.records import Admission, Asset, Description, Finding
from catchment.singlecell import rules
from catchment.singlecell.cell_hashes import hashes_file
from catchment.singlecell.cells import check_obs, reserved_names, unused_categories
from catchment.singlecell.cellxgene.check import counts_needed, matrix_findings, schema_findings, space_of_dataset
from catchment.singlecell.cellxgene.reading import as_read
from catchment.singlecell.cellxgene.spatial import outside_tissue
from catchment.singlecell.columns import Column, completed
from catchment.singlecell.container import READ_FAULTS, opened
from catchment.singlecell.describe import unreadable
from catchment.singlecell.fragments.check import Cells, fragment_findings
from catchment.singlecell.layout import Matrix, Unfit
from catchment.singlecell.matrix import LARGEST_EXACT, Faults, Int64, Mask, Offenders, median_or_none
from catchment.singlecell.reading import Reading, read
from catchment.singlecell.rules import SHOWN, first_of, shown
from catchment.singlecell.scan import Scan, scan
from catchment.singlecell.sums import Sums, UInt64, weights_of


def validate(description: Description, asset: Asset, settings: SinglecellAdmit) -> Admission:
    """Return every finding on an asset that `describe` could read, and statistics of its counts."""
    try:
        with opened(asset.files[0].path) as file:
            vocabulary.use_schema(settings.schema_version)
            reading = read(file, asset)
            schema = completed(reading.obs.columns, len(reading.obs.names), reading.known, reading.organism)
            findings = [*reading.findings, *metadata_findings(reading, schema, settings)]
            counts_only = of_counts(asset)
            findings += schema_findings(file, reading, schema, settings, counts_only)
            weights = weights_of(reading.genes.ids, reading.genes.mitochondrial)
            counted = scan(file, reading.layout.raw, settings.block_rows, weights)
            layers = {matrix.path: scan(file, matrix, settings.block_rows) for matrix in reading.layout.layers.values()}
            findings += matrix_findings(file, reading, schema, counted, layers)
            space = space_of_dataset(file, schema)
            outside = outside_tissue(space, reading.obs.columns)
            cells = Cells(reading.obs.names, reading.organism, space.assays, not_primary(schema))
            of_fragments, fragments = fragment_findings(asset, cells)
            findings += of_fragments
    except Unfit as unfit:
        return Admission(findings=unfit.findings)
    except READ_FAULTS as error:
        return Admission(findings=(unreadable(error),))
    needed = counts_needed(space.assays)
    findings += [*counted.findings, *count_findings(counted, reading, needed, outside)]
    for matrix in reading.layout.layers.values():
        findings += layer_findings(matrix, layers[matrix.path])
    return Admission(
        findings=as_read(findings, settings.reading),
        statistics=statistics(counted, reading, fragments),
        side_cars={CELL_HASHES_FILE: partial(hashes_file, reading, schema, counted.sums)} if counted.summed else {},
    )


def of_counts(asset: Asset) -> bool:
    """Tell whether what was sent is a matrix of counts (10x), not an H5AD: nothing in it comes of an analysis."""
    return not asset.files[0].name.lower().endswith(".h5ad")


def not_primary(schema: dict[str, Column]) -> int:
    """Return how many cells have their primary data elsewhere; `schema` comes from `columns.completed`."""
    column = schema.get("is_primary_data")
    if column is None or not pa.types.is_boolean(column.values.type):
        return 0
    return int(pc.sum(pc.invert(column.values)).as_py() or 0)


def metadata_findings(reading: Reading, schema: dict[str, Column], settings: SinglecellAdmit) -> list[Finding]:
    """Return findings on the tables of cells and genes; `schema` comes from `columns.completed`."""
    reported = {finding.where for finding in reading.findings}  # a column that cannot be read is not missing as well
    checked = check_obs(
        reading.obs.columns,
        schema,
        reading.known,
        reading.organism,
        lenient=settings.reading == "lenient",
        version=settings.schema_version,
    )
    findings = [finding for finding in checked if finding.where not in reported]
    genes, table = reading.var.columns, reading.layout.var
    return findings + reserved_names(genes, table) + unused_categories(genes, table)


# --- the pass over the counts ------------------------------------------------------------------------------------


def layer_findings(matrix: Matrix, scan: Scan) -> list[Finding]:
    """Return findings on a matrix beside the raw counts, which may hold any numbers."""
    path, faults = shown(matrix.path), scan.faults
    findings = [*scan.findings, *place_findings(matrix, faults)]
    if np.dtype(matrix.dtype).itemsize > 8:
        findings.append(rules.PRECISION.broken(path, f"{matrix.dtype}, kept as float64"))
    if faults.not_finite.count:
        row, column, value = faults.not_finite.first[0]
        found = f"{faults.not_finite.count:,} values, the first {value:g} at row {row}, column {column}"
        findings.append(rules.LAYER_NOT_FINITE.broken(path, found, count=faults.not_finite.count))
    return findings


def place_findings(matrix: Matrix, faults: Faults, reading: Reading | None = None) -> list[Finding]:
    """Return findings on where values are stored; `reading` names cells and genes, where they are the raw counts'."""
    path, findings = shown(matrix.path), []
    lines = "columns" if matrix.encoding == "csc" else "rows"
    across = "row" if matrix.encoding == "csc" else "column"
    kinds = (
        (faults.out_of_range, f"{across} numbers outside 0 to {faults.width - 1:,}"),
        (faults.duplicates, "a gene twice in one cell"),
    )
    for offenders, what in kinds:
        if offenders.count:
            found = f"{what}: {places(offenders, reading)}"
            findings.append(rules.SPARSE_BROKEN.broken(path, found, count=offenders.count))
    if matrix.encoding != "dense" and faults.zeros:
        findings.append(rules.EXPLICIT_ZEROS.broken(path, f"{faults.zeros:,} stored zeros", count=faults.zeros))
    if faults.unsorted_lines:
        found = f"{faults.unsorted_lines:,} {lines}"
        expected = f"{across} numbers that rise within each {lines[:-1]}"
        findings.append(rules.UNSORTED.broken(path, found, expected=expected, count=faults.unsorted_lines))
    return findings


def count_findings(counted: Scan, reading: Reading, needed: bool, outside: Mask | None) -> list[Finding]:
    """Return the findings that the pass over the counts ends in.

    `needed`: the assay counts molecules, so that only whole numbers will do; `outside`: spots that are not on tissue.
    """
    faults, path = counted.faults, reading.layout.raw.path
    findings = place_findings(reading.layout.raw, faults, reading)
    kinds = {"not finite": faults.not_finite, "negative": faults.negative, "not whole": faults.fractional}
    what = ", ".join(f"{kind.count:,} {name}" for name, kind in kinds.items() if kind.count)
    for rule, said, offenders in (
        (rules.NOT_COUNTS if needed else rules.NOT_COUNTED, what, faults.not_counts),
        (rules.COUNT_TOO_LARGE, f"above {LARGEST_EXACT:,}", faults.too_large),
    ):
        if offenders.count:
            findings.append(rule.broken(path, f"{said}: {places(offenders, reading)}", count=offenders.count))
    if not counted.summed or (needed and faults.not_counts.count):
        return findings
    return findings + cell_findings(counted.sums, reading, needed, outside)


def cell_findings(sums: Sums, reading: Reading, needed: bool, outside: Mask | None) -> list[Finding]:
    """Return findings on whole cells: without counts, or with the counts of another (see `count_findings`)."""
    path, names = reading.layout.raw.path, reading.obs.names
    findings = []
    empty = np.flatnonzero(sums.values_of_row == 0)
    if empty.size and needed and (outside is None or not outside.any()):
        found = f"no counts in cells {first_of([names[row] for row in empty])}"
        findings.append(rules.EMPTY_CELLS.broken(path, found, count=int(empty.size)))
    among = np.arange(len(names)) if outside is None else np.flatnonzero(~outside)
    if needed:  # cells without counts are alike, and a finding of their own where counts are needed
        among = among[sums.values_of_row[among] > 0]
    again = seen_before(sums.hashes, among)
    if again.size:
        found = f"counts seen in an earlier cell: {first_of([names[row] for row in again])}"
        findings.append(rules.IDENTICAL_CELLS.broken(path, found, count=int(again.size)))
    return findings


def seen_before(hashes: UInt64, rows: Int64) -> Int64:
    """Return which of some rows have the hash of a row before them, rising."""
    own = hashes[rows]
    order = np.lexsort((own[:, 1], own[:, 0]))  # stable: among equals, the first row comes first
    again: Int64 = np.sort(rows[order[1:][(own[order[1:]] == own[order[:-1]]).all(axis=1)]])
    return again


def places(offenders: Offenders, reading: Reading | None) -> str:
    """Return the first offenders by cell, gene and value; by row and column without a `reading` that names them."""

    def one(row: int, column: int, value: float) -> str:
        if reading is None:
            return f"{value:g} (row {row}, column {column})"
        cells, genes = reading.obs.names, reading.genes.ids
        cell = cells[row] if 0 <= row < len(cells) else f"row {row}"
        gene = genes[column] if 0 <= column < len(genes) else f"column {column}"
        return f"{value:g} (cell {shown(cell)}, gene {shown(gene)})"

    rest = f" and {offenders.count - SHOWN:,} more" if offenders.count > SHOWN else ""
    return ", ".join(one(*place) for place in offenders.first) + rest


def statistics(counted: Scan, reading: Reading, fragments: int | None) -> dict[str, JsonValue]:
    """Return what later steps and reports may want to know of the counts; only shapes where they are no counts."""
    cells, genes = reading.layout.raw.shape
    known: dict[str, JsonValue] = {
        "n_cells": cells,
        "n_genes": genes,
        "organism_ontology_term_id": reading.organism,
        "title": reading.title,
        **({} if fragments is None else {"n_fragments": fragments}),
    }
    if not counted.complete or counted.faults.not_counts.count:
        return known
    sums = counted.sums
    return {
        **known,
        "nnz": int(sums.values_of_row.sum()),
        "total_counts": float(sums.total_counts.sum()),
        "cells_without_counts": int(np.count_nonzero(sums.values_of_row == 0)),
        "genes_without_counts": int(np.count_nonzero(sums.values_of_column == 0)),
        "median_genes_by_counts": median_or_none(sums.values_of_row),
        "median_total_counts": median_or_none(sums.total_counts),
        "median_pct_counts_mt": median_or_none(sums.pct_counts_mt),
    }
