"""Writes the census of a plan: the only file that writes the census's SOMA (Census schema 2.4.0) and tables.

One pass over each dataset writes its counts, its normalised counts and all statistics, in row tiles of the census, so
memory is bounded by one tile of 2,048 cells a worker. Each dataset is one fragment of each layer: writers never meet,
and a later release can share the fragments of this one. Every array has its final shape before the first cell is
written.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tiledbsoma

from catchment import __version__
from catchment.census.axes import marked, obs_table, with_general_tissue
from catchment.census.experiment import Experiment, survey
from catchment.census.ledger import ledger_table, measurement_table
from catchment.census.normalised import full_gene_assays, shares_of
from catchment.census.source import Source, in_tile, row_blocks
from catchment.census.statistics import CellStatistics, cell_statistics, joined
from catchment.census.summary import CellCounts, census_info
from catchment.compute import available_threads
from catchment.config import CensusSettings
from catchment.schema.records import Census, Normalised, Plan, PlannedDataset
from catchment.soma import (
    Int64,
    MatrixWriter,
    column_keys,
    context,
    create_dataframe,
    fill_dataframe,
    matrix_options,
)
from catchment.soma_digest import logical_digest

logger = logging.getLogger(__name__)

SOMA, MEASUREMENTS, LEDGER = "soma", "measurements.parquet", "ledger.parquet"
RAW, NORMALIZED, PRESENCE = "raw", "normalized", "feature_dataset_presence_matrix"


def assemble(
    plan: Plan, contributions: Mapping[str, Normalised], workdir: Path, scratch: Path, settings: CensusSettings
) -> Census:
    """Write SOMA and tables into `scratch` and return where they are.

    Parameters
    ----------
    contributions
        the last record of every dataset of the plan, by dataset accession.
    workdir
        the folder that the stores of the plan are relative to.
    """
    threads = available_threads()
    root = scratch / SOMA
    experiments = [survey(plan, name, workdir, threads) for name in plan.organisms]
    addresses = create_layout(root, plan, experiments, settings)
    counts = {experiment.name: CellCounts() for experiment in experiments}
    nnz = {experiment.name: np.zeros(experiment.genes.num_rows, np.int64) for experiment in experiments}
    for piece, filled in fill_matrices(experiments, addresses, workdir, threads):
        name = piece.experiment.name
        counts[name].add(fill_obs(piece, filled, threads))
        nnz[name] += filled.gene_nnz
    for experiment in experiments:
        fill_dataframe(addresses[experiment.name].var, experiment.var(nnz[experiment.name]), threads)
    fill_info(root, census_info(plan, contributions, counts, today()), threads)
    write_parquet(measurement_table(plan, contributions), scratch / MEASUREMENTS)
    write_parquet(ledger_table(plan), scratch / LEDGER)
    digest = logical_digest(str(root), threads)
    return Census(soma=SOMA, measurements=MEASUREMENTS, ledger=LEDGER, logical_digest=digest, cells=plan.organisms)


def today() -> date:
    """Return the day of the build (UTC). It is in the census, and no digest reads it."""
    return datetime.now(UTC).date()


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write a table; equal tables, equal bytes."""
    pq.write_table(table, path, compression="zstd", compression_level=3)


# --- the empty census --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Addresses:
    """Where the parts of an organism's experiment are; `normalized` is None where the settings leave it out."""

    obs: str
    var: str
    raw: str
    normalized: str | None


def create_layout(
    root: Path, plan: Plan, experiments: Sequence[Experiment], settings: CensusSettings
) -> dict[str, Addresses]:
    """Create every group and array of the SOMA at its final shape, and return the addresses by organism."""
    created: Any = tiledbsoma.Collection.create(str(root), context=context())
    with created as census:
        census.metadata["created_on"] = datetime.now(UTC).isoformat(timespec="seconds")
        census.metadata["made_by"] = f"catchment {__version__}"
        census.add_new_collection("census_info")
        data = census.add_new_collection("census_data")
        census.add_new_collection("census_spatial_sequencing")
        return {one.name: create_experiment(data, plan, one, settings) for one in experiments}


def create_experiment(data: Any, plan: Plan, experiment: Experiment, settings: CensusSettings) -> Addresses:
    """Create the groups and arrays of one organism; the presence matrix is filled at once."""
    own = data.add_new_collection(experiment.name, tiledbsoma.Experiment)
    measurement = own.add_new_collection("ms").add_new_collection("RNA", tiledbsoma.Measurement)
    layers = measurement.add_new_collection("X")
    options = matrix_options(settings.zstd_level)
    uris = {}
    for name in (RAW, NORMALIZED) if settings.normalized_layer else (RAW,):
        shape = experiment.shape
        uris[name] = layers.add_new_sparse_ndarray(name, type=pa.float32(), shape=shape, platform_config=options).uri
    joinids = max(dataset.joinid for dataset in plan.datasets) + 1
    presence = measurement.add_new_sparse_ndarray(PRESENCE, type=pa.bool_(), shape=(joinids, experiment.shape[1]))
    presence.write(presence_table(experiment))
    obs = create_dataframe(own, "obs", experiment.empty_obs, rows=experiment.shape[0])
    var = create_dataframe(measurement, "var", experiment.var(np.zeros(experiment.genes.num_rows, np.int64)))
    return Addresses(obs=obs, var=var, raw=uris[RAW], normalized=uris.get(NORMALIZED))


def presence_table(experiment: Experiment) -> pa.Table:
    """Return which dataset (by joinid) measured which gene: a True for each pair, nothing else."""
    genes = [experiment.measured_by(dataset) for dataset in experiment.datasets]
    joinids = [np.full(len(own), planned.joinid) for own, planned in zip(genes, experiment.datasets, strict=True)]
    rows, columns = np.concatenate(joinids), np.concatenate(genes)
    return pa.table({"soma_dim_0": rows, "soma_dim_1": columns, "soma_data": np.ones(rows.size, np.bool_)})


def fill_info(root: Path, tables: Mapping[str, pa.Table], threads: int) -> None:
    """Write the tables of `census_info`."""
    opened: Any = tiledbsoma.Collection.open(str(root / "census_info"), "w", context=context(threads))
    with opened as info:
        addresses = {name: create_dataframe(info, name, table) for name, table in tables.items()}
    for name, table in tables.items():
        fill_dataframe(addresses[name], table, threads)


def fill_obs(piece: Piece, filled: Filled, threads: int) -> pa.Table:
    """Write a dataset's rows of obs, and return them."""
    planned = piece.planned
    with Source(planned, piece.workdir, threads) as source:
        own = with_general_tissue(source.obs())
    measured = len(piece.experiment.measured_by(planned))
    block = obs_table(own, planned, filled.cells, measured, piece.experiment.dictionaries)
    fill_dataframe(piece.addresses.obs, block, threads)
    logger.info("%s: %d cells from row %d of %s", planned.dataset, planned.rows, planned.first_row, planned.organism)
    return block


# --- the matrices ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Piece:
    """One dataset to write into the matrices of its organism."""

    experiment: Experiment
    planned: PlannedDataset
    addresses: Addresses
    workdir: Path
    threads: int

    @property
    def gene_map(self) -> Int64:
        """The census's column of each column of the dataset; -1 where the census leaves it out."""
        return self.experiment.gene_maps[self.planned.dataset]


@dataclass(frozen=True)
class Filled:
    """What was learnt while a dataset was written: its cells' statistics, and in how many of them each gene counts."""

    cells: CellStatistics
    gene_nnz: Int64


def fill_matrices(
    experiments: Sequence[Experiment], addresses: Mapping[str, Addresses], workdir: Path, threads: int
) -> Iterator[tuple[Piece, Filled]]:
    """Write every dataset, one after the other, and yield each with what was learnt.

    TileDB's own threads do the work: two threads of one process that open SOMA objects at the same time can crash
    tiledbsoma 2.3.0 (docs/decisions/0007).
    """
    for experiment in experiments:
        for planned in experiment.datasets:
            piece = Piece(experiment, planned, addresses[experiment.name], workdir, threads)
            yield piece, fill_dataset(piece)


def fill_dataset(piece: Piece) -> Filled:
    """Write one dataset's counts and shares, one fragment a layer, a row tile of the census at a time."""
    planned, experiment, threads = piece.planned, piece.experiment, piece.threads
    keys_of = column_keys(experiment.gene_maps[planned.dataset])
    lengths = experiment.genes["feature_length"].to_numpy()
    gene_nnz = np.zeros(experiment.genes.num_rows, np.int64)
    parts = []
    with Source(planned, piece.workdir, threads) as source, ExitStack() as writers:
        raw = writers.enter_context(MatrixWriter(piece.addresses.raw, threads))
        normalized = None
        if piece.addresses.normalized is not None:
            normalized = writers.enter_context(MatrixWriter(piece.addresses.normalized, threads))
        full_gene = marked(source.obs(), full_gene_assays())
        for block in row_blocks(planned):
            tile = source.tile(block, keys_of)
            for rows, columns, values in tile.batches():
                raw.write(block.tile_row + rows, columns, values)
                gene_nnz += np.bincount(columns, minlength=gene_nnz.size)
            if normalized is not None:
                own_shares = shares_of(tile, lengths, in_tile(full_gene, block))
                for (rows, columns, _), values in zip(tile.batches(), own_shares, strict=True):
                    normalized.write(block.tile_row + rows, columns, values)
            parts.append(cell_statistics(tile, block.in_tile))
            del tile  # before the next one is read: the two would be the peak of memory
    return Filled(joined(parts), gene_nnz)
