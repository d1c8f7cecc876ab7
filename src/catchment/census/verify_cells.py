"""One dataset's rows of an assembled census against the dataset itself: every count, share, statistic and label."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catchment.census.axes import decoded, gene_map, marked
from catchment.census.axis import Axis
from catchment.census.faults import require
from catchment.census.layers import tile_digest
from catchment.census.normalised import full_gene_assays, shares_of
from catchment.census.pieces import NORMALIZED, RAW, STORES, Filled, PieceNote
from catchment.census.source import Block, Source, in_tile, row_blocks
from catchment.census.summary import CellCounts
from catchment.schema.build_records import PlannedDataset
from catchment.schema.columns import OBS
from catchment.schema.records import Shape
from catchment.soma import TILE, Float32, Int64, RowTile, column_keys, is_rising, read_tile
from catchment.storage import NOTE, kept
from catchment.tiles import TILE_BITS

SUM_TOLERANCE = 1e-4  # of the shares of a cell: each has 15 bits of mantissa
VERSION = 1  # raise it when, and only when, more is asked of a piece
VERIFIED = f"store/census/verified-{VERSION}"
STATISTICS = ("raw_sum", "nnz", "raw_mean_nnz", "raw_variance_nnz")


@dataclass(frozen=True)
class Part:
    """One dataset to check, in an open experiment; `genes` are the ids of the organism's var, in its order.

    `pieces`: the rows that the census's table of pieces has for it; `sealed`: by path, the digest of each file.
    """

    planned: PlannedDataset
    axis: Axis
    experiment: Any
    root: Path
    store: Path
    workdir: Path
    genes: list[str]
    pieces: list[dict[str, Any]]
    sealed: dict[str, str]
    threads: int


@dataclass
class Checked:
    """What was counted on the way: values; columns of the dataset's genes; cells with each gene; cells by group.

    `digests`: by layer, of each row tile; `values_read`: those that were read, not taken for what they were before.
    """

    gene_nnz: Int64
    genes: Int64
    digests: dict[str, list[str]]
    values: int = 0
    values_read: int = 0
    groups: CellCounts = field(default_factory=CellCounts)


class VerifiedPiece(Shape):
    """A piece that was held against its source, value by value."""

    counts: int


def check_dataset(part: Part) -> Checked:
    """Hold the rows of one dataset against the dataset."""
    planned, experiment = part.planned, part.experiment
    columns, genes = columns_of(part)
    layers = experiment.ms["RNA"].X
    checked = Checked(gene_nnz=np.zeros(len(part.genes), np.int64), genes=genes, digests={one: [] for one in layers})
    own_obs = part.axis.cells()
    end = planned.first_row
    for row in part.pieces:
        require(row["first_row"] == end, f"{planned.dataset}: no piece has row {end}")
        start, end = end, end + row["rows"]
        obs = experiment.obs.read(coords=(slice(start, end - 1),)).concat().sort_by("soma_joinid").combine_chunks()
        check_dictionaries(obs, f"census_data/{planned.organism}/obs")
        check_obs(obs, own_obs.slice(start - planned.first_row, end - start), start, planned, len(genes))
        checked.groups.add(obs)
        filled = filled_piece(part, row["store_key"])
        if filled is not None and (part.workdir / VERIFIED / filled.key / NOTE).exists():
            take_over(filled, obs, checked, planned)
        else:
            before = checked.values
            check_piece(part, columns, own_obs, obs, (start, end), checked)
            checked.values_read += checked.values - before
            if filled is not None:
                mark_verified(part.workdir / VERIFIED / filled.key, VerifiedPiece(counts=checked.values - before))
    require(end == planned.first_row + planned.rows, f"{planned.dataset}: no piece has row {end}")
    return checked


def mark_verified(store: Path, note: VerifiedPiece) -> None:
    """Keep that a piece was held against its source."""
    kept(store, VerifiedPiece, lambda _: note)


def filled_piece(part: Part, key: str) -> Filled | None:
    """Return the piece that the census has byte for byte, by the digests of files sealed; None where it has not."""
    folder = part.workdir / STORES / key
    if not (folder / NOTE).exists():
        return None
    note = PieceNote.model_validate_json((folder / NOTE).read_bytes())
    layers = (part.root / "census_data" / str(part.planned.organism) / "ms/RNA/X").relative_to(part.store)
    shared = all(part.sealed.get(f"{layers}/{file.path}") == file.sha256 for file in note.files)
    return Filled(folder, note) if shared else None


def take_over(filled: Filled, obs: pa.Table, checked: Checked, planned: PlannedDataset) -> None:
    """Count a piece that was checked before; what obs says of its cells is what was said then."""
    statistics = filled.statistics()
    for name in STATISTICS:
        same = obs[name].combine_chunks().equals(statistics[name])
        require(same, f"{planned.dataset}: obs/{name} is not what its counts gave before")
    checked.values += filled.note.counts
    checked.gene_nnz += filled.gene_nnz(checked.gene_nnz.size)
    for layer, own in checked.digests.items():
        own += filled.note.digests[layer]


def check_piece(
    part: Part, columns: Int64, own_obs: pa.Table, obs: pa.Table, span: tuple[int, int], checked: Checked
) -> None:
    """Hold some rows, from `span[0]` to `span[1]` - 1, against the dataset, a row tile at a time."""
    planned = part.planned
    keys_of = column_keys(columns)
    full_gene = marked(own_obs, full_gene_assays())
    layers = part.experiment.ms["RNA"].X
    lengths = gene_lengths(part.experiment.ms["RNA"].var)
    with Source(planned, part.workdir, part.threads) as source:
        for block in row_blocks(planned, span):
            raw = census_tile(layers[RAW], block, f"{planned.dataset}: X/raw")
            check_counts(raw, source.tile(block, keys_of), planned)
            check_statistics(raw, obs.slice(block.first - span[0], block.end - block.first), block, planned)
            checked.digests[RAW].append(tile_digest(raw, block.first))
            if NORMALIZED in layers:
                expected = shares_of(raw, lengths, in_tile(full_gene, block))
                found = census_tile(layers[NORMALIZED], block, f"{planned.dataset}: X/normalized")
                check_shares(found, raw, expected, planned)
                checked.digests[NORMALIZED].append(tile_digest(found, block.first))
                del found
            checked.values += raw.values.size
            for _, genes, _ in raw.batches():
                checked.gene_nnz += np.bincount(genes, minlength=checked.gene_nnz.size)
            del raw  # before the next one is read: the two would be the peak of memory


def columns_of(part: Part) -> tuple[Int64, Int64]:
    """Return the census's column of each of a dataset's, and the columns that it has, rising."""
    genes = part.axis.genes()
    census = pa.table({"feature_id": pa.array(part.genes, pa.large_string())})
    known = pc.is_in(genes.table["feature_id"], value_set=census["feature_id"].combine_chunks())
    missing = int(pc.sum(pc.invert(known)).as_py() or 0)
    require(missing == 0, f"{part.planned.dataset}: {missing} genes are not in var")
    columns = gene_map(genes, census)
    return columns, np.sort(columns[columns >= 0])


def gene_lengths(var: Any) -> Int64:
    """Return the length of each gene, in order of the joinids."""
    table = var.read(column_names=["soma_joinid", "feature_length"]).concat().sort_by("soma_joinid")
    lengths: Int64 = table["feature_length"].to_numpy()
    return lengths


def census_tile(array: Any, block: Block, where: str) -> RowTile:
    """Return what a layer of the census stores of a block of rows; no two values may share a place."""
    tile = read_tile(array, block.first, block.end)
    tile = RowTile(tile.keys + np.uint32(block.in_tile.start << TILE_BITS), tile.values)
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


def check_dictionaries(obs: pa.Table, where: str) -> None:
    """Look every code of some rows of obs up: a dictionary that was lost reads back as numbers of no values."""
    for name in (column.name for column in OBS if column.coded):
        column = obs[name].combine_chunks()
        highest, found = pc.max(column.indices).as_py(), len(column.dictionary)
        require(highest < found, f"{where}/{name}: the dictionary has {found} values, cells have {highest + 1}")


def check_obs(obs: pa.Table, own: pa.Table, first: int, planned: PlannedDataset, measured: int) -> None:
    """Hold the labels of some of a dataset's cells, from row `first` of the census, against the dataset's own."""
    require(obs.num_rows == own.num_rows, f"{planned.dataset}: {obs.num_rows} rows of obs, expected {own.num_rows}")
    for name in own.column_names:
        found, wanted = decoded(obs[name]), decoded(own[name])
        right = np.asarray(pc.fill_null(pc.equal(found, wanted.cast(found.type)), False))
        if not right.all():
            row = int(np.argmin(right))
            place = f"{planned.dataset}: obs/{name}[{first + row}]"
            require(False, f"{place} is {found[row]}, the dataset has {wanted[row]}")
    named = pc.unique(decoded(obs["dataset_id"])).to_pylist()
    require(named == [planned.dataset], f"{planned.dataset}: its rows of obs are of {named}")
    numbers = pc.unique(obs["n_measured_vars"]).to_pylist()
    require(numbers == [measured], f"{planned.dataset}: n_measured_vars is {numbers}, expected {measured}")
