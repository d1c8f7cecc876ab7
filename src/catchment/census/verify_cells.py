"""One dataset's rows of an assembled census against the dataset itself: every count, share, statistic and label."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tiledbsoma

from catchment.census.axes import decoded, marked, with_general_tissue
from catchment.census.normalised import full_gene_assays, shares_of
from catchment.census.source import Block, Source, in_tile, row_blocks
from catchment.census.summary import CellCounts
from catchment.errors import CensusWrong
from catchment.schema.records import PlannedDataset
from catchment.soma import (
    TILE,
    Float32,
    Int64,
    RowTile,
    UInt32,
    column_keys,
    context,
    is_rising,
    read_parts,
    row_tile,
)
from catchment.vocabulary import organisms

SUM_TOLERANCE = 1e-4  # of the shares of a cell: each has 15 bits of mantissa


@dataclass(frozen=True)
class Part:
    """One dataset to check; `genes` are the ids of the organism's var, in its order."""

    planned: PlannedDataset
    root: Path
    workdir: Path
    genes: list[str]
    threads: int


@dataclass
class Checked:
    """What was counted on the way: values; columns of the dataset's genes; cells with each gene; cells by group."""

    gene_nnz: Int64
    genes: Int64
    values: int = 0
    groups: CellCounts = field(default_factory=CellCounts)


def require(holds: bool, message: str) -> None:
    """Raise where a claim does not hold."""
    if not holds:
        raise CensusWrong(f"census: {message}; do not release it, report this as a fault of catchment")


def check_dataset(part: Part) -> Checked:
    """Hold the rows of one dataset against the dataset."""
    planned = part.planned
    address = str(part.root / "census_data" / str(planned.organism))
    opened: Any = tiledbsoma.Experiment.open(address, context=context(part.threads))
    with opened as experiment, Source(planned, part.workdir, part.threads) as source:
        keys_of, genes = columns_of(source, part)
        checked = Checked(gene_nnz=np.zeros(len(part.genes), np.int64), genes=genes)
        rows = slice(planned.first_row, planned.first_row + planned.rows - 1)
        obs = experiment.obs.read(coords=(rows,)).concat().sort_by("soma_joinid").combine_chunks()
        own_obs = source.obs()
        check_obs(obs, with_general_tissue(own_obs), planned, len(genes))
        checked.groups.add(obs)
        full_gene = marked(own_obs, full_gene_assays())
        layers = experiment.ms["RNA"].X
        lengths = gene_lengths(experiment.ms["RNA"].var)
        for block in row_blocks(planned):
            raw = census_tile(layers["raw"], block, f"{planned.dataset}: X/raw")
            check_counts(raw, source.tile(block, keys_of), planned)
            check_statistics(raw, obs.slice(block.in_dataset.start, block.end - block.first), block, planned)
            if "normalized" in layers:
                expected = shares_of(raw, lengths, in_tile(full_gene, block))
                found = census_tile(layers["normalized"], block, f"{planned.dataset}: X/normalized")
                check_shares(found, raw, expected, planned)
                del found
            checked.values += raw.values.size
            for _, columns, _ in raw.batches():
                checked.gene_nnz += np.bincount(columns, minlength=checked.gene_nnz.size)
            del raw  # before the next one is read: the two would be the peak of memory
    return checked


def columns_of(source: Source, part: Part) -> tuple[UInt32, Int64]:
    """Return the key of the census's column of each of a dataset's, and the columns that it has, rising."""
    organism = next(one for one in organisms().values() if one.name == part.planned.organism)
    genes = source.genes(organism)
    place_of = {gene: place for place, gene in enumerate(part.genes)}
    places = [place_of.get(gene, -1) for gene in genes.table["feature_id"].to_pylist()]
    require(-1 not in places, f"{part.planned.dataset}: {places.count(-1)} genes are not in var")
    columns = np.full(genes.width, -1, np.int64)
    columns[genes.columns] = places
    return column_keys(columns), np.sort(np.array(places, np.int64))


def gene_lengths(var: Any) -> Int64:
    """Return the length of each gene, in order of the joinids."""
    table = var.read(column_names=["soma_joinid", "feature_length"]).concat().sort_by("soma_joinid")
    lengths: Int64 = table["feature_length"].to_numpy()
    return lengths


def census_tile(array: Any, block: Block, where: str) -> RowTile:
    """Return what a layer of the census stores of a block of rows; no two values may share a place."""
    tile = row_tile(read_parts(array, block.first, block.end), column_keys(np.arange(array.shape[1])))
    require(is_rising(tile.keys), f"{where}: a place holds two values, in rows {block.first} to {block.end - 1}")
    return tile


def check_counts(raw: RowTile, own: RowTile, planned: PlannedDataset) -> None:
    """Hold the counts of some rows against the dataset's, place by place and value by value."""
    require(bool(np.all(raw.values != 0)), f"{planned.dataset}: X/raw stores zeros")
    counts = (raw.keys.size, own.keys.size)
    require(counts[0] == counts[1], f"{planned.dataset}: {counts[0]} counts, the dataset has {counts[1]}")
    places = int(np.count_nonzero(raw.keys != own.keys))
    require(places == 0, f"{planned.dataset}: {places} counts of X/raw are not where the dataset has them")
    values = int(np.count_nonzero(raw.values != own.values))
    require(values == 0, f"{planned.dataset}: {values} counts of X/raw are not the dataset's")


def check_statistics(raw: RowTile, obs: pa.Table, block: Block, planned: PlannedDataset) -> None:
    """Hold what obs says of each cell's counts against the counts, by another formula than the writer's."""
    nnz = np.zeros(TILE, np.int64)
    sums, squares = np.zeros(TILE), np.zeros(TILE)
    for rows, _, values in raw.batches():
        nnz += np.bincount(rows, minlength=TILE)
        sums += np.bincount(rows, weights=values, minlength=TILE)
        squares += np.bincount(rows, weights=values.astype(np.float64) ** 2, minlength=TILE)
    variances = (squares - sums**2 / np.maximum(nnz, 1)) / np.maximum(nnz - 1, 1)
    expected = {"raw_sum": sums, "nnz": nnz, "raw_mean_nnz": sums / np.maximum(nnz, 1), "raw_variance_nnz": variances}
    # one pass over squares loses as many digits as the squares are larger than the variance
    slack = {"raw_variance_nnz": 1e-12 * squares}
    for name, all_rows in expected.items():
        found, wanted = obs[name].to_numpy(), all_rows[block.in_tile]
        allowed = 1e-12 * np.abs(wanted) + slack.get(name, np.zeros(TILE))[block.in_tile]
        wrong = np.flatnonzero(~(np.abs(found - wanted) <= allowed))
        if wrong.size:
            cell = int(wrong[0])
            where = f"obs/{name}[{block.first + cell}]"
            require(False, f"{planned.dataset}: {where} is {found[cell]}, its counts give {wanted[cell]}")


def check_shares(found: RowTile, raw: RowTile, expected: Iterable[Float32], planned: PlannedDataset) -> None:
    """Hold the normalised layer of some rows against the counts: same places, above 0, of a cell together 1."""
    where = f"{planned.dataset}: X/normalized"
    require(np.array_equal(found.keys, raw.keys), f"{where} has other places than X/raw")
    require(bool(np.all(found.values > 0)), f"{where} has values that are not above 0")
    sums, nnz, wrong = np.zeros(TILE), np.zeros(TILE, np.int64), 0
    for (rows, _, values), wanted in zip(found.batches(), expected, strict=True):
        sums += np.bincount(rows, weights=values, minlength=TILE)
        nnz += np.bincount(rows, minlength=TILE)
        wrong += int(np.count_nonzero(values != wanted))
    off = np.abs(sums - 1)[nnz > 0].max(initial=0)
    require(bool(off < SUM_TOLERANCE), f"{where}: the shares of a cell sum to 1 +- {off:g}")
    require(wrong == 0, f"{where}: {wrong} values are not what the counts give")


def check_obs(obs: pa.Table, own: pa.Table, planned: PlannedDataset, measured: int) -> None:
    """Hold the labels of a dataset's cells against the dataset's own."""
    require(obs.num_rows == planned.rows, f"{planned.dataset}: {obs.num_rows} rows of obs, expected {planned.rows}")
    for name in own.column_names:
        found, wanted = decoded(obs[name]), decoded(own[name])
        right = np.asarray(pc.fill_null(pc.equal(found, wanted.cast(found.type)), False))
        if not right.all():
            row = int(np.argmin(right))
            place = f"{planned.dataset}: obs/{name}[{planned.first_row + row}]"
            require(False, f"{place} is {found[row]}, the dataset has {wanted[row]}")
    named = pc.unique(decoded(obs["dataset_id"])).to_pylist()
    require(named == [planned.dataset], f"{planned.dataset}: its rows of obs are of {named}")
    numbers = pc.unique(obs["n_measured_vars"]).to_pylist()
    require(numbers == [measured], f"{planned.dataset}: n_measured_vars is {numbers}, expected {measured}")
