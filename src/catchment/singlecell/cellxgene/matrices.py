"""How matrices are encoded, and how many zeros they hold."""

from __future__ import annotations

from collections.abc import Iterator

import h5py

from catchment.schema.records import Finding
from catchment.singlecell.cellxgene import rules
from catchment.singlecell.layout import Layout, Matrix, text_of
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
