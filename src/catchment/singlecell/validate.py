"""Every fault of an H5AD in one pass over its counts, each with its place, and the statistics of that pass."""

from __future__ import annotations

from dataclasses import dataclass, field

import h5py
import numpy as np
import numpy.typing as npt
from pydantic import JsonValue

from catchment import vocabulary
from catchment.config import SinglecellAdmit
from catchment.schema.records import Admission, Asset, Description, Finding
from catchment.schema.rules import Rule
from catchment.singlecell import rules
from catchment.singlecell.blocks import blocks, read_indptr
from catchment.singlecell.cells import check_obs, reserved_names, unused_categories
from catchment.singlecell.cellxgene.check import counts_needed, matrix_findings, schema_findings, space_of_dataset
from catchment.singlecell.cellxgene.reading import as_read
from catchment.singlecell.cellxgene.spatial import outside_tissue
from catchment.singlecell.columns import Column, completed
from catchment.singlecell.container import READ_FAULTS, opened
from catchment.singlecell.describe import unreadable
from catchment.singlecell.layout import Matrix, Unfit
from catchment.singlecell.matrix import (
    LARGEST_EXACT,
    Faults,
    Mask,
    Offenders,
    Sums,
    canonical,
    indptr_fault,
    median_or_none,
    row_hashes,
)
from catchment.singlecell.reading import Reading, read
from catchment.singlecell.rules import SHOWN, first_of, shown


@dataclass
class Pass:
    """What one pass over the raw counts learnt."""

    faults: Faults
    sums: Sums
    hashes: npt.NDArray[np.uint64]
    findings: list[Finding] = field(default_factory=list)
    complete: bool = True

    @property
    def summed(self) -> bool:
        """Whether every value has its place and is a number, so that cells and genes could be added up."""
        return self.complete and not self.faults.not_finite.count


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
            passed = pass_over(file, reading, settings.block_rows)
            sums = passed.sums if passed.summed else None
            findings += matrix_findings(file, reading, schema, sums, settings.block_rows)
            space = space_of_dataset(file, schema)
            outside = outside_tissue(space, reading.obs.columns)
    except Unfit as unfit:
        return Admission(findings=unfit.findings)
    except READ_FAULTS as error:
        return Admission(findings=(unreadable(error),))
    needed = counts_needed(space.assays)
    findings += passed.findings + count_findings(passed, reading, needed, outside)
    findings += [finding for matrix in reading.layout.layers.values() for finding in layer_findings(matrix)]
    return Admission(findings=as_read(findings, settings.reading), statistics=statistics(passed, reading))


def of_counts(asset: Asset) -> bool:
    """Tell whether what was sent is a matrix of counts (10x), not an H5AD: nothing in it comes of an analysis."""
    return not asset.files[0].name.lower().endswith(".h5ad")


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


def pass_over(file: h5py.File, reading: Reading, block_rows: int) -> Pass:
    """Return what the raw counts say, read once, block by block."""
    matrix = reading.layout.raw
    cells, genes = matrix.shape
    passed = Pass(Faults(genes), Sums(cells, reading.genes.mitochondrial), np.zeros(cells, np.uint64))
    if matrix.encoding != "dense":
        fault = indptr_fault(read_indptr(file, matrix), matrix.nnz)
        if fault is not None:
            passed.findings.append(rules.SPARSE_BROKEN.broken(f"{matrix.path}/indptr", fault))
            passed.complete = False
            return passed
    for block in blocks(file, matrix, block_rows):
        passed.faults.add(block)
        if passed.faults.consistent and not passed.faults.not_finite.count:
            clean = canonical(block)
            passed.sums.add(clean)
            passed.hashes[block.first : block.last] = row_hashes(clean)
    passed.complete = passed.faults.consistent
    return passed


def layer_findings(matrix: Matrix) -> list[Finding]:
    """Return findings on another layer's header; its values are not judged: any number may be in it."""
    if np.dtype(matrix.dtype).itemsize > 8:
        return [rules.PRECISION.broken(shown(matrix.path), f"{matrix.dtype}, kept as float64")]
    return []


def count_findings(passed: Pass, reading: Reading, needed: bool, outside: Mask | None) -> list[Finding]:
    """Return the findings that the pass over the counts ends in.

    `needed`: the assay counts molecules, so that only whole numbers will do; `outside`: spots that are not on tissue.
    """
    faults, path = passed.faults, reading.layout.raw.path
    findings = []

    def offence(rule: Rule, what: str, offenders: Offenders) -> None:
        if offenders.count:
            found = f"{what}: {places(offenders, reading)}"
            findings.append(rule.broken(path, found, count=offenders.count))

    genes = reading.layout.raw.shape[1]
    offence(rules.SPARSE_BROKEN, f"column numbers outside 0 to {genes - 1:,}", faults.out_of_range)
    offence(rules.SPARSE_BROKEN, "a gene twice in one cell", faults.duplicates)
    kinds = {"not finite": faults.not_finite, "negative": faults.negative, "not whole": faults.fractional}
    what = ", ".join(f"{kind.count:,} {name}" for name, kind in kinds.items() if kind.count)
    offence(rules.NOT_COUNTS if needed else rules.NOT_COUNTED, what, faults.not_counts)
    offence(rules.COUNT_TOO_LARGE, f"above {LARGEST_EXACT:,}", faults.too_large)
    if reading.layout.raw.encoding != "dense" and faults.zeros:
        findings.append(rules.EXPLICIT_ZEROS.broken(path, f"{faults.zeros:,} stored zeros", count=faults.zeros))
    if faults.unsorted_rows:
        found = f"{faults.unsorted_rows:,} cells"
        findings.append(rules.UNSORTED.broken(path, found, count=faults.unsorted_rows))
    if not passed.summed or (needed and faults.not_counts.count):
        return findings
    return findings + cell_findings(passed, reading, needed, outside)


def cell_findings(passed: Pass, reading: Reading, needed: bool, outside: Mask | None) -> list[Finding]:
    """Return findings on whole cells: without counts, or with the counts of another (see `count_findings`)."""
    path, names = reading.layout.raw.path, reading.obs.names
    findings = []
    empty = np.flatnonzero(passed.sums.n_genes_by_counts == 0)
    if empty.size and needed and (outside is None or not outside.any()):
        found = f"no counts in cells {first_of([names[row] for row in empty])}"
        findings.append(rules.EMPTY_CELLS.broken(path, found, count=int(empty.size)))
    among = np.arange(len(names)) if outside is None else np.flatnonzero(~outside)
    hashes = passed.hashes[among]
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    # cells without counts are alike, and a finding of their own where counts are needed
    again = among[order[1:][(np.diff(ordered) == 0) & ((ordered[1:] != 0) | (not needed))]]
    if again.size:
        found = f"counts seen in an earlier cell: {first_of([names[row] for row in np.sort(again)])}"
        findings.append(rules.IDENTICAL_CELLS.broken(path, found, count=int(again.size)))
    return findings


def places(offenders: Offenders, reading: Reading) -> str:
    """Return the first offenders by cell, gene and value."""
    genes = len(reading.genes.ids)

    def one(row: int, column: int, value: float) -> str:
        gene = reading.genes.ids[column] if 0 <= column < genes else f"column {column}"
        return f"{value:g} (cell {shown(reading.obs.names[row])}, gene {shown(gene)})"

    rest = f" and {offenders.count - SHOWN:,} more" if offenders.count > SHOWN else ""
    return ", ".join(one(*place) for place in offenders.first) + rest


def statistics(passed: Pass, reading: Reading) -> dict[str, JsonValue]:
    """Return what later steps and reports may want to know of the counts; only shapes where they are no counts."""
    cells, genes = reading.layout.raw.shape
    known: dict[str, JsonValue] = {
        "n_cells": cells,
        "n_genes": genes,
        "organism_ontology_term_id": reading.organism,
        "title": reading.title,
    }
    if not passed.complete or passed.faults.not_counts.count:
        return known
    sums = passed.sums
    return {
        **known,
        "nnz": int(sums.n_genes_by_counts.sum()),
        "total_counts": float(sums.total_counts.sum()),
        "cells_without_counts": int(np.count_nonzero(sums.n_genes_by_counts == 0)),
        "genes_without_counts": int(np.count_nonzero(sums.gene_cells == 0)),
        "median_genes_by_counts": median_or_none(sums.n_genes_by_counts),
        "median_total_counts": median_or_none(sums.total_counts),
        "median_pct_counts_mt": median_or_none(sums.pct_counts_mt),
    }
