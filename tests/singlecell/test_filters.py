"""Compressions beyond HDF5's own: files that hdf5plugin wrote (`packed/`) are read as if they were plain.

`zstd.h5ad` is the valid dataset of `conftest`, all of it compressed by `anndata.write_h5ad(compression=Zstd)`;
`blosc.h5ad` has its counts compressed by Blosc with bit shuffling (anndata's own writing with Blosc ends in a crash of
that library). Both by hdf5plugin 7.1.0, which no test needs.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import h5py
import imagecodecs
import numpy as np
import pytest
import scipy.sparse as sp
from anndata.io import read_elem

from catchment.isolation import Limits, call
from catchment.modalities import inspect_asset
from catchment.schema.records import Product
from catchment.singlecell.blocks import Rows
from catchment.singlecell.filters import BLOSC, CODECS, ZSTD, register_filters
from catchment.singlecell.layout import matrix_of

from .conftest import COUNTS, Kitchen

PACKED = Path(__file__).with_name("packed")


def unpacked(kitchen: Kitchen, name: str) -> Path:
    path = kitchen.folder / f"{name}.h5ad"
    path.write_bytes(gzip.decompress((PACKED / f"{name}.h5ad.gz").read_bytes()))
    return path


def filters_of(file: h5py.File, path: str) -> list[int]:
    plist = file[path].id.get_create_plist()
    return [plist.get_filter(number)[0] for number in range(plist.get_nfilters())]


@pytest.mark.parametrize(("name", "number", "parts"), [("zstd", ZSTD, ["X/data", "obs/_index"]), ("blosc", BLOSC, [])])
def test_a_file_so_compressed_is_the_same_dataset(kitchen: Kitchen, name: str, number: int, parts: list[str]) -> None:
    path = unpacked(kitchen, name)
    with h5py.File(path) as file:
        assert all(filters_of(file, part) == [number] for part in [*parts, "X/data", "X/indices", "X/indptr"])
    assert kitchen.codes(path) == []
    packed, _ = kitchen.convert(path, "packed")
    plain, _ = kitchen.convert(kitchen.h5ad(), "plain")
    assert isinstance(packed, Product)
    assert isinstance(plain, Product)
    assert packed.findings == ()
    assert packed.logical_digest == plain.logical_digest


def test_it_is_read_in_the_confined_child_too(kitchen: Kitchen) -> None:
    asset, limits = kitchen.asset(unpacked(kitchen, "zstd")), Limits(memory_mb=3_000, cpu_seconds=60)
    inspection = call(inspect_asset, asset, str(kitchen.folder), {"reading": "lenient"}, limits=limits)
    assert inspection.path is not None
    with h5py.File(kitchen.folder / inspection.path) as labelled:
        assert filters_of(labelled, "X/data") == [ZSTD]
        assert read_elem(labelled["obs"])["cell_type"].tolist()[0] == "hepatocyte"
    assert not [finding for finding in inspection.findings if finding.level == "error"]


def with_chunks(path: Path, encoded: list[bytes], number: int, shape: tuple[int, ...]) -> Path:
    """Write a dataset `data` of float32, whose chunks (whole rows) are given as they are stored."""
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((shape[0] // len(encoded), *shape[1:]))
    plist.set_filter(number, h5py.h5z.FLAG_OPTIONAL)
    with h5py.File(path, "w") as file:
        space = h5py.h5s.create_simple(shape)
        dataset = h5py.h5d.create(file.id, b"data", h5py.h5t.NATIVE_FLOAT, space, plist)
        for row, chunk in enumerate(encoded):
            dataset.write_direct_chunk((row * shape[0] // len(encoded), *(0 for _ in shape[1:])), chunk)
    return path


@pytest.mark.parametrize("number", CODECS)
def test_every_chunk_of_a_matrix_is_decoded(tmp_path: Path, number: int) -> None:
    values = np.random.default_rng(4).poisson(1, (4_000, 50)).astype(np.float32)
    encode = getattr(imagecodecs, f"{CODECS[number]}_encode")
    parts = [encode(part.tobytes()) for part in np.split(values, 8)]
    register_filters()
    with h5py.File(with_chunks(tmp_path / "many.h5", parts, number, values.shape)) as file:
        np.testing.assert_array_equal(file["data"][()], values)
        rows = Rows(file, matrix_of(file, "data"))
        found = [rows.block(first, min(first + 700, 4_000)).data for first in range(0, 4_000, 700)]
    np.testing.assert_array_equal(np.concatenate(found), values[values != 0])


@pytest.mark.parametrize("number", CODECS)
def test_a_damaged_chunk_is_an_error_of_hdf5(tmp_path: Path, number: int) -> None:
    register_filters()
    with (
        h5py.File(with_chunks(tmp_path / "bad.h5", [b"no such frame at all"], number, (8, 2))) as file,
        pytest.raises(OSError, match="filter"),
    ):
        file["data"][()]


def test_a_damaged_matrix_is_a_finding(kitchen: Kitchen) -> None:
    path = unpacked(kitchen, "zstd")
    with h5py.File(path) as file:
        chunk = file["X/data"].id.get_chunk_info(0)
    damaged = bytearray(path.read_bytes())
    damaged[chunk.byte_offset + 4 : chunk.byte_offset + chunk.size] = bytes(chunk.size - 4)
    path.write_bytes(damaged)
    assert kitchen.codes(path) == ["H5-007"]


def dense(kind: str, **how: object) -> Callable[[h5py.File], None]:
    def store(file: h5py.File) -> None:
        del file["X"]
        item = file.create_dataset("X", data=COUNTS.astype(kind), **how)
        item.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})

    return store


def sparse(kind: str, by: str = "csr", **how: object) -> Callable[[h5py.File], None]:
    def store(file: h5py.File) -> None:
        matrix = getattr(sp, f"{by}_matrix")(COUNTS)
        parts = {"data": matrix.data.astype(kind), "indices": matrix.indices, "indptr": matrix.indptr}
        group = file["X"]
        group.attrs["encoding-type"] = f"{by}_matrix"
        for name, values in parts.items():
            del group[name]
            group.create_dataset(name, data=values, **how)

    return store


STORED = {
    "dense, lzf, chunks": dense("f4", chunks=(3, 2), compression="lzf"),
    "dense, gzip and shuffle, 64-bit integers": dense("i8", chunks=(1, 5), compression="gzip", shuffle=True),
    "dense, plain, float64": dense("f8"),
    "CSR, lzf, chunks of 3": sparse("f4", chunks=(3,), compression="lzf"),
    "CSR, gzip and shuffle, 16-bit integers": sparse("u2", chunks=(2,), compression="gzip", shuffle=True),
    "CSR, gzip, big-endian": sparse(">f8", chunks=(4,), compression="gzip"),
    "CSC, lzf": sparse("f4", "csc", chunks=(2,), compression="lzf"),
    "CSC, plain, 32-bit integers": sparse("i4", "csc"),
}


@pytest.mark.parametrize("how", STORED)
def test_how_counts_are_stored_does_not_show_in_the_soma(kitchen: Kitchen, how: str) -> None:
    plain, _ = kitchen.convert(kitchen.h5ad(), "plain")
    stored, _ = kitchen.convert(kitchen.h5ad(after=STORED[how]), "stored")
    assert isinstance(plain, Product)
    assert isinstance(stored, Product), stored
    assert stored.findings == ()
    assert stored.logical_digest == plain.logical_digest
