"""A piece of the matrices: some rows of one dataset, written once under a content key, alone.

Pieces of one census never meet: each is a folder of its own until it is whole, then one rename makes it there. A build
that was killed writes again what was not there; a later census links what did not change. Nothing is locked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from catchment.census.axes import marked
from catchment.census.axis import Axis, keep, read_table
from catchment.census.layers import create_part, tile_digest
from catchment.census.ledger import selection_of
from catchment.census.normalised import full_gene_assays, shares_of
from catchment.census.source import Source, in_tile, row_blocks
from catchment.census.statistics import CellStatistics, cell_statistics, joined
from catchment.config import CensusAssemble
from catchment.schema.build_records import PlannedDataset
from catchment.schema.records import Shape, StoredFile
from catchment.soma import TILE, Int64, MatrixWriter, RowTile, column_keys
from catchment.storage import content_key, digest_bytes, kept, stored_files

VERSION = 1  # raise it when, and only when, what a piece holds changes
STORES = "store/census/pieces"
RAW, NORMALIZED = "raw", "normalized"
CELLS, GENES = "cells.parquet", "genes.parquet"
PIECE_ROWS = 64 * TILE  # 131,072 cells: enough to pay for a fragment, few enough to share a dataset among workers
WORKER_MB = 1_000  # what a worker may use, where so much is given
# of a worker's peak, measured with 1.8 to 10.2 million counts in a row tile: what is there without, and for each (0067)
WORKER_BASE_MB, BYTES_A_COUNT = 530, 47


class PieceNote(Shape):
    """What was learnt while a piece was written: how many counts it has, the digest of each of its row tiles, by layer.

    `files`: those of its layers, which a census that has the piece has too.
    """

    counts: int
    digests: dict[str, tuple[str, ...]]
    files: tuple[StoredFile, ...]


@dataclass(frozen=True)
class Piece:
    """Rows `first` to `end` - 1 of the census, all of one dataset.

    `columns`: the census's column of each of the dataset's, -1 for none. `lengths`: of each gene of the census; None
    where no cell was measured by an assay of full-length transcripts.
    """

    planned: PlannedDataset
    first: int
    end: int
    axis: Axis
    columns: npt.NDArray[np.int32]
    lengths: Int64 | None
    settings: CensusAssemble
    workdir: Path
    threads: int

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that it has."""
        return (RAW, NORMALIZED) if self.settings.normalized_layer else (RAW,)

    @property
    def store(self) -> Path:
        """The folder under its content key."""
        lengths = b"" if self.lengths is None else self.lengths[self.columns[self.columns >= 0]].tobytes()
        inputs = {
            "dataset": self.planned.logical_digest,
            "selection": selection_of(self.planned.left_out),
            "rows": f"{self.planned.first_row} {self.first} {self.end}",
            "columns": digest_bytes(self.columns.tobytes()),
            "lengths": digest_bytes(lengths),
        }
        settings = {"layers": list(self.layers), "zstd_level": self.settings.zstd_level}
        return self.workdir / STORES / content_key(inputs, VERSION, settings)


def pieces_of(
    planned: PlannedDataset,
    axis: Axis,
    columns: npt.NDArray[np.int32],
    lengths: Int64,
    settings: CensusAssemble,
    workdir: Path,
    threads: int,
) -> Iterator[Piece]:
    """Yield the pieces of a dataset, in order of their rows."""
    values = set(axis.cells(["assay_ontology_term_id"])["assay_ontology_term_id"].unique().to_pylist())
    own_lengths = lengths if settings.normalized_layer and values & full_gene_assays() else None
    step = rows_of_a_piece(axis.note.nnz, planned.rows, tile_counts(settings))
    first, end = planned.first_row, planned.first_row + planned.rows
    for start in range(first // step * step, end, step):
        span = max(start, first), min(start + step, end)
        yield Piece(planned, *span, axis, columns, own_lengths, settings, workdir, threads)


def tile_counts(settings: CensusAssemble) -> int:
    """Return how many counts a row tile may have: with more it is written as several fragments, to bound memory.

    It follows from `memory_mb` alone, never from the machine: the digests of tiles follow from it.
    """
    return (min(settings.memory_mb, WORKER_MB) - WORKER_BASE_MB) * 1_000_000 // BYTES_A_COUNT


def rows_of_a_piece(counts: int, cells: int, most: int) -> int:
    """Return how many rows of the census a piece of a dataset spans at most: by its counts, never by its bytes.

    `most`: counts that a row tile may have.
    """
    rows = TILE
    while rows > 64 and counts * rows > most * max(cells, 1):
        rows //= 2
    return PIECE_ROWS if rows == TILE else rows


# --- writing -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Filled:
    """A piece that is there."""

    folder: Path
    note: PieceNote

    @property
    def key(self) -> str:
        """Its content key."""
        return self.folder.name

    def statistics(self) -> dict[str, pa.Array]:
        """Return the statistics of its cells, by column of obs."""
        table = read_table(self.folder / CELLS)
        return {name: table[name].combine_chunks() for name in table.column_names}

    def gene_nnz(self, width: int) -> Int64:
        """Return in how many of its cells each gene of the census counts."""
        table = read_table(self.folder / GENES)
        counted = np.zeros(width, np.int64)
        counted[table["soma_joinid"].to_numpy()] = table["nnz"].to_numpy()
        return counted


def fill_piece(piece: Piece) -> Filled:
    """Return a piece, written now if its key is not there yet; safe to run again at any moment."""
    store = piece.store
    return Filled(store, kept(store, PieceNote, lambda scratch: write_piece(piece, scratch)))


def write_piece(piece: Piece, scratch: Path) -> PieceNote:
    """Write counts and shares, one fragment a layer, a row tile of the census at a time; and the statistics."""
    planned = piece.planned
    keys_of = column_keys(piece.columns.astype(np.int64))
    gene_nnz = np.zeros(int(piece.columns.max(initial=-1)) + 1, np.int64)
    full_gene = np.zeros(planned.rows, np.bool_)
    if piece.lengths is not None:
        full_gene = marked(piece.axis.cells(["assay_ontology_term_id"]), full_gene_assays())
    digests: dict[str, list[str]] = {layer: [] for layer in piece.layers}
    cells: list[CellStatistics] = []
    with Source(planned, piece.workdir, piece.threads) as source, ExitStack() as writers:
        into = {}
        for layer in piece.layers:
            create_part(scratch / layer, piece.settings.zstd_level)
            into[layer] = writers.enter_context(MatrixWriter(str(scratch / layer), piece.threads))
        for block in row_blocks(planned, (piece.first, piece.end)):
            tile = source.tile(block, keys_of)
            into[RAW].write_tile(block.tile_row, tile)
            digests[RAW].append(tile_digest(tile, block.first))
            for _, columns, _ in tile.batches():
                gene_nnz += np.bincount(columns, minlength=gene_nnz.size)
            if NORMALIZED in into:
                shares = tile_of_shares(tile, piece.lengths, in_tile(full_gene, block))
                into[NORMALIZED].write_tile(block.tile_row, shares)
                digests[NORMALIZED].append(tile_digest(shares, block.first))
                del shares
            cells.append(cell_statistics(tile, block.in_tile))
            del tile  # before the next one is read: the two would be the peak of memory
    keep(pa.table(vars(joined(cells))), scratch / CELLS)
    present = np.flatnonzero(gene_nnz)
    keep(pa.table({"soma_joinid": present, "nnz": gene_nnz[present]}), scratch / GENES)
    return PieceNote(
        counts=int(gene_nnz.sum()),
        digests={layer: tuple(own) for layer, own in digests.items()},
        files=tuple(file for file in stored_files(scratch) if "/__fragments/" in file.path),
    )


def tile_of_shares(tile: RowTile, lengths: Int64 | None, full_gene: npt.NDArray[np.bool_]) -> RowTile:
    """Return the shares of a row tile's counts, at their places."""
    none = np.empty(0, np.int64)
    shares = [none.astype(np.float32), *shares_of(tile, none if lengths is None else lengths, full_gene)]
    return RowTile(tile.keys, np.concatenate(shares))
