"""Cells that several datasets of a plan have as primary data: told by hashes of their raw counts, which `admit` left.

A hash depends on gene ids and counts alone, so that a cell is known again with its genes in another order, or with
genes that nothing was counted of. Datasets are read a share of the hashes at a time: memory does not grow with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from catchment.census.inclusion import GROUPED
from catchment.census.rules import REPEATED_CELLS
from catchment.schema.build_records import PlannedDataset
from catchment.schema.columns import CELL_HASHES_FILE
from catchment.schema.records import Finding, Normalised

CELLS_AT_ONCE = 1 << 24
SHOWN = 3

Int64 = npt.NDArray[np.int64]
Pairs = dict[tuple[int, int], tuple[int, list[tuple[int, int]]]]


def repeated_cells(
    datasets: Sequence[PlannedDataset], records: Mapping[str, Normalised], workdir: Path
) -> tuple[Finding, ...]:
    """Return a finding for each two datasets that have cells in common, in order of the datasets.

    `records`: by dataset, its last record. A dataset that `admit` left no hashes of takes no part.
    """
    files = {one.dataset: path for one in datasets if (path := hashes_of(records[one.dataset], workdir)) is not None}
    known = [one for one in datasets if one.dataset in files]
    shares = max(1, -(-sum(one.rows for one in known) // CELLS_AT_ONCE))
    pairs: Pairs = {}
    for share in range(shares):
        parts = [cells_of(files[one.dataset], one, share, shares) for one in known]
        add_pairs(pairs, parts)
    findings = []
    for (later, first), (cells, examples) in sorted(pairs.items()):
        names, first_names = (names_of(files[known[number].dataset]) for number in (later, first))
        shown = ", ".join(f"{names[row]!r} = {first_names[same]!r}" for row, same in sorted(examples)[:SHOWN])
        rest = f" and {cells - SHOWN:,} more" if cells > SHOWN else ""
        found = f"{cells:,} primary cells have the counts of primary cells of {known[first].dataset}: {shown}{rest}"
        findings.append(REPEATED_CELLS.broken(known[later].dataset, found, count=cells))
    return tuple(findings)


def hashes_of(record: Normalised, workdir: Path) -> Path | None:
    """Return where the hashes of a dataset's cells are; None where there are none."""
    prepared = record.prepared
    if prepared is None or all(file.path != CELL_HASHES_FILE for file in prepared.files):
        return None
    return workdir / prepared.store / CELL_HASHES_FILE


def cells_of(path: Path, planned: PlannedDataset, share: int, shares: int) -> tuple[Int64, npt.NDArray[np.uint64]]:
    """Return rows and hashes (cells x 2) of the primary cells that the census takes, of one share of all hashes."""
    table = pq.read_table(path, columns=["is_primary_data", "hash_high", "hash_low"])
    hashes = np.column_stack([table["hash_high"].to_numpy(), table["hash_low"].to_numpy()])
    wanted = (
        table["is_primary_data"].fill_null(False).to_numpy()
        & hashes.any(axis=1)
        & (hashes[:, 0] % np.uint64(shares) == share)
    )
    if planned.left_out:
        left_out = {tuple(getattr(group, name) for name in GROUPED) for group in planned.left_out}
        own = pq.read_table(path, columns=list(GROUPED))
        groups = zip(*(own[name].to_pylist() for name in GROUPED), strict=True)
        wanted &= np.fromiter((group not in left_out for group in groups), np.bool_, own.num_rows)
    rows: Int64 = np.flatnonzero(wanted)
    return rows, hashes[rows]


def add_pairs(pairs: Pairs, parts: Sequence[tuple[Int64, npt.NDArray[np.uint64]]]) -> None:
    """Add, for each two datasets, how many cells of the later one the earlier one has, and the first few of them.

    A cell that several earlier datasets have counts for the first of them.
    """
    if len(parts) < 2:
        return
    numbers = np.repeat(np.arange(len(parts)), [rows.size for rows, _ in parts])
    rows, hashes = (np.concatenate(column) for column in zip(*parts, strict=True))
    # stable: equal hashes stay in order of datasets and rows
    order = np.lexsort((hashes[:, 1], hashes[:, 0]))
    new = np.ones(order.size, np.bool_)
    new[1:] = (hashes[order[1:]] != hashes[order[:-1]]).any(axis=1)
    first = order[np.maximum.accumulate(np.where(new, np.arange(order.size), 0))] if order.size else order
    again = numbers[order] != numbers[first]
    later, earlier = order[again], first[again]
    keys, which, counts = np.unique(
        numbers[later] * len(parts) + numbers[earlier], return_inverse=True, return_counts=True
    )
    for at, (key, count) in enumerate(zip(keys.tolist(), counts.tolist(), strict=True)):
        own = np.flatnonzero(which == at)
        own = own[np.argsort(rows[later[own]], kind="stable")][:SHOWN]
        cells, examples = pairs.get(divmod(key, len(parts)), (0, []))
        found = [(int(rows[later[one]]), int(rows[earlier[one]])) for one in own]
        pairs[divmod(key, len(parts))] = cells + count, examples + found


def names_of(path: Path) -> list[str]:
    """Return the names of a dataset's cells."""
    names: list[str] = pq.read_table(path, columns=["obs_id"])["obs_id"].to_pylist()
    return names
