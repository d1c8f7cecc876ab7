"""A single-cell dataset as the census reads it: its genes, its obs, its counts a block of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tiledbsoma

from catchment.census.axes import Genes, genes_of
from catchment.census.inclusion import GROUPED, cells_in, groups_of
from catchment.errors import BadInput
from catchment.schema.build_records import CellGroup, PlannedDataset
from catchment.schema.columns import OBS_FROM_DATASET, names
from catchment.soma import TILE, Cells, Int64, RowTile, UInt32, context, read_parts, row_tile
from catchment.vocabulary import Organism


class Source:
    """The SOMA of one planned dataset, open for reading.

    Raises
    ------
    BadInput
        Where its shape is not the planned one: the store and the records of the build do not belong together.
    """

    def __init__(self, planned: PlannedDataset, workdir: Path, threads: int) -> None:
        self.dataset = planned.dataset
        uri = str(workdir / planned.store / planned.path)
        self._root = tiledbsoma.Experiment.open(uri, context=context(threads))
        self._measurement = self._root.ms["RNA"]
        self._counts: Any = self._measurement.X["raw"]
        self._first_row = planned.first_row
        rows, expected = self._root.obs.count, planned.rows + cells_in(planned.left_out)
        if rows != expected:
            self._root.close()
            raise BadInput(f"{planned.dataset}: obs has {rows} rows, the plan says {expected}; run the plan step again")
        self._kept = self._kept_rows(planned) if planned.left_out else None

    def _kept_rows(self, planned: PlannedDataset) -> Int64:
        """Return the rows of the dataset whose cells the census takes, rising."""
        table = self._root.obs.read(column_names=["soma_joinid", *GROUPED]).concat().sort_by("soma_joinid")
        left_out = {tuple(getattr(group, name) for name in GROUPED) for group in planned.left_out}
        groups = zip(*(table[name].to_pylist() for name in GROUPED), strict=True)
        kept: Int64 = np.flatnonzero(np.array([group not in left_out for group in groups], np.bool_))
        if kept.size != planned.rows:
            raise BadInput(
                f"{planned.dataset}: {kept.size} cells are in no group left out, the plan says {planned.rows}; "
                "run the plan step again"
            )
        return kept

    @property
    def nnz(self) -> int:
        """How many counts the dataset stores, by what its fragments say of themselves."""
        return int(self._counts.nnz)

    def genes(self, organism: Organism) -> Genes:
        """Return the genes of the organism that the dataset measured."""
        columns = ["var_id", "feature_name", "feature_type", "feature_length", "feature_biotype", "feature_reference"]
        table = self._measurement.var.read(column_names=["soma_joinid", *columns]).concat()
        return genes_of(table.sort_by("soma_joinid"), organism)

    def obs(self) -> pa.Table:
        """Return the columns of obs that the census takes, of the cells that it takes, in order of their rows."""
        columns = ["soma_joinid", *names(OBS_FROM_DATASET)]
        table = self._root.obs.read(column_names=columns).concat().sort_by("soma_joinid").drop_columns("soma_joinid")
        return table if self._kept is None else table.take(pa.array(self._kept))

    def tile(self, block: Block, keys_of: UInt32) -> RowTile:
        """Return the counts above 0 of a block of rows at the places that the census has for them.

        `keys_of`: `column_keys` of the census's column of each of the dataset's.
        """
        first, end = block.first - self._first_row, block.end - self._first_row
        if self._kept is None:
            own = read_parts(self._counts, first, end)
        else:
            own = self._parts_kept(first, self._kept[first:end])
        return row_tile(own, keys_of, self._first_row, zeros=False)

    def _parts_kept(self, first: int, kept: Int64) -> Iterator[Cells]:
        """Yield the counts of some rows of the dataset; rows are numbered among those kept, from `first`."""
        lowest = int(kept[0])
        places = np.full(int(kept[-1]) + 1 - lowest, -1, np.int64)
        places[kept - lowest] = np.arange(first, first + kept.size)
        for rows, columns, values in read_parts(self._counts, lowest, int(kept[-1]) + 1):
            own = places[rows - lowest]
            yield own[own >= 0], columns[own >= 0], values[own >= 0]

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._root.close()


def read_groups(uri: str) -> tuple[CellGroup, ...]:
    """Return how many cells of each group that inclusion rules tell apart a dataset's SOMA has."""
    with tiledbsoma.Experiment.open(uri, context=context()) as root:
        return groups_of(root.obs.read(column_names=list(GROUPED)).concat())


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


def row_blocks(planned: PlannedDataset, span: tuple[int, int] | None = None) -> Iterator[Block]:
    """Yield the rows of a dataset by row tiles of the census, in order; `span`: those of some rows of the census."""
    first = planned.first_row
    start, end = span or (first, first + planned.rows)
    for tile_row in range(start // TILE * TILE, end, TILE):
        own_first, own_end = max(start, tile_row), min(end, tile_row + TILE)
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
