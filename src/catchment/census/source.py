"""A single-cell dataset as the census reads it: its genes, its obs, its counts a block of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tiledbsoma

from catchment.census.axes import Genes, genes_of
from catchment.errors import BadInput
from catchment.schema.columns import OBS_FROM_DATASET, names
from catchment.schema.records import PlannedDataset
from catchment.soma import TILE, RowTile, UInt32, context, read_parts, row_tile
from catchment.vocabulary import Organism


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
        self._first_row = planned.first_row
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

    def tile(self, block: Block, keys_of: UInt32) -> RowTile:
        """Return the counts above 0 of a block of rows at the places that the census has for them.

        `keys_of`: `column_keys` of the census's column of each of the dataset's.
        """
        own = read_parts(self._counts, block.first - self._first_row, block.end - self._first_row)
        return row_tile(own, keys_of, self._first_row, zeros=False)

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._root.close()


@dataclass(frozen=True)
class Block:
    """Rows of one dataset within one row tile of the census: `first` to `end` - 1 of the census.

    `tile_row` is the tile's first row; `in_tile` the rows counted from it, `in_dataset` from the dataset's first.
    """

    first: int
    end: int
    tile_row: int
    in_tile: slice
    in_dataset: slice


def row_blocks(planned: PlannedDataset) -> Iterator[Block]:
    """Yield the rows of a dataset by row tiles of the census, in order."""
    first, end = planned.first_row, planned.first_row + planned.rows
    for tile_row in range(first // TILE * TILE, end, TILE):
        own_first, own_end = max(first, tile_row), min(end, tile_row + TILE)
        yield Block(
            first=own_first,
            end=own_end,
            tile_row=tile_row,
            in_tile=slice(own_first - tile_row, own_end - tile_row),
            in_dataset=slice(own_first - first, own_end - first),
        )


def in_tile(flags: npt.NDArray[np.bool_], block: Block) -> npt.NDArray[np.bool_]:
    """Return a flag for each row of a block's tile, from those of a dataset's rows; False for rows of others."""
    own = np.zeros(TILE, np.bool_)
    own[block.in_tile] = flags[block.in_dataset]
    return own
