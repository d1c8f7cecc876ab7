"""What an organism's part of a census will hold, read from its datasets before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from catchment.census.axes import (
    Genes,
    dictionaries_of,
    gene_map,
    union_of_genes,
    values_of,
    var_table,
    with_general_tissue,
)
from catchment.census.source import Source
from catchment.schema.columns import OBS, to_table
from catchment.schema.records import Plan, PlannedDataset
from catchment.soma import Int64
from catchment.vocabulary import Organism, organisms


@dataclass(frozen=True)
class Experiment:
    """One organism's part of the census, known before anything is written.

    `gene_maps`: by dataset, the census's column of each of its columns. `dictionaries`: by column of obs.
    """

    organism: Organism
    datasets: tuple[PlannedDataset, ...]
    genes: pa.Table
    gene_maps: dict[str, Int64]
    dictionaries: dict[str, list[str]]

    @property
    def name(self) -> str:
        """The organism as the census names it."""
        return self.organism.name

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and genes; an array of a SOMA has at least one of each."""
        return (sum(dataset.rows for dataset in self.datasets), max(self.genes.num_rows, 1))

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
        return np.sort(mapped[mapped >= 0])


def survey(plan: Plan, name: str, workdir: Path, threads: int) -> Experiment:
    """Read the genes and the values of obs of an organism's datasets; no counts."""
    organism = next(one for one in organisms().values() if one.name == name)
    datasets = tuple(dataset for dataset in plan.datasets if dataset.organism == name)
    genes: dict[str, Genes] = {}
    values: list[dict[str, set[str]]] = []
    for planned in datasets:
        with Source(planned, workdir, threads) as source:
            genes[planned.dataset] = source.genes(organism)
            values.append(values_of(with_general_tissue(source.obs())))
    union = union_of_genes([one.table for one in genes.values()])
    return Experiment(
        organism=organism,
        datasets=datasets,
        genes=union,
        gene_maps={dataset: gene_map(one, union) for dataset, one in genes.items()},
        dictionaries=dictionaries_of(values, datasets),
    )
