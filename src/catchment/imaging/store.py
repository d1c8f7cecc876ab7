"""OME-Zarr stores on disk: groups and arrays, made before slabs are written into them; attributes, written last."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from numcodecs import Blosc
from zarr.codecs import BloscCodec

from catchment.imaging.axes import TCZYX
from catchment.imaging.layout import Level
from catchment.imaging.ngff import Json, as_version, is_sharded
from catchment.storage import environment_fault

if TYPE_CHECKING:
    from zarr.core.array_spec import ArrayConfigParams

# measured on 1 GB of microscopy: best ratio of size to time (513 MB/s a core at 1.57)
CODEC = BloscCodec(cname="zstd", clevel=1, shuffle="bitshuffle")
ENCODER = Blosc(cname="zstd", clevel=1, shuffle=Blosc.BITSHUFFLE)
# a chunk of zeros is written too: what is absent is then damage, never meant. An array on disk does not remember it
KEEP_ZEROS: ArrayConfigParams = {"write_empty_chunks": True}


def create_image(path: Path, levels: Sequence[Level], dtype: np.dtype[Any], version: str) -> None:
    """Create the group and the empty arrays of one image: sharded Zarr v3, or for OME-Zarr 0.4 chunks of Zarr v2."""
    sharded = is_sharded(version)
    try:
        group = zarr.create_group(path, zarr_format=3 if sharded else 2)
        for number, level in enumerate(levels):
            layout: dict[str, Any] = (
                {"shards": level.shards, "compressors": CODEC, "dimension_names": list(TCZYX)}
                if sharded
                else {"compressors": ENCODER, "chunk_key_encoding": {"name": "v2", "separator": "/"}}
            )
            group.create_array(
                str(number),
                shape=level.shape,
                chunks=level.chunks,
                dtype=dtype.newbyteorder("<"),
                fill_value=0,
                config=KEEP_ZEROS,
                **layout,
            )
    except OSError as error:
        raise environment_fault(error, path) from error


def write_attributes(path: Path, attributes: Json, version: str) -> None:
    """Write attributes, given as OME-Zarr 0.5 has them, of a group, which is created where it is not there yet."""
    try:
        group = zarr.open_group(path, mode="a", zarr_format=3 if is_sharded(version) else 2)
        group.update_attributes(as_version(attributes, version))
    except OSError as error:
        raise environment_fault(error, path) from error


def open_level(image: str, level: int) -> Any:
    """Return the array of a level, for reading."""
    return zarr.open_array(f"{image}/{level}", mode="r")


def read_attributes(image: Path) -> Json:
    """Return the OME-Zarr attributes of a group, of either version."""
    attributes: Any = zarr.open_group(image, mode="r").attrs.asdict()
    own: Json = attributes.get("ome", attributes)
    return own


def missing_files(image: Path, levels: Sequence[Level], *, sharded: bool) -> list[str]:
    """Return the levels of which files are not there, with how many."""
    found = []
    for number, level in enumerate(levels):
        folder = image / str(number) / "c" if sharded else image / str(number)
        present = sum(path.is_file() and not path.name.startswith(".") for path in folder.rglob("*"))
        expected = level.shard_count if sharded else level.chunk_count
        if present != expected:
            found.append(f"level {number}: {present} of {expected} {'shards' if sharded else 'chunks'}")
    return found
