"""Counts as 10x Genomics' Cell Ranger writes them: one HDF5 file (versions 2 and 3), or a folder of three.

Source: 10x Genomics, "HDF5 feature-barcode matrix format" and "feature-barcode matrices (MEX)". Both hold a matrix of
features by barcodes, column by column: a column is a cell, so it is CSR of cells by features already.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv

from catchment.schema.records import Asset, SourceFile
from catchment.singlecell import rules
from catchment.singlecell.blocks import bounds_of
from catchment.singlecell.counts import Container, CountBlock
from catchment.singlecell.frames import Frame
from catchment.singlecell.layout import Unfit
from catchment.singlecell.matrix import indptr_fault
from catchment.singlecell.preparation_rules import FEATURES_LEFT, MATRIX_MARKET
from catchment.singlecell.recognise import BARCODES, FEATURES, MATRIX, MEX
from catchment.singlecell.rules import shown

GENE = "Gene Expression"
BLOCK_CELLS = 8192
BLOCK_BYTES = 1 << 24
MAX_LINE = 1 << 16
NAMED = {"name": "gene_symbol", "gene_names": "gene_symbol", "gene_name": "gene_symbol"}


def is_tenx(file: h5py.File) -> bool:
    """Tell whether an HDF5 file is a matrix of 10x: a group `matrix`, or in version 2 one for each genome."""
    return bool(tenx_groups(file))


def tenx_groups(file: h5py.File) -> list[str]:
    """Return the names of the groups that are such matrices."""
    needed = {"barcodes", "data", "indices", "indptr", "shape"}
    return [name for name in file if isinstance(file[name], h5py.Group) and needed <= set(file[name])]


def read_tenx(file: h5py.File) -> Container:
    """Return what a 10x HDF5 file holds.

    Raises
    ------
    Unfit
        Where it holds several genomes, or contradicts itself.
    """
    names = tenx_groups(file)
    if len(names) != 1:
        found = f"matrices of {len(names)} genomes: {', '.join(map(shown, names))}"
        raise Unfit(rules.NOT_ANNDATA.broken("/", found, fix="send the matrix of each genome as a file of its own"))
    group = file[names[0]]
    features = group.get("features", group)
    ids = texts(features["id"] if "id" in features else features["genes"])
    barcodes = texts(group["barcodes"])
    shape = [int(size) for size in group["shape"][()]]
    if shape != [len(ids), len(barcodes)]:
        found = f"shape {shape}, but {len(ids):,} features and {len(barcodes):,} barcodes"
        raise Unfit(rules.SHAPES_DISAGREE.broken(names[0], found, expected="features, barcodes"))
    indptr = group["indptr"][()].astype(np.int64)
    stored = int(group["data"].shape[0])
    fault = indptr_fault(indptr, stored) if indptr.size == len(barcodes) + 1 else f"{indptr.size} entries"
    if fault is not None or group["indices"].shape[0] != stored:
        raise Unfit(rules.SPARSE_BROKEN.broken(f"{names[0]}/indptr", fault or "as many indices as values are missing"))
    wanted = ("name", "gene_names", "feature_type", "genome", "gene_id", "gene_name")
    columns = {NAMED.get(name, name): texts(features[name]) for name in wanted if name in features}

    def read() -> Iterator[CountBlock]:
        for first, last in bounds_of(indptr, BLOCK_CELLS):
            span = slice(int(indptr[first]), int(indptr[last]))
            indices = group["indices"][span].astype(np.int64)
            yield CountBlock(np.diff(indptr[first : last + 1]), indices, group["data"][span])

    return genes_only("10x-h5", barcodes, ids, columns, stored, str(group["data"].dtype), read)


def texts(item: h5py.Dataset) -> list[str]:
    """Return a list of text."""
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in item[()]]


def genes_only(
    format_: str,
    barcodes: list[str],
    ids: list[str],
    columns: dict[str, list[str]],
    stored: int,
    dtype: str,
    read: Any,
) -> Container:
    """Return a container without the features that are no genes; what was left out is told."""
    types = columns.get("feature_type", [GENE])
    mask = np.array([kind == GENE for kind in types])
    kept, findings = (None, []) if mask.all() or not mask.any() else (mask, [])
    if kept is not None:
        others = ", ".join(map(shown, sorted(set(types) - {GENE})))
        count = int((~mask).sum())
        findings.append(FEATURES_LEFT.broken("features", f"{count:,} features of type {others}", count=count))
    which = range(len(ids)) if kept is None else np.flatnonzero(kept)
    var = Frame(
        [ids[at] for at in which],
        {name: pa.array([values[at] for at in which], pa.large_string()) for name, values in columns.items()},
    )
    return Container(format_, Frame(barcodes, {}), var, stored, dtype, read, kept, tuple(findings))


# --- the folder of three -----------------------------------------------------------------------------------------


def is_folder(asset: Asset) -> bool:
    """Tell whether an asset is a folder with a matrix in Matrix Market format and the names of its sides."""
    return asset.format == MEX


def read_folder(asset: Asset) -> Container:
    """Return what a folder of matrix, barcodes and features holds.

    Raises
    ------
    Unfit
        Where one of them is missing, or they contradict each other.
    """
    with opened_text(member(asset, MATRIX)) as matrix:
        sizes, dtype = header_of(matrix)
    with opened_text(member(asset, FEATURES)) as lines:
        rows = [line.rstrip("\r\n").split("\t") for line in io.TextIOWrapper(lines, "utf-8", "replace")]
    with opened_text(member(asset, BARCODES)) as lines:
        barcodes = [line.rstrip("\r\n").split("\t")[0] for line in io.TextIOWrapper(lines, "utf-8", "replace")]
    if (len(rows), len(barcodes)) != sizes[:2]:
        found = f"{len(rows):,} features and {len(barcodes):,} barcodes, the matrix has {sizes[0]:,} x {sizes[1]:,}"
        raise Unfit(rules.SHAPES_DISAGREE.broken("matrix.mtx", found, expected="features x barcodes"))
    columns = {
        name: [row[at] for row in rows]
        for at, name in ((1, "gene_symbol"), (2, "feature_type"))
        if rows and all(len(row) > at for row in rows)
    }

    def read() -> Iterator[CountBlock]:
        with opened_text(member(asset, MATRIX)) as file:
            header_of(file)
            yield from cells_of(file, sizes)

    return genes_only(MEX, barcodes, [row[0] for row in rows], columns, sizes[2], dtype, read)


def member(asset: Asset, names: Sequence[str]) -> SourceFile:
    """Return the file of a folder that has one of these names."""
    for name in names:
        found = asset.file(name)
        if found is not None:
            return found
    raise Unfit(rules.NOT_ANNDATA.broken(asset.name, f"no {names[0]} in the folder", fix="send the folder whole"))


def opened_text(file: SourceFile) -> IO[bytes]:
    """Return a file opened for its text, decompressed where it is gzip."""
    path = Path(file.path)
    with path.open("rb") as start:
        packed = start.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


def header_of(file: IO[bytes]) -> tuple[tuple[int, int, int], str]:
    """Return features, barcodes and stored values that a Matrix Market file declares, and the type of its values."""
    banner = file.readline(MAX_LINE).decode("ascii", "replace").lower().split()
    expected = ["%%matrixmarket", "matrix", "coordinate"]
    if banner[:3] != expected or banner[3:] not in (["integer", "general"], ["real", "general"]):
        raise Unfit(MATRIX_MARKET.broken("matrix.mtx", shown(" ".join(banner)) or "an empty file"))
    line = file.readline(MAX_LINE)
    while line.startswith(b"%"):
        line = file.readline(MAX_LINE)
    numbers = line.split()
    if len(numbers) != 3 or not all(number.isdigit() for number in numbers):
        raise Unfit(MATRIX_MARKET.broken("matrix.mtx", f"sizes {shown(line)}", expected="three whole numbers"))
    rows, columns, stored = map(int, numbers)
    return (rows, columns, stored), "int64" if banner[3] == "integer" else "float64"


def cells_of(file: IO[bytes], sizes: tuple[int, int, int]) -> Iterator[CountBlock]:
    """Yield the cells of a Matrix Market file, which must come in their order."""
    _, cells, stored = sizes
    done, seen = 0, 0
    held = np.zeros((0, 3))
    for values in lines_of(file):
        seen += len(values)
        held = np.concatenate([held, values])
        cell = held[:, 1]
        if held.size and (np.any(np.diff(cell) < 0) or cell[0] <= done or cell[-1] > cells):
            found = "cells that do not come in their order, or whose number is none"
            raise Unfit(MATRIX_MARKET.broken("matrix.mtx", found))
        last = int(cell[-1]) - 1 if held.size else done  # its own values may go on in the next block
        whole = int(np.searchsorted(cell, last, side="right"))
        yield block_of(held[:whole], done, last)
        done, held = last, held[whole:]
    yield block_of(held, done, cells)
    if seen != stored:
        raise Unfit(MATRIX_MARKET.broken("matrix.mtx", f"{seen:,} values", expected=f"{stored:,} values, as declared"))


def block_of(values: npt.NDArray[Any], first: int, last: int) -> CountBlock:
    """Return the cells from `first` (counted from 0) up to `last`."""
    per_cell = np.bincount(values[:, 1].astype(np.int64) - 1 - first, minlength=last - first)
    return CountBlock(per_cell, values[:, 0].astype(np.int64) - 1, values[:, 2])


def lines_of(file: IO[bytes]) -> Iterator[npt.NDArray[Any]]:
    """Yield feature, cell and value of each line, many lines at a time."""
    rest = b""
    while data := file.read(BLOCK_BYTES):
        whole, newline, rest = (rest + data).rpartition(b"\n")
        if newline:
            yield numbers_of(whole)
    if rest.strip():
        yield numbers_of(rest)


def numbers_of(text: bytes) -> npt.NDArray[Any]:
    """Return the numbers of whole lines, three a line."""
    names = ["feature", "cell", "value"]
    try:
        table = pa_csv.read_csv(
            io.BytesIO(b" ".join(text.split(b"\t")) + b"\n"),
            read_options=pa_csv.ReadOptions(column_names=names, use_threads=False),
            parse_options=pa_csv.ParseOptions(delimiter=" "),
            convert_options=pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.float64()), null_values=[]),
        )
    except pa.ArrowInvalid as error:
        raise Unfit(MATRIX_MARKET.broken("matrix.mtx", shown(error))) from None
    values: npt.NDArray[Any] = np.column_stack([table[name].to_numpy() for name in names])
    if not np.isfinite(values).all():
        raise Unfit(MATRIX_MARKET.broken("matrix.mtx", "a line that has not three numbers"))
    return values
