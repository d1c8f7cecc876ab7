"""A dataset with even illumination: every pixel of the archival store over the field of light that its planes share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from catchment.errors import ReaderFailed
from catchment.imaging.axes import Slices
from catchment.imaging.illumination import Grid, SmoothField, field_of
from catchment.imaging.layout import Level, passes
from catchment.imaging.progress import Progress
from catchment.imaging.readers import Pixels
from catchment.imaging.shards import as5
from catchment.imaging.slabs import SlabWriter, write_slabs
from catchment.imaging.store import open_level, read_attributes
from catchment.isolation import CRASHED

METADATA = ("zarr.json", ".zarray", ".zattrs", ".zgroup", "METADATA.ome.xml")


@dataclass(frozen=True)
class Evened:
    """The pixels of a stored image over the light of each of its channels; of channels without one, as they are."""

    image: str
    light: tuple[Grid | None, ...]

    def region(self, scene: int, wanted: Slices) -> Pixels:
        """Return a region of level 0 in its own type: whole numbers rounded to nearest, and kept within their range."""
        array = open_level(self.image, 0)
        pixels: Pixels = np.asarray(array[wanted])
        for index, channel in enumerate(range(wanted[1].start, wanted[1].stop)):
            grid = self.light[channel]
            if grid is not None:
                field = SmoothField(grid).at(array.shape[3:], wanted[3], wanted[4])
                pixels[:, index] = in_type(pixels[:, index] / field, pixels.dtype)
        return pixels


def in_type(values: Pixels, dtype: np.dtype[Any]) -> Pixels:
    """Return numbers as a type has them."""
    if dtype.kind == "f":
        return values.astype(dtype)
    info = np.iinfo(dtype)
    # the float below the largest whole number of 32 or 64 bits: one above would not fit
    top = np.nextafter(values.dtype.type(info.max), values.dtype.type(0)) if dtype.itemsize > 2 else info.max
    return np.clip(np.rint(values), info.min, top).astype(dtype)


def light_by_name(channels: list[dict[str, Any]]) -> dict[str, Grid | None]:
    """Return the light of each channel name over all images that have it: the same lamp and lenses for all of them."""
    names = {channel["name"] for channel in channels}
    return {
        name: field_of(one["illumination"] for one in channels if one["name"] == name and one["illumination"])
        for name in names
    }


def write_evened(source: Path, target: Path, channels: list[dict[str, Any]]) -> None:
    """Write a store like another, its level 0 evened, coarser levels made from that.

    Raises
    ------
    ReaderFailed
        Where what was written is not what is read back.
    """
    by_name = light_by_name(channels)
    for path in source.rglob("*"):
        if path.name in METADATA:
            own = target / path.relative_to(source)
            own.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, own)
    for number, own_path in enumerate(images_of(source)):
        light = tuple(by_name[channel["name"]] for channel in channels if channel["image"] == number)
        image, out = source / own_path, target / own_path
        levels, sharded = levels_of(image)
        writer = SlabWriter(Evened(str(image), light), str(out), levels, sharded=sharded)
        progress = Progress(target.parent / ".progress" / str(number), out)
        progress.created()
        edge = max(levels[0].shards[3:])
        itemsize = open_level(str(image), 0).dtype.itemsize
        for slabs in passes(number, levels, itemsize, 1, edge):
            for _, written in write_slabs(writer, slabs, progress, None):
                if written.differing:
                    raise ReaderFailed(CRASHED, f"{out}: {written.differing[0]} is not as it was written")
    shutil.rmtree(target.parent / ".progress")


def images_of(store: Path) -> Iterator[str]:
    """Yield the path of each image of a store, in order; empty where the store is the only one."""
    listed: Any = read_attributes(store / "OME").get("series") if (store / "OME").is_dir() else None
    yield from listed or [""]


def levels_of(image: Path) -> tuple[tuple[Level, ...], bool]:
    """Return how a stored image is cut, and whether it has shards."""
    datasets: Any = read_attributes(image)["multiscales"]
    arrays = [open_level(str(image), number) for number in range(len(datasets[0]["datasets"]))]
    levels = tuple(Level(as5(a.shape), as5(a.chunks), as5(a.shards or a.chunks)) for a in arrays)
    return levels, arrays[0].shards is not None
