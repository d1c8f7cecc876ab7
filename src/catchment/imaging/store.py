"""OME-Zarr stores on disk: groups and arrays made first, slabs written into them by workers, attributes last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numcodecs.blosc
import numpy as np
import zarr
from zarr.codecs import BloscCodec

from catchment import compute
from catchment.imaging.axes import TCZYX, Slices
from catchment.imaging.intensities import Tally, tally
from catchment.imaging.layout import Level, Slab
from catchment.imaging.ngff import Json
from catchment.imaging.pyramid import halve
from catchment.imaging.readers import Pixels, Source, leased_reader
from catchment.storage import environment_fault

if TYPE_CHECKING:
    from zarr.core.array_spec import ArrayConfigParams

# measured on 1 GB of microscopy: best ratio of size to time (513 MB/s a core at 1.57)
CODEC = BloscCodec(cname="zstd", clevel=1, shuffle="bitshuffle")
# a chunk of zeros is written too: what is absent is then damage, never meant. An array on disk does not remember it
KEEP_ZEROS: ArrayConfigParams = {"write_empty_chunks": True}


def create_image(path: Path, levels: Sequence[Level], dtype: np.dtype[Any]) -> None:
    """Create the group and the empty arrays of one image."""
    try:
        group = zarr.create_group(path, zarr_format=3)
        for number, level in enumerate(levels):
            group.create_array(
                str(number),
                shape=level.shape,
                chunks=level.chunks,
                shards=level.shards,
                dtype=dtype,
                compressors=CODEC,
                fill_value=0,
                dimension_names=list(TCZYX),
                config=KEEP_ZEROS,
            )
    except OSError as error:
        raise environment_fault(error, path) from error


def write_attributes(path: Path, attributes: Json) -> None:
    """Write the attributes of a group, which is created where it is not there yet."""
    try:
        zarr.open_group(path, mode="a", zarr_format=3).update_attributes(attributes)
    except OSError as error:
        raise environment_fault(error, path) from error


@dataclass(frozen=True)
class SlabWriter:
    """A pure function of one slab: reads it once, writes the shards it covers on its levels, returns its tallies.

    Running it again for a slab writes the same bytes again.
    """

    source: Source
    image: str
    levels: tuple[Level, ...]

    def __call__(self, slab: Slab) -> list[Tally]:
        """Return the tally of each channel of the slab in the first pass; nothing in later ones."""
        pixels = self.read(slab)
        counted = np.moveaxis(pixels, 1, 0) if slab.first == 0 else ()
        tallies = [tally(channel.reshape(-1, *channel.shape[2:]), pixels.dtype) for channel in counted]
        for level in range(slab.base, slab.last + 1):
            if level > slab.base:
                pixels = halve(pixels)
            if level >= slab.first:
                self.write(level, slab.at(level, self.levels[level].shape), pixels)
        return tallies

    def read(self, slab: Slab) -> Pixels:
        """Return the pixels of a slab at its base: of the source, or of a level that an earlier pass wrote."""
        wanted = slab.at(slab.base, self.levels[slab.base].shape)
        if slab.first == 0:
            return leased_reader(self.source).region(slab.scene, wanted)
        return np.asarray(open_level(self.image, slab.base)[wanted])

    def write(self, level: int, region: Slices, pixels: Pixels) -> None:
        """Write whole shards of a level."""
        array = open_level(self.image, level, mode="r+")
        try:
            array[region] = pixels
        except OSError as error:
            raise environment_fault(error, Path(self.image)) from error


def open_level(image: str, level: int, mode: str = "r") -> Any:
    """Return the array of a level."""
    return zarr.open_array(f"{image}/{level}", mode=mode, zarr_format=3).with_config(KEEP_ZEROS)


def write_slabs(writer: SlabWriter, slabs: Sequence[Slab], channels: list[Tally], threads: int | None) -> None:
    """Write the slabs of one pass in parallel, and add what they counted to the tallies of the channels.

    Blosc lays out its blocks in the order its own threads finish, so it gets none: equal pixels, equal bytes.
    """
    numcodecs.blosc.use_threads = False
    for slab, counted in zip(slabs, compute.each(writer, slabs, threads), strict=True):
        for offset, part in enumerate(counted):
            channels[slab.bounds[1][0] + offset].add(part)


def missing_shards(image: Path, levels: Sequence[Level]) -> list[str]:
    """Return the levels of which shards are not there, with how many."""
    found = []
    for number, level in enumerate(levels):
        present = sum(path.is_file() for path in (image / str(number) / "c").rglob("*"))
        if present != level.shard_count:
            found.append(f"level {number}: {present} of {level.shard_count} shards")
    return found
