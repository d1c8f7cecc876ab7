"""How matrices are encoded, and what X and the layers hold: read once, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from catchment.schema.records import Finding
from catchment.singlecell import rules as anndata_rules
from catchment.singlecell.blocks import blocks, read_indptr
from catchment.singlecell.cellxgene import rules
from catchment.singlecell.layout import Layout, Matrix, text_of
from catchment.singlecell.matrix import indptr_fault
from catchment.singlecell.rules import first_of, shown

MOST_ZEROS = 0.5


def header_findings(file: h5py.File, layout: Layout, counts_needed: bool) -> Iterator[Finding]:
    """Yield what the headers of matrices break; `counts_needed`: the assay measures RNA."""
    has_raw = layout.raw.path != "X"
    version = text_of(file.attrs.get("encoding-version"))
    if not layout.old and version != "0.1.0":
        yield rules.VERSION_UNKNOWN.broken("/", repr(shown(version)))
    if "X" not in file:
        yield rules.X_MISSING.broken("X", "no such matrix")
    for matrix in (layout.raw, *layout.layers.values()):
        if matrix.encoding == "csc":
            yield rules.NOT_CSR.broken(shown(matrix.path), "CSC")
    unfit = [path for path in layout.left_behind if path == "X" or path.startswith("layers/")]
    if unfit:
        yield rules.LAYER_UNFIT.broken(shown(unfit[0]), first_of(unfit), count=len(unfit))
    if counts_needed and layout.raw.dtype != "float32":
        yield rules.RAW_TYPE.broken(layout.raw.path, layout.raw.dtype)
    if counts_needed and not has_raw:
        yield rules.NOT_NORMALISED.broken("X", "raw counts in X, and no raw.X")


def mostly_zeros(matrix: Matrix, values: int) -> Iterator[Finding]:
    """Yield a finding for a dense matrix that is mostly zeros; `values`: how many are not."""
    size = matrix.shape[0] * matrix.shape[1]
    if matrix.encoding == "dense" and size and 1 - values / size > MOST_ZEROS:
        share = 1 - values / size
        yield rules.MOSTLY_ZEROS.broken(shown(matrix.path), f"{share:.1%} of the values are zero")


def values_by_column(file: h5py.File, matrix: Matrix, block_rows: int) -> tuple[npt.NDArray[np.int64], list[Finding]]:
    """Return how many values of each column are not zero, and what is wrong with the matrix's structure."""
    width = matrix.shape[1]
    found = np.zeros(width, np.int64)
    if matrix.encoding == "csc":
        return values_by_column_of_csc(file[matrix.path], matrix)
    if matrix.encoding == "csr":
        fault = indptr_fault(read_indptr(file, matrix), matrix.nnz)
        if fault is not None:
            return found, [anndata_rules.SPARSE_BROKEN.broken(f"{shown(matrix.path)}/indptr", fault)]
    for block in blocks(file, matrix, block_rows):
        indices = block.indices
        if indices.size and (int(indices.min()) < 0 or int(indices.max()) >= width):
            outside = f"column numbers {indices.min()} to {indices.max()} in rows {block.first} to {block.last - 1}"
            return found, [anndata_rules.SPARSE_BROKEN.broken(shown(matrix.path), outside)]
        stored = block.data != 0
        found += np.bincount(indices if stored.all() else indices[stored], minlength=width)
    return found, []


def values_by_column_of_csc(group: Any, matrix: Matrix) -> tuple[npt.NDArray[np.int64], list[Finding]]:
    """Return the same of a matrix that is stored column by column (see `values_by_column`)."""
    indptr = group["indptr"][()].astype(np.int64)
    fault = indptr_fault(indptr, matrix.nnz)
    if fault is not None:
        return np.zeros(matrix.shape[1], np.int64), [
            anndata_rules.SPARSE_BROKEN.broken(f"{shown(matrix.path)}/indptr", fault)
        ]
    return np.diff(indptr), []
