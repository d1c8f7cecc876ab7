"""Compressions beyond HDF5's own: files that hdf5plugin wrote (`packed/`) are read as if they were plain.

`zstd.h5ad` is the valid dataset of `conftest`, all of it compressed by `anndata.write_h5ad(compression=Zstd)`;
`blosc.h5ad` has its counts compressed by Blosc with bit shuffling (anndata's own writing with Blosc ends in a crash of
that library). Both by hdf5plugin 7.1.0, which no test needs.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import h5py
import imagecodecs
import numpy as np
import pytest
from anndata.io import read_elem

from catchment.isolation import Limits, call
from catchment.modalities import inspect_asset
from catchment.schema.records import Product
from catchment.singlecell.blocks import blocks
from catchment.singlecell.filters import BLOSC, CODECS, ZSTD, register_filters
from catchment.singlecell.layout import matrix_of

from .conftest import Kitchen

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
        found = [block.data for block in blocks(file, matrix_of(file, "data"), 700)]
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
