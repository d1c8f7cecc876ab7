"""One dataset's rows of an assembled census against the dataset itself: every count, share, statistic and label."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import tiledbsoma

from catchment.census.axes import decoded, marked, with_general_tissue
from catchment.census.normalised import DROPPED_BITS, full_gene_assays, shares
from catchment.census.source import Cells, Source, read_cells, row_blocks
from catchment.census.summary import CellCounts
from catchment.errors import CensusWrong
from catchment.schema.records import PlannedDataset
from catchment.soma import Int64, context, global_order
from catchment.vocabulary import organisms

SUM_TOLERANCE = 1e-4  # of the shares of a cell: 15 bits of mantissa
RELATIVE_TOLERANCE = 1e-9


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
        columns, genes = columns_of(source, part)
        checked = Checked(gene_nnz=np.zeros(len(part.genes), np.int64), genes=genes)
        rows = slice(planned.first_row, planned.first_row + planned.rows - 1)
        obs = experiment.obs.read(coords=(rows,)).concat().sort_by("soma_joinid").combine_chunks()
        own_obs = source.obs()
        check_obs(obs, with_general_tissue(own_obs), planned, len(genes))
        checked.groups.add(obs)
        full_gene = marked(own_obs, full_gene_assays())
        layers = experiment.ms["RNA"].X
        lengths = gene_lengths(experiment.ms["RNA"].var)
        for first, end in row_blocks(planned):
            own = slice(first - planned.first_row, end - planned.first_row)
            raw = in_order(read_cells(layers["raw"], first, end), f"{planned.dataset}: X/raw")
            check_counts(raw, source.cells(own.start, own.stop), columns, planned)
            check_statistics(raw, obs.slice(own.start, end - first), first, planned)
            if "normalized" in layers:
                found = in_order(read_cells(layers["normalized"], first, end), f"{planned.dataset}: X/normalized")
                check_shares(found, raw, first, lengths, full_gene[own], planned)
            checked.values += raw[2].size
            checked.gene_nnz += np.bincount(raw[1], minlength=checked.gene_nnz.size)
    return checked


def columns_of(source: Source, part: Part) -> tuple[Int64, Int64]:
    """Return the census's column of each of a dataset's (-1: left out), and those that it has, rising."""
    organism = next(one for one in organisms().values() if one.name == part.planned.organism)
    genes = source.genes(organism)
    place_of = {gene: place for place, gene in enumerate(part.genes)}
    places = [place_of.get(gene, -1) for gene in genes.table["feature_id"].to_pylist()]
    require(-1 not in places, f"{part.planned.dataset}: {places.count(-1)} genes are not in var")
    columns = np.full(genes.width, -1, np.int64)
    columns[genes.columns] = places
    return columns, np.sort(np.array(places, np.int64))


def gene_lengths(var: Any) -> Int64:
    """Return the length of each gene, in order of the joinids."""
    table = var.read(column_names=["soma_joinid", "feature_length"]).concat().sort_by("soma_joinid")
    lengths: Int64 = table["feature_length"].to_numpy()
    return lengths


def in_order(cells: Cells, where: str) -> Cells:
    """Return cells in global order; no two of them may share a place."""
    rows, columns, values = cells
    order = global_order(rows, columns)
    if order is None:  # strictly rising: no place twice
        return cells
    rows, columns, values = rows[order], columns[order], values[order]
    twice = int(np.count_nonzero((np.diff(rows) == 0) & (np.diff(columns) == 0)))
    require(twice == 0, f"{where}: {twice} places hold two values")
    return rows, columns, values


def check_counts(raw: Cells, own: Cells, columns: Int64, planned: PlannedDataset) -> None:
    """Hold the counts of some rows against the dataset's, place by place and value by value."""
    rows, mapped, values = own[0] + planned.first_row, columns[own[1]], own[2]
    kept = (values != 0) & (mapped >= 0)
    expected = in_order((rows[kept], mapped[kept], values[kept]), f"{planned.dataset}: its own X/raw")
    require(bool(np.all(raw[2] != 0)), f"{planned.dataset}: X/raw stores zeros")
    counts = (raw[2].size, expected[2].size)
    require(counts[0] == counts[1], f"{planned.dataset}: {counts[0]} counts, the dataset has {counts[1]}")
    for place, name in enumerate(("rows", "columns", "values")):
        wrong = np.flatnonzero(raw[place] != expected[place])
        if wrong.size:
            where = f"X/raw[{raw[0][wrong[0]]}, {raw[1][wrong[0]]}]"
            require(False, f"{planned.dataset}: {wrong.size} {name} differ from the dataset's, the first at {where}")


def check_statistics(raw: Cells, obs: pa.Table, first: int, planned: PlannedDataset) -> None:
    """Hold what obs says of each cell's counts against the counts, by other formulas than the writer's."""
    cells, values, count = raw[0] - first, raw[2].astype(np.longdouble), obs.num_rows
    order = np.argsort(cells, kind="stable")
    bounds = np.searchsorted(cells[order], np.arange(count))
    nnz = np.bincount(cells, minlength=count)
    filled = nnz > 0
    sums, squares = np.zeros(count, np.longdouble), np.zeros(count, np.longdouble)
    if values.size:
        sums[filled] = np.add.reduceat(values[order], bounds[filled])
        squares[filled] = np.add.reduceat(values[order] ** 2, bounds[filled])
    expected = {
        "raw_sum": sums,
        "nnz": nnz,
        "raw_mean_nnz": sums / np.maximum(nnz, 1),
        "raw_variance_nnz": (squares - sums**2 / np.maximum(nnz, 1)) / np.maximum(nnz - 1, 1),
    }
    for name, wanted in expected.items():
        found = obs[name].to_numpy()
        right = np.isclose(found, wanted.astype(np.float64), rtol=RELATIVE_TOLERANCE, atol=RELATIVE_TOLERANCE)
        if not right.all():
            cell = int(np.argmin(right))
            where = f"obs/{name}[{first + cell}]"
            require(False, f"{planned.dataset}: {where} is {found[cell]}, its counts give {wanted[cell]}")


def check_shares(
    found: Cells, raw: Cells, first: int, lengths: Int64, full_gene: npt.NDArray[np.bool_], planned: PlannedDataset
) -> None:
    """Hold the normalised layer of some rows against the counts: same places, above 0, of a cell together 1."""
    where = f"{planned.dataset}: X/normalized"
    same_places = np.array_equal(found[0], raw[0]) and np.array_equal(found[1], raw[1])
    require(same_places, f"{where} has other places than X/raw")
    values, cells = found[2], raw[0] - first
    require(bool(np.all(values > 0)), f"{where} has values that are not above 0")
    sums = np.bincount(cells, weights=values, minlength=full_gene.size)
    off = np.abs(sums - 1)[np.bincount(cells, minlength=full_gene.size) > 0]
    require(bool(np.all(off < SUM_TOLERANCE)), f"{where}: the shares of a cell sum to 1 +- {off.max(initial=0):g}")
    expected = shares(raw[2], raw[1], cells, lengths, full_gene)
    # a sum of quotients may come out one rounding apart where its terms are added in another order
    apart = np.abs(values.view(np.int32).astype(np.int64) - expected.view(np.int32))
    allowed = np.where(full_gene[cells], 1 << DROPPED_BITS, 0)
    wrong = int(np.count_nonzero(apart > allowed))
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
