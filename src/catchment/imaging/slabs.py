"""The work of one worker: a slab is read once, written on every level it reaches, counted, and read back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numcodecs.blosc
import numpy as np
import xxhash

from catchment import compute
from catchment.imaging.axes import Slices
from catchment.imaging.digests import Band, band_digest, band_rows, plain
from catchment.imaging.illumination import grid_of
from catchment.imaging.intensities import Tally, tally
from catchment.imaging.layout import Level, Shape5, Slab
from catchment.imaging.planes import Plane, PlaneCounts, sharpness
from catchment.imaging.progress import Progress, Written
from catchment.imaging.pyramid import halve
from catchment.imaging.readers import Pixels, Source, leased_reader
from catchment.imaging.shards import LevelFiles, checksum
from catchment.imaging.store import ENCODER, open_level
from catchment.storage import environment_fault

# where not every shard of level 0 is decoded again, one of so many is; all are read again and their checksums compared
DECODED_SHARDS = 4


class Origin(Protocol):
    """Where the pixels of level 0 come from."""

    def region(self, scene: int, wanted: Slices) -> Pixels:
        """Return a region as t, c, z, y, x."""
        ...


@dataclass(frozen=True)
class Submitted:
    """The pixels of a submitted image."""

    source: Source

    def region(self, scene: int, wanted: Slices) -> Pixels:
        """Return a region, read by this thread's reader."""
        return leased_reader(self.source).region(scene, wanted)


@dataclass(frozen=True)
class SlabWriter:
    """A pure function of one slab: reads it once, writes the shards it covers on its levels, reads them back.

    Running it again for a slab writes the same bytes again. `full`: the value at which a pixel is saturated.
    `decode_all`: whether every shard of level 0 is decoded again and its pixels compared, or one of `DECODED_SHARDS`;
    checksums of the files are compared in any case.
    """

    origin: Origin
    image: str
    levels: tuple[Level, ...]
    full: float | None = None
    decode_all: bool = True
    sharded: bool = True

    def __call__(self, slab: Slab) -> Written:
        """Return what was counted and written; tallies, planes and bands in the first pass only."""
        try:
            return self.write(slab)
        except OSError as error:
            raise environment_fault(error, Path(self.image)) from error

    def write(self, slab: Slab) -> Written:
        """Write a slab a batch of planes at a time, then look at what lies on disk."""
        files = {number: self.files_of(number) for number in range(slab.first, slab.last + 1)}
        counts = SlabCounts(slab, self.levels[0].shape, self.full)
        for batch in slab.batches(self.itemsize):
            pixels = self.read(slab, slab.part_at(slab.base, self.levels[slab.base].shape, *batch))
            if slab.first == 0:
                counts.add(pixels, batch)
            for number in range(slab.base, slab.last + 1):
                if number > slab.base:
                    pixels = halve(pixels)
                # shot noise halves from level 0 to 1, edges stay; where a tile reaches no level but its own, there
                if slab.first == 0 and number == min(1, slab.last):
                    counts.add_sharpness(pixels, batch)
                if slab.first == 0 and number == len(self.levels) - 1:
                    counts.add_grids(pixels, batch)
                if number >= slab.first:
                    files[number].write(slab.part_at(number, self.levels[number].shape, *batch), pixels)
        written: dict[str, str] = {}
        for each in files.values():
            written |= each.close()
        differing = [name for name, expected in written.items() if checksum(Path(self.image, name)) != expected]
        if slab.first == 0 and not differing:
            differing += self.differing_tiles(slab, counts.tiles)
        return Written(counts.tallies, counts.planes, counts.bands, written, tuple(differing))

    def files_of(self, number: int) -> LevelFiles:
        """Return the files of a level."""
        return LevelFiles(Path(self.image), str(number), self.levels[number], ENCODER, sharded=self.sharded)

    @cached_property
    def itemsize(self) -> int:
        """The size of a pixel, in bytes."""
        return int(open_level(self.image, 0).dtype.itemsize)

    def read(self, slab: Slab, wanted: Slices) -> Pixels:
        """Return pixels of a slab at its base: of the source, or of a level that an earlier pass wrote."""
        if slab.first == 0:
            return self.origin.region(slab.scene, wanted)
        return np.asarray(open_level(self.image, slab.base)[wanted])

    def differing_tiles(self, slab: Slab, tiles: dict[Plane, str]) -> Iterator[str]:
        """Yield the tiles of level 0 that zarr decodes to other pixels than were read of the source."""
        array, level = open_level(self.image, 0), self.levels[0]
        for place, expected in tiles.items():
            numbers = [start // shard for start, shard in zip(place, level.shards[:3], strict=True)]
            tile = [start // shard for (start, _), shard in zip(slab.bounds[3:], level.shards[3:], strict=True)]
            if not self.decode_all and sum((*numbers, *tile)) % DECODED_SHARDS:
                continue
            wanted = slab.part_at(0, level.shape, *(slice(start, start + 1) for start in place))
            if tile_digest(np.asarray(array[wanted])) != expected:
                where = (*place, wanted[3].start, wanted[4].start)
                yield " ".join(f"{axis}{start}" for axis, start in zip("tczyx", where, strict=True))


class SlabCounts:
    """What is counted of a slab while its planes pass by."""

    def __init__(self, slab: Slab, shape: Shape5, full: float | None) -> None:
        self._whole, self._full = slab.holds_planes(shape), full
        self._tallies: dict[int, Tally] = {}
        self._planes: dict[Plane, PlaneCounts] = {}
        self.bands: dict[Band, str] = {}
        self.tiles: dict[Plane, str] = {}

    @property
    def tallies(self) -> tuple[Tally, ...]:
        """The tally of each channel of the slab, in order."""
        return tuple(self._tallies[channel] for channel in sorted(self._tallies))

    @property
    def planes(self) -> tuple[PlaneCounts, ...]:
        """What was counted of each plane."""
        return tuple(self._planes.values())

    def add(self, pixels: Pixels, batch: tuple[slice, slice, slice]) -> None:
        """Count pixels of level 0, and take their digests."""
        for place, plane in planes_of(pixels, batch):
            counted = tally([plane], pixels.dtype)
            self._planes[place] = PlaneCounts.of(place, counted, self._full, whole=self._whole)
            self._tallies.setdefault(place[1], Tally(pixels.dtype.str)).add(counted)
            self.tiles[place] = tile_digest(plane)
            if self._whole:
                rows = band_rows(plane.shape[1] * plane.itemsize)
                for first in range(0, plane.shape[0], rows):
                    self.bands[(*place, first)] = band_digest(plane[first : first + rows])

    def add_sharpness(self, pixels: Pixels, batch: tuple[slice, slice, slice]) -> None:
        """Measure how sharp planes are, from level 1 (level 0 where there is no other)."""
        for place, plane in planes_of(pixels, batch):
            self._planes[place] = replace(self._planes[place], sharpness=sharpness(plane))

    def add_grids(self, pixels: Pixels, batch: tuple[slice, slice, slice]) -> None:
        """Measure how evenly planes are lit, from the last level."""
        for place, plane in planes_of(pixels, batch):
            self._planes[place] = replace(self._planes[place], grid=grid_of(plane))


def planes_of(pixels: Pixels, batch: tuple[slice, slice, slice]) -> Iterator[tuple[Plane, Pixels]]:
    """Yield (t, c, z) and the plane of each, of pixels t, c, z, y, x."""
    t, c, z = (part.start for part in batch)
    for i, j, k in np.ndindex(*pixels.shape[:3]):
        yield (t + i, c + j, z + k), pixels[i, j, k]


def tile_digest(pixels: Pixels) -> str:
    """Return a digest of pixels, bit by bit, to compare two readings within a process; quicker than sha256."""
    return xxhash.xxh3_128_hexdigest(plain(pixels).data)


@dataclass(frozen=True)
class Resuming:
    """A slab's work, left out where an interrupted run has done it and its files are as they were written."""

    writer: SlabWriter
    progress: Progress

    def __call__(self, slab: Slab) -> Written:
        """Return what is known of the slab, written now or before."""
        # its own threads would lay out blocks in the order they finish: without them, equal pixels, equal bytes
        numcodecs.blosc.use_threads = False
        done = self.progress.finished(slab)
        if done is None:
            done = self.writer(slab)
            self.progress.keep(slab, done)
        return done


def write_slabs(
    writer: SlabWriter, slabs: list[Slab], progress: Progress, threads: int | None
) -> Iterator[tuple[Slab, Written]]:
    """Write the slabs of one pass in parallel; yield each with what is known of it."""
    yield from zip(slabs, compute.each(Resuming(writer, progress), slabs, threads), strict=True)
