"""What an organism's part of a census will hold, drawn from its datasets' axes before any count is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from catchment.census.axes import dictionaries_of, gene_map, union_of_genes, values_of, var_table
from catchment.census.axis import Axis, axis_of
from catchment.census.ledger import height_of, in_order
from catchment.schema.build_records import Plan, PlannedDataset
from catchment.schema.columns import GENES, OBS, TEXT, VAR_FROM_DATASET, names, to_table
from catchment.soma import Int64
from catchment.vocabulary import Organism, organisms


@dataclass(frozen=True)
class Experiment:
    """One organism's part of the census, known before anything is written.

    `datasets` in order of their rows; `height`: rows of its arrays, holes included; `axes`, `gene_maps`: by dataset,
    its tables, and the census's column of each of its columns. `dictionaries`: by column of obs.
    """

    organism: Organism
    datasets: tuple[PlannedDataset, ...]
    height: int
    genes: pa.Table
    axes: dict[str, Axis]
    gene_maps: dict[str, npt.NDArray[np.int32]]
    dictionaries: dict[str, list[str]]

    @property
    def name(self) -> str:
        """The organism as the census names it."""
        return self.organism.name

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and genes; an array of a SOMA has at least one of each."""
        return (self.height, max(self.genes.num_rows, 1))

    @property
    def empty_obs(self) -> pa.Table:
        """The organism's obs without its rows: its columns, types and dictionaries."""
        nothing = {column.name: pa.array([], column.type) for column in OBS}
        return to_table(OBS, nothing, self.dictionaries)

    def var(self, nnz: Int64) -> pa.Table:
        """Return the organism's var; `nnz`: cells in which each gene was counted."""
        measured = np.zeros(self.genes.num_rows, np.int64)
        for dataset in self.datasets:
            measured[self.measured_by(dataset)] += dataset.rows
        return var_table(self.genes, nnz, measured)

    def measured_by(self, dataset: PlannedDataset) -> Int64:
        """Return the columns of the census that a dataset measured, rising."""
        mapped = self.gene_maps[dataset.dataset]
        return np.sort(mapped[mapped >= 0]).astype(np.int64)


def survey(plan: Plan, name: str, earlier: pa.Table, workdir: Path, threads: int) -> Experiment:
    """Draw up an organism's experiment; `earlier`: the genes that have ids already. No count is read."""
    organism = next(one for one in organisms().values() if one.name == name)
    datasets = in_order(plan, name)
    axes = {one.dataset: axis_of(one, organism, workdir, threads) for one in datasets}
    by_name = sorted(axes)
    own = earlier.filter(pc.equal(earlier["organism"], name))
    union = union_of_genes((axes[one].genes().table for one in by_name), own)
    return Experiment(
        organism=organism,
        datasets=datasets,
        height=height_of(plan, name),
        genes=union,
        axes=axes,
        gene_maps={one: gene_map(axes[one].genes(), union).astype(np.int32) for one in by_name},
        dictionaries=dictionaries_of([values_of(axes[one].cells()) for one in by_name], datasets),
    )


def gene_table(experiments: Sequence[Experiment], earlier: pa.Table) -> pa.Table:
    """Return which gene has which id, of all organisms: also of those that have no cells in this census."""
    tables = [
        earlier.filter(pc.invert(pc.is_in(earlier["organism"], pa.array([one.name for one in experiments], TEXT))))
    ]
    for one in experiments:
        columns = {name: one.genes[name] for name in names(VAR_FROM_DATASET)}
        rows = one.genes.num_rows
        tables.append(
            pa.table({"organism": pa.array([one.name] * rows, TEXT), "soma_joinid": np.arange(rows), **columns})
        )
    schema = pa.schema([(column.name, column.type) for column in GENES])
    whole = pa.concat_tables([table.select(schema.names).cast(schema) for table in tables])
    return whole.sort_by([("organism", "ascending"), ("soma_joinid", "ascending")])
