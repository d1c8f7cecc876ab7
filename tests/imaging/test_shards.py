"""Files of shards and chunks: what zarr reads of them, what they are beside those that zarr writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from catchment.imaging.layout import cut_levels
from catchment.imaging.shards import LevelFiles, checksum
from catchment.imaging.store import CODEC, ENCODER, create_image, missing_files


@pytest.mark.parametrize("version", ["0.5", "0.4"])
@given(
    shape=st.tuples(*(st.integers(1, most) for most in (3, 2, 5, 50, 50))),
    dtype=st.sampled_from(["u1", "<u2", ">i2", "<f4", "<f8"]),
    shard_z=st.integers(1, 3),
)
@settings(max_examples=10)
def test_zarr_reads_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, version: str, shape: tuple, dtype: str, shard_z: int
) -> None:
    image = tmp_path_factory.mktemp("image") / "image"
    levels = cut_levels(shape, 16, 32, shard_z)[:1]
    create_image(image, levels, np.dtype(dtype).newbyteorder("="), version)
    pixels = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    files = LevelFiles(image, "0", levels[0], ENCODER, sharded=version == "0.5")
    for z in range(shape[2]):
        t, c, _, y, x = (slice(0, size) for size in shape)
        files.write((t, c, slice(z, z + 1), y, x), pixels[:, :, z : z + 1])
    written = files.close()
    assert (zarr.open_array(image / "0", mode="r")[...] == pixels).all()
    assert {name: checksum(image / name) for name in written} == written
    assert missing_files(image, levels, sharded=version == "0.5") == []


def test_a_full_shard_has_the_size_that_zarr_gives_it(tmp_path: Path) -> None:
    levels = cut_levels((1, 1, 2, 64, 64), 16, 32, 2)[:1]
    pixels = np.random.default_rng(0).integers(0, 900, (1, 1, 2, 64, 64), dtype=np.uint16)
    create_image(tmp_path / "ours", levels, pixels.dtype, "0.5")
    files = LevelFiles(tmp_path / "ours", "0", levels[0], ENCODER, sharded=True)
    files.write((slice(0, 1), slice(0, 1), slice(0, 2), slice(0, 64), slice(0, 64)), pixels)
    sizes = {name: (tmp_path / "ours" / name).stat().st_size for name in files.close()}
    theirs = zarr.create_array(
        tmp_path / "theirs/0",
        shape=pixels.shape,
        chunks=levels[0].chunks,
        shards=levels[0].shards,
        dtype=pixels.dtype,
        compressors=CODEC,
        fill_value=0,
    )
    theirs[...] = pixels
    assert sizes == {name: (tmp_path / "theirs" / name).stat().st_size for name in sizes}
    assert len(sizes) == 4
