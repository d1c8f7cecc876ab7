"""A single-cell dataset as the census reads it: its genes, its obs, its counts a block of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import tiledbsoma

from catchment.census.axes import Genes, genes_of
from catchment.errors import BadInput
from catchment.schema.columns import OBS_FROM_DATASET, names
from catchment.schema.records import PlannedDataset
from catchment.soma import TILE, Float32, Int64, context
from catchment.vocabulary import Organism

Cells = tuple[Int64, Int64, Float32]


class Source:
    """The SOMA of one planned dataset, open for reading.

    Raises
    ------
    BadInput
        Where its shape is not the planned one: the store and the records of the build do not belong together.
    """

    def __init__(self, planned: PlannedDataset, workdir: Path, threads: int) -> None:
        uri = str(workdir / planned.store / planned.path)
        self._root = tiledbsoma.Experiment.open(uri, context=context(threads))
        self._measurement = self._root.ms["RNA"]
        self._counts = self._measurement.X["raw"]
        rows = self._root.obs.count
        if rows != planned.rows:
            raise BadInput(
                f"{planned.dataset}: obs has {rows} rows, the plan says {planned.rows}; run the plan step again"
            )

    def genes(self, organism: Organism) -> Genes:
        """Return the genes of the organism that the dataset measured."""
        columns = ["var_id", "feature_name", "feature_type", "feature_length", "feature_biotype", "feature_reference"]
        table = self._measurement.var.read(column_names=["soma_joinid", *columns]).concat()
        return genes_of(table.sort_by("soma_joinid"), organism)

    def obs(self) -> pa.Table:
        """Return the columns of obs that the census takes, in order of the dataset's rows."""
        columns = ["soma_joinid", *names(OBS_FROM_DATASET)]
        return self._root.obs.read(column_names=columns).concat().sort_by("soma_joinid").drop_columns("soma_joinid")

    def cells(self, first: int, end: int) -> Cells:
        """Return row, column and value of every stored count of rows `first` to `end` - 1."""
        return read_cells(self._counts, first, end)

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._root.close()


def read_cells(array: Any, first: int, end: int) -> Cells:
    """Return row, column and value of every cell stored in rows `first` to `end` - 1 of a sparse matrix."""
    table = array.read((slice(first, end - 1),)).tables().concat()
    return (table["soma_dim_0"].to_numpy(), table["soma_dim_1"].to_numpy(), table["soma_data"].to_numpy())


def row_blocks(planned: PlannedDataset) -> Iterator[tuple[int, int]]:
    """Yield first and end row (in the census) of each row tile that a dataset has rows in."""
    end = planned.first_row + planned.rows
    first = planned.first_row
    while first < end:
        following = min((first // TILE + 1) * TILE, end)
        yield first, following
        first = following
