"""Counts in containers other than an H5AD, as blocks of cells: one shape for 10x HDF5, Matrix Market and loom.

What a container holds is told from its headers (`Container`); its counts are read a block at a time, so memory does
not grow with the file, and written as an H5AD whose raw counts are float32 in CSR, as the schema has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from catchment.schema.records import Description, Finding
from catchment.singlecell import rules
from catchment.singlecell.columns import constant
from catchment.singlecell.frames import Frame
from catchment.singlecell.h5ad import ANNDATA, DICT, mark, write_table
from catchment.singlecell.layout import Unfit

CHUNK_VALUES = 1 << 17
FILTERED = "feature_is_filtered"
LARGEST_INT32 = (1 << 31) - 1


@dataclass(frozen=True)
class CountBlock:
    """Counts of some cells that follow each other: values per cell, then column and value of each."""

    per_cell: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    values: npt.NDArray[Any]


@dataclass(frozen=True)
class Container:
    """A file or folder of counts as its headers say: `read` yields all its cells, block by block, in their order.

    `kept` marks the genes among the features (antibodies and the like are none); None where all are.
    """

    format: str
    obs: Frame
    var: Frame
    stored: int
    dtype: str
    read: Callable[[], Iterator[CountBlock]]
    kept: npt.NDArray[np.bool_] | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and genes."""
        return len(self.obs.names), len(self.var.names)

    def description(self) -> Description:
        """Return what the headers say, in the terms of an H5AD."""
        return Description(
            format=self.format,
            reader="catchment",
            reader_version="1",
            axes=("obs", "var"),
            shape=self.shape,
            dtype=self.dtype,
            facts={"nnz": self.stored, "obs_columns": list(self.obs.columns), "var_columns": list(self.var.columns)},
        )


def write_h5ad(container: Container, target: Path) -> None:
    """Write a container as an H5AD.

    Raises
    ------
    Unfit
        Where counts contradict the headers.
    """
    with h5py.File(target, "x", locking=False) as file:
        mark(file, ANNDATA)
        for name in ("layers", "obsm", "varm", "obsp", "varp", "uns"):
            mark(file.create_group(name), DICT)
        write_table(file, "obs", container.obs)
        # one matrix: no gene can be filtered out of it (CELLxGENE schema 7.1.0, var)
        filtered = constant(False, len(container.var.names))
        write_table(file, "var", replace(container.var, columns={**container.var.columns, FILTERED: filtered}))
        write_matrix(file, container)


def write_matrix(file: h5py.File, container: Container) -> None:
    """Write the counts as X: CSR, float32, stored zeros left out."""
    cells, genes = container.shape
    matrix = file.create_group("X")
    mark(matrix, ("csr_matrix", "0.1.0"))
    matrix.attrs["shape"] = [cells, genes]
    options: dict[str, Any] = {"shape": (0,), "maxshape": (None,), "chunks": (CHUNK_VALUES,), "compression": "gzip"}
    data = matrix.create_dataset("data", dtype=np.float32, shuffle=True, **options)
    indices = matrix.create_dataset("indices", dtype=np.int32, shuffle=True, **options)
    lookup = None if container.kept is None else np.cumsum(container.kept) - 1
    counts: list[npt.NDArray[np.int64]] = []
    features = genes if container.kept is None else container.kept.size
    for block in container.read():
        columns, values = block.columns, block.values
        if columns.size and (int(columns.min()) < 0 or int(columns.max()) >= features):
            found = f"feature numbers {columns.min()} to {columns.max()} of {features:,} features"
            raise Unfit(rules.SPARSE_BROKEN.broken("the counts", found))
        cell = np.repeat(np.arange(block.per_cell.size), block.per_cell)
        wanted = values != 0
        if container.kept is not None and lookup is not None:
            wanted &= container.kept[columns]
            columns = lookup[columns]
        order = np.lexsort((columns[wanted], cell[wanted]))
        append(indices, columns[wanted][order])
        append(data, values[wanted][order])
        counts.append(np.bincount(cell[wanted], minlength=block.per_cell.size))
    indptr = np.concatenate([[0], *counts]).cumsum()
    if indptr.size != cells + 1:
        raise Unfit(rules.SPARSE_BROKEN.broken("the counts", f"{indptr.size - 1:,} cells", expected=f"{cells:,} cells"))
    matrix.create_dataset("indptr", data=indptr.astype(np.int32 if indptr[-1] <= LARGEST_INT32 else np.int64))


def append(dataset: h5py.Dataset, values: npt.NDArray[Any]) -> None:
    """Add values to the end of a list."""
    start = dataset.shape[0]
    dataset.resize((start + values.size,))
    dataset[start:] = values
