"""What the census takes from a dataset beside its counts: its cells and genes, read once and kept under a content key.

A dataset that did not change is not opened again: the next census reads the two tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from catchment.census.axes import Genes, values_of, with_general_tissue
from catchment.census.ledger import selection_of
from catchment.census.source import Source
from catchment.schema.build_records import PlannedDataset
from catchment.schema.records import Shape
from catchment.storage import content_key, kept
from catchment.vocabulary import Organism

VERSION = 1  # raise it when, and only when, the tables change
STORES = "store/census/axes"
CELLS, GENES = "cells.parquet", "genes.parquet"


class AxisNote(Shape):
    """What is known of a dataset without its tables: columns of its matrix, counts that it stores."""

    width: int
    nnz: int


@dataclass(frozen=True)
class Axis:
    """The folder of a dataset's two tables."""

    folder: Path
    note: AxisNote

    def cells(self, columns: list[str] | None = None) -> pa.Table:
        """Return what obs takes of the cells that the census takes, in order of their rows."""
        return read_table(self.folder / CELLS, columns)

    def genes(self) -> Genes:
        """Return the genes that the census takes, and which columns of the dataset's matrix they are."""
        table = read_table(self.folder / GENES)
        columns = table["column"].to_numpy()
        return Genes(table=table.drop_columns("column"), columns=columns, width=self.note.width)


def read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Return a table of one file; no thread of its own, no dataset of files around it."""
    return pq.ParquetFile(path).read(columns=columns, use_threads=False)


def axis_of(planned: PlannedDataset, organism: Organism, workdir: Path, threads: int) -> Axis:
    """Return a dataset's axis; the dataset is opened only where its key is not there yet."""
    inputs = {
        "dataset": planned.logical_digest,
        "organism": organism.id,
        "selection": selection_of(planned.left_out),
        "cells": str(planned.rows),
    }
    store = workdir / STORES / content_key(inputs, VERSION, None)

    def make(scratch: Path) -> AxisNote:
        with Source(planned, workdir, threads) as source:
            genes, cells = source.genes(organism), with_general_tissue(source.obs())
            values_of(cells)  # refuses values that are missing
            keep(cells, scratch / CELLS)
            keep(genes.table.append_column("column", pa.array(genes.columns.astype(np.int64))), scratch / GENES)
            return AxisNote(width=genes.width, nnz=source.nnz)

    return Axis(store, kept(store, AxisNote, make))


def keep(table: pa.Table, path: Path) -> None:
    """Write a table; equal tables, equal bytes."""
    options: dict[str, Any] = {"compression": "zstd", "compression_level": 3}
    pq.write_table(table, path, **options)
