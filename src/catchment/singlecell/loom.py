"""Counts in a loom file: a dense matrix of genes by cells, read by blocks of cells.

Source: loompy, "Loom file format specs" 3.0.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

from catchment.singlecell import rules
from catchment.singlecell.counts import Container, CountBlock
from catchment.singlecell.frames import ColumnUnfit, Frame, plain_column
from catchment.singlecell.layout import Unfit, members
from catchment.singlecell.rules import first_of, shown

BLOCK_VALUES = 1 << 22
CELL_NAMES = ("CellID", "cell_id", "obs_names", "cell_names", "barcode", "barcodes")
GENE_IDS = ("Accession", "gene_ids", "gene_id", "ensembl_id", "var_names", "Gene", "gene_names")


def is_loom(file: h5py.File) -> bool:
    """Tell whether an HDF5 file is a loom: a matrix with attributes of its rows and columns."""
    groups = all(isinstance(file.get(name), h5py.Group) for name in ("row_attrs", "col_attrs"))
    return groups and isinstance(file.get("matrix"), h5py.Dataset)


def read_loom(file: h5py.File) -> Container:
    """Return what a loom file holds.

    Raises
    ------
    Unfit
        Where cells or genes have no names, or the parts contradict each other.
    """
    matrix = file["matrix"]
    if len(matrix.shape or ()) != 2 or matrix.dtype.kind not in "iuf":
        raise Unfit(rules.ENCODING.broken("matrix", f"a dataset of shape {matrix.shape} and type {matrix.dtype}"))
    genes, cells = (int(size) for size in matrix.shape)
    obs = side(file["col_attrs"], "col_attrs", CELL_NAMES, cells)
    var = side(file["row_attrs"], "row_attrs", GENE_IDS, genes)
    layers = members(file.get("layers"))
    left = [rules.LEFT_BEHIND.broken("layers", first_of(layers), count=len(layers))] if layers else []

    def read() -> Iterator[CountBlock]:
        step = max(1, BLOCK_VALUES // max(1, genes))
        for first in range(0, cells, step):
            dense = matrix[:, first : min(first + step, cells)].T
            rows, columns = np.nonzero(dense)
            yield CountBlock(np.bincount(rows, minlength=dense.shape[0]), columns, dense[rows, columns])

    return Container("loom", obs, var, genes * cells, str(matrix.dtype), read, findings=tuple(left))


def side(group: h5py.Group, path: str, names: tuple[str, ...], size: int) -> Frame:
    """Return the table of one side of the matrix; an attribute that is no list of values is left behind."""
    columns: dict[str, Any] = {}
    for name in group:
        try:
            values = plain_column(group[name])
        except ColumnUnfit:
            continue
        if len(values) != size:
            found = f"{len(values):,} values"
            raise Unfit(rules.SHAPES_DISAGREE.broken(f"{path}/{shown(name)}", found, expected=f"{size:,} values"))
        columns[name] = values
    named = next((name for name in names if name in columns), None)
    if named is None:
        raise Unfit(rules.NOT_ANNDATA.broken(path, "no names", expected=f"an attribute {' or '.join(names)}"))
    return Frame([str(value) for value in columns.pop(named).to_pylist()], columns)
