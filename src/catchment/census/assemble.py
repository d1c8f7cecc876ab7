"""Writes the census of a plan (Census schema 2.4.0) and the tables beside it.

The matrices are written in pieces that never meet, each under its own content key, by as many processes as fit; what is
there already, from a build that was killed or from an earlier census, is not written again. Then arrays of the final
shape take the pieces over by links, and the axes are written anew.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tiledbsoma

from catchment import __version__
from catchment.census.axes import obs_table
from catchment.census.axis import keep
from catchment.census.experiment import Experiment, gene_table, survey
from catchment.census.last_release import GENES_FILE, LEDGER_FILE, earlier_genes
from catchment.census.layers import join_parts, layer_digest, link_parts
from catchment.census.ledger import exclusion_table, from_rows, joinids_of, ledger_table
from catchment.census.measurements import measurement_table
from catchment.census.pieces import (
    NORMALIZED,
    RAW,
    STORES,
    WORKER_MB,
    Filled,
    Piece,
    PieceNote,
    fill_piece,
    pieces_of,
)
from catchment.census.summary import CellCounts, census_info
from catchment.compute import available_threads, each
from catchment.config import CensusAssemble
from catchment.schema.build_records import Census, Plan
from catchment.schema.columns import PIECES as PIECES_TABLE
from catchment.schema.records import Normalised
from catchment.soma import context, create_dataframe, fill_dataframe, matrix_options
from catchment.soma_digest import logical_digest
from catchment.storage import content_key, kept

logger = logging.getLogger(__name__)

SOMA, MEASUREMENTS, EXCLUSIONS, PIECES = "soma", "measurements.parquet", "exclusions.parquet", "pieces.parquet"
PRESENCE = "feature_dataset_presence_matrix"
WORKER_THREADS = 2
OBS_ROWS = 1 << 18  # rows of obs that are written at a time, one fragment each
PRESENCE_PAIRS = 1 << 22


def assemble(
    plan: Plan, contributions: Mapping[str, Normalised], workdir: Path, scratch: Path, settings: CensusAssemble
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
    earlier = earlier_genes(plan, workdir)
    experiments = [survey(plan, name, earlier, workdir, threads) for name in plan.organisms]
    parts = fill_pieces(experiments, workdir, settings, threads)
    addresses = create_layout(root, plan, experiments, settings)
    counts, known = {}, {}
    for experiment in experiments:
        name = experiment.name
        own = parts[name]
        nnz = np.zeros(experiment.genes.num_rows, np.int64)
        for part in own:
            nnz += part.filled.gene_nnz(nnz.size)
        for layer, address in addresses[name].layers.items():
            folders = [part.filled.folder / layer for part in own]
            if plan.dense:
                folders = [join_layer(experiment, layer, own, workdir, settings)]
            link_parts(folders, address)
            known[f"/{address.relative_to(root)}"] = layer_digest(
                digest for part in own for digest in part.filled.note.digests[layer]
            )
        counts[name] = fill_obs(experiment, own, addresses[name].obs, threads, whole=plan.dense)
        fill_dataframe(addresses[name].var, experiment.var(nnz), threads)
        logger.info("%s: %d cells, %d genes, %d pieces", name, plan.organisms[name], nnz.size, len(own))
    fill_info(root, census_info(plan, contributions, counts, today()), threads)
    keep(measurement_table(plan, contributions), scratch / MEASUREMENTS)
    keep(ledger_table(plan), scratch / LEDGER_FILE)
    keep(gene_table(experiments, earlier), scratch / GENES_FILE)
    keep(exclusion_table(plan), scratch / EXCLUSIONS)
    keep(piece_table([part for own in parts.values() for part in own]), scratch / PIECES)
    return Census(
        soma=SOMA,
        measurements=MEASUREMENTS,
        ledger=LEDGER_FILE,
        genes=GENES_FILE,
        exclusions=EXCLUSIONS,
        pieces=PIECES,
        logical_digest=logical_digest(str(root), threads, known),
        cells=plan.organisms,
    )


def today() -> date:
    """Return the day of the build (UTC). It is in the census, and no digest reads it."""
    return datetime.now(UTC).date()


# --- the matrices ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """A piece and what it has become."""

    piece: Piece
    filled: Filled


def fill_pieces(
    experiments: Sequence[Experiment], workdir: Path, settings: CensusAssemble, threads: int
) -> dict[str, list[Part]]:
    """Write every piece that is not there yet, and return those of each organism in order of their rows.

    Workers are processes: two threads of one process that open SOMA objects at the same time can crash tiledbsoma 2.3.0
    (docs/decisions/0007).
    """
    workers = max(1, min(threads // WORKER_THREADS, settings.memory_mb // WORKER_MB))
    pieces = [
        piece
        for experiment in experiments
        for piece in all_pieces(experiment, workdir, settings, max(1, threads // workers))
    ]
    parts: dict[str, list[Part]] = {experiment.name: [] for experiment in experiments}
    for piece, filled in zip(pieces, each(fill_piece, pieces, workers, processes=True), strict=True):
        parts[str(piece.planned.organism)].append(Part(piece, filled))
    return parts


def piece_table(parts: Iterable[Part]) -> pa.Table:
    """Return which piece filled which rows."""
    rows = (
        {
            "organism": part.piece.planned.organism,
            "dataset_id": part.piece.planned.dataset,
            "first_row": part.piece.first,
            "rows": part.piece.end - part.piece.first,
            "counts": part.filled.note.counts,
            "store_key": part.filled.key,
        }
        for part in parts
    )
    return from_rows(PIECES_TABLE, rows)


def all_pieces(experiment: Experiment, workdir: Path, settings: CensusAssemble, threads: int) -> Iterator[Piece]:
    """Yield the pieces of an organism, in order of their rows."""
    lengths = experiment.genes["feature_length"].to_numpy()
    for planned in experiment.datasets:
        axis, columns = experiment.axes[planned.dataset], experiment.gene_maps[planned.dataset]
        yield from pieces_of(planned, axis, columns, lengths, settings, workdir, threads)


def join_layer(
    experiment: Experiment, layer: str, parts: Sequence[Part], workdir: Path, settings: CensusAssemble
) -> Path:
    """Return the folder of a layer as one fragment, written once under a content key."""
    inputs = {str(number): part.filled.key for number, part in enumerate(parts)}
    store = workdir / STORES / content_key({**inputs, "layer": layer, "shape": str(experiment.shape)}, 1, None)

    def make(scratch: Path) -> PieceNote:
        folders = [part.filled.folder / layer for part in parts]
        join_parts(folders, scratch / layer, scratch / "parts", experiment.shape, settings.zstd_level)
        return PieceNote(counts=sum(part.filled.note.counts for part in parts), digests={}, files=())

    kept(store, PieceNote, make)
    return store / layer


# --- the empty census --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Addresses:
    """Where the parts of an organism's experiment are; `layers` by name."""

    obs: str
    var: str
    layers: dict[str, Path]


def create_layout(
    root: Path, plan: Plan, experiments: Sequence[Experiment], settings: CensusAssemble
) -> dict[str, Addresses]:
    """Create every group and array of the SOMA at its final shape, and return the addresses by organism."""
    created: Any = tiledbsoma.Collection.create(str(root), context=context())
    with created as census:
        census.metadata["created_on"] = datetime.now(UTC).isoformat(timespec="seconds")
        census.metadata["made_by"] = f"catchment {__version__}"
        # CZI's validator asks for the key; what is installed knows its version, not its commit
        census.metadata["git_commit_sha"] = f"catchment {__version__}"
        census.add_new_collection("census_info")
        data = census.add_new_collection("census_data")
        census.add_new_collection("census_spatial_sequencing")
        return {one.name: create_experiment(data, plan, one, settings, root) for one in experiments}


def create_experiment(data: Any, plan: Plan, experiment: Experiment, settings: CensusAssemble, root: Path) -> Addresses:
    """Create the groups and arrays of one organism; the presence matrix is filled at once."""
    own = data.add_new_collection(experiment.name, tiledbsoma.Experiment)
    measurement = own.add_new_collection("ms").add_new_collection("RNA", tiledbsoma.Measurement)
    layers = measurement.add_new_collection("X")
    options = matrix_options(settings.zstd_level)
    for name in (RAW, NORMALIZED) if settings.normalized_layer else (RAW,):
        layers.add_new_sparse_ndarray(name, type=pa.float32(), shape=experiment.shape, platform_config=options)
    shape = (joinids_of(plan), experiment.shape[1])
    presence = measurement.add_new_sparse_ndarray(PRESENCE, type=pa.bool_(), shape=shape)
    for table in presence_tables(experiment, whole=plan.dense):
        presence.write(table)
    obs = create_dataframe(own, "obs", experiment.empty_obs, rows=experiment.shape[0])
    var = create_dataframe(measurement, "var", experiment.var(np.zeros(experiment.genes.num_rows, np.int64)))
    folder = root / "census_data" / experiment.name / "ms/RNA/X"
    return Addresses(obs=obs, var=var, layers={name: folder / name for name in sorted(layers)})


def presence_tables(experiment: Experiment, whole: bool) -> Iterator[pa.Table]:
    """Yield which dataset (by joinid) measured which gene: a True for each pair, nothing else."""
    pairs: list[pa.Table] = []
    for planned in experiment.datasets:
        genes = experiment.measured_by(planned)
        joinids, trues = np.full(genes.size, planned.joinid), np.ones(genes.size, np.bool_)
        pairs.append(pa.table({"soma_dim_0": joinids, "soma_dim_1": genes, "soma_data": trues}))
        if not whole and sum(table.num_rows for table in pairs) >= PRESENCE_PAIRS:
            yield pa.concat_tables(pairs).combine_chunks()
            pairs.clear()
    if any(table.num_rows for table in pairs):
        yield pa.concat_tables(pairs).combine_chunks()


# --- the axes ----------------------------------------------------------------------------------------------------


def fill_obs(experiment: Experiment, parts: Sequence[Part], address: str, threads: int, whole: bool) -> CellCounts:
    """Write an organism's obs, and return its cells by group."""
    counts = CellCounts()
    for block in batches(obs_blocks(experiment, parts), whole):
        counts.add(block)
        fill_dataframe(address, block, threads)
    return counts


def obs_blocks(experiment: Experiment, parts: Sequence[Part]) -> Iterator[pa.Table]:
    """Yield the rows of obs of each piece."""
    dataset, cells, measured = "", pa.table({}), 0
    for part in parts:
        planned = part.piece.planned
        if planned.dataset != dataset:
            dataset, cells = planned.dataset, experiment.axes[planned.dataset].cells()
            measured = experiment.measured_by(planned).size
        own = cells.slice(part.piece.first - planned.first_row, part.piece.end - part.piece.first)
        statistics = part.filled.statistics()
        yield obs_table(own, planned, part.piece.first, statistics, measured, experiment.dictionaries)


def batches(tables: Iterable[pa.Table], whole: bool) -> Iterator[pa.Table]:
    """Yield tables joined to `OBS_ROWS` rows or a little more; all in one where the whole is asked for."""
    pending: list[pa.Table] = []
    for table in tables:
        pending.append(table)
        if not whole and sum(one.num_rows for one in pending) >= OBS_ROWS:
            yield pa.concat_tables(pending).combine_chunks()
            pending.clear()
    if pending:
        yield pa.concat_tables(pending).combine_chunks()


def fill_info(root: Path, tables: Mapping[str, pa.Table], threads: int) -> None:
    """Write the tables of `census_info`."""
    opened: Any = tiledbsoma.Collection.open(str(root / "census_info"), "w", context=context(threads))
    with opened as info:
        addresses = {
            name: create_dataframe(info, name, table, rows=(pc.max(table["soma_joinid"]).as_py() or 0) + 1)
            for name, table in tables.items()
        }
    for name, table in tables.items():
        fill_dataframe(addresses[name], table, threads)
