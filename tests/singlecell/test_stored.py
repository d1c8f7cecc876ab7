"""Parts of a list of numbers, however it is compressed, are what h5py reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from catchment.singlecell.container import READ_FAULTS
from catchment.singlecell.stored import StoredValues

COUNT = 10_007
PARTS = [(0, COUNT), (0, 0), (5, 7), (0, 1000), (999, 3001), (4500, 5500), (9999, COUNT)]


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"chunks": (1000,)},
        {"chunks": (1000,), "compression": "gzip"},
        {"chunks": (COUNT,), "compression": "gzip", "compression_opts": 9},
        {"chunks": (1000,), "compression": "gzip", "shuffle": True},
        {"chunks": (777,), "compression": "lzf"},
        {"chunks": (1000,), "compression": "gzip", "fletcher32": True},
    ],
    ids=["contiguous", "chunked", "gzip", "one chunk", "shuffled", "lzf", "checksums"],
)
@pytest.mark.parametrize("dtype", ["<i4", "<f4", "<i8", "<u2", ">i4"])
def test_every_part_is_read(tmp_path: Path, how: dict[str, Any], dtype: str) -> None:
    values = np.random.default_rng(1).integers(0, 200, COUNT).astype(dtype)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("x", data=values, **how)
        stored = StoredValues(file["x"])
        for first, end in PARTS:
            found = stored.read(first, end)
            assert found.dtype == values.dtype.newbyteorder("=")
            np.testing.assert_array_equal(found, values[first:end])


def test_chunks_that_were_never_written_hold_the_fill_value(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        holes = file.create_dataset("x", (5000,), "i4", chunks=(1000,), compression="gzip", fillvalue=7)
        holes[2000:2500] = 1
        np.testing.assert_array_equal(StoredValues(holes).read(0, 5000), holes[:])
        np.testing.assert_array_equal(StoredValues(holes).read(100, 2100), holes[100:2100])


def test_a_chunk_that_was_left_uncompressed_is_read(tmp_path: Path) -> None:
    values = np.arange(1000, dtype=np.int32)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        dataset = file.create_dataset("x", (1000,), "i4", chunks=(500,), compression="gzip")
        for start in (0, 500):
            dataset.id.write_direct_chunk((start,), values[start : start + 500].tobytes(), filter_mask=1)
        np.testing.assert_array_equal(StoredValues(dataset).read(0, 1000), values)


@pytest.mark.parametrize("raw", [b"no gzip at all", b"\x78\x9c\x03\x00\x00\x00\x00\x01"], ids=["garbage", "too short"])
def test_damaged_chunks_are_read_faults(tmp_path: Path, raw: bytes) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        dataset = file.create_dataset("x", (1000,), "i4", chunks=(500,), compression="gzip")
        dataset.id.write_direct_chunk((0,), raw)
        with pytest.raises(READ_FAULTS):
            StoredValues(dataset).read(0, 1000)
