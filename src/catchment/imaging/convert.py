"""An image into OME-Zarr: sharded, with its pyramid, read back, its statistics and thumbnail beside it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from pydantic import JsonValue

from catchment import compute
from catchment.config import ImagingConvert
from catchment.imaging import ngff, sidecars
from catchment.imaging.describe import source_of
from catchment.imaging.digests import Band, SourceDigests, StoredDigests, blocks_of, image_digest, sampled
from catchment.imaging.image_index import NAME as INDEX_NAME
from catchment.imaging.image_index import write_index
from catchment.imaging.intensities import Tally, saturation_value
from catchment.imaging.layout import Level, cut_levels, passes, shard_edge
from catchment.imaging.ome_writer import ome_xml_of
from catchment.imaging.planes import PlaneTable, by_plane
from catchment.imaging.plate_layout import groups_above, image_paths
from catchment.imaging.progress import Progress
from catchment.imaging.readers import (
    DecodingFailed,
    ImageReader,
    Scene,
    Source,
    UnreadableImage,
    leased_reader,
    release_readers,
)
from catchment.imaging.rules import NOT_DECODABLE, WRITTEN_DIFFERS
from catchment.imaging.slabs import SlabWriter, Submitted, write_slabs
from catchment.imaging.store import create_image, missing_files, write_attributes
from catchment.schema.records import Asset, Description, Finding, Product, Unreadable
from catchment.storage import Place, digest_json

DISPLAY_PERCENTILES = (1.0, 99.8)
# below the product's folder, gone when the conversion ends: what a killed one has done is not done again
PROGRESS = ".progress"
# a smaller scene is done before a scheduler is up
WORTH_A_SCHEDULER_BYTES = 64_000_000
# starting one costs as much as decoding a few planes
BLOCKS_WORTH_A_SCHEDULER = 16
SMALL_FIELD_BYTES = 64_000_000
SHOWN = 3


def convert(asset: Asset, description: Description, place: Place, settings: ImagingConvert) -> Product | Unreadable:
    """Return the OME-Zarr of an image, written into the place, or why its pixels cannot be had."""
    source = source_of(asset)
    store = place.path / f"{asset.asset}.ome.zarr"
    with reading(source):
        try:
            reader = leased_reader(source)
            return Conversion(source, reader, store, settings).run(asset)
        except UnreadableImage as fault:
            return Unreadable(findings=fault.findings)
        except DecodingFailed as fault:
            return Unreadable(findings=(NOT_DECODABLE.broken(source.name, str(fault)),))


@contextlib.contextmanager
def reading(source: Source) -> Iterator[None]:
    """Hold the readers of a file that workers open, and close them all at the end."""
    try:
        yield
    finally:
        release_readers(source)


class Conversion:
    """One conversion: its source, where it is written to, how it is cut."""

    def __init__(self, source: Source, reader: ImageReader, store: Path, settings: ImagingConvert) -> None:
        self.source, self.reader, self.store, self.settings = source, reader, store, settings
        self.scenes = reader.scenes
        self.paths = image_paths(self.scenes)
        self.findings: list[Finding] = []

    def run(self, asset: Asset) -> Product:
        """Write every scene, read it back, and return the product with its side-cars."""
        beside = sidecars.SideCars(self.store.parent, len(self.scenes), self.settings.thumbnail_px)
        digests = []
        for number, scene in enumerate(self.scenes):
            digest, measured = self.write_scene(number)
            if self.findings:
                raise UnreadableImage(*self.findings)
            digests.append(digest)
            beside.add(number, self.image_path(number), scene, measured)
        own_xml = self.reader.container.ome_xml
        for path, attributes in groups_above(self.scenes, self.reader.container.plate):
            self.describe(self.store / path, attributes)
        if self.paths != [""]:
            (self.store / "OME/METADATA.ome.xml").write_bytes(own_xml or ome_xml_of(self.scenes))
        side_cars = beside.finish(own_xml)
        if any(scene.members for scene in self.scenes):
            write_index(self.store.parent / INDEX_NAME, self.scenes, self.paths, digests)
            side_cars["images"] = INDEX_NAME
        shutil.rmtree(self.store.parent / PROGRESS)
        return Product(
            kind="ome-zarr",
            path=self.store.name,
            logical_digest=digest_json(digests),
            side_cars=side_cars,
            facts=self.facts(),
        )

    def facts(self) -> dict[str, JsonValue]:
        """Return what a reader of the record may want to know of the store."""
        levels = self.levels(self.scenes[0])
        return {
            "ome_zarr_version": self.settings.ome_zarr_version,
            "image_shapes": [list(scene.shape) for scene in self.scenes],
            "levels": len(levels),
            "chunks": list(levels[0].chunks),
            "shards": list(levels[0].shards if self.sharded else levels[0].chunks),
            "codec": "blosc zstd 1 bitshuffle",
        }

    def image_path(self, number: int) -> Path:
        """Return the group of a scene: the store itself where there is only one."""
        return self.store / self.paths[number]

    def levels(self, scene: Scene) -> tuple[Level, ...]:
        """Return how a scene is cut."""
        settings = self.settings
        # fields of a set are many and small: one file for all channels of a field and level
        shard_c = scene.shape[1] if scene.members and scene.nbytes <= SMALL_FIELD_BYTES else 1
        return cut_levels(scene.shape, settings.chunk_yx, settings.shard_yx, settings.shard_z, shard_c)

    @property
    def sharded(self) -> bool:
        """Whether the store has shards."""
        return ngff.is_sharded(self.settings.ome_zarr_version)

    def describe(self, path: Path, attributes: ngff.Json) -> None:
        """Write the attributes of a group."""
        write_attributes(path, attributes, self.settings.ome_zarr_version)

    def is_compared_whole(self, scene: Scene) -> bool:
        """Tell whether a scene is small enough to be decoded and read from its source a second time, all of it."""
        return scene.nbytes <= self.settings.compare_whole_mb * 1_000_000

    def write_scene(self, number: int) -> tuple[str, sidecars.Measured]:
        """Write one scene and its attributes; return the digest of its pixels and what was measured."""
        scene, path = self.scenes[number], self.image_path(number)
        levels = self.levels(scene)
        full = saturation_value(scene.dtype, scene.significant_bits)
        tallies, planes = [Tally(scene.dtype.str) for _ in scene.channel_names], PlaneTable(full)
        progress = Progress(self.store.parent / PROGRESS / str(number), path)
        if progress.begin():
            create_image(path, levels, scene.dtype, self.settings.ome_zarr_version)
            progress.created()
        writer = SlabWriter(
            Submitted(self.source), str(path), levels, full, self.is_compared_whole(scene), self.sharded
        )
        edge = shard_edge(self.settings.chunk_yx, self.settings.shard_yx)
        bands: dict[Band, str] = {}
        differing: list[str] = []
        for slabs in passes(number, levels, scene.dtype.itemsize, scene.samples, edge):
            for slab, written in write_slabs(writer, slabs, progress, threads_for(scene)):
                for offset, counted in enumerate(written.tallies):
                    tallies[slab.bounds[1][0] + offset].add(counted)
                planes.add(written.planes)
                bands |= written.bands
                differing += written.differing
        attributes = ngff.image_attributes(
            scene.name or Path(self.source.name).name,
            len(levels),
            scene.physical_um,
            scene.time_increment_s,
            [display(scene, index, tallies[index]) for index in range(len(tallies))],
        )
        self.describe(path, attributes)
        if not bands:
            bands = self.stored_bands(number, levels)
        self.compare(number, levels, bands, differing)
        digest = image_digest(scene.shape, scene.dtype, (bands[band] for band in sorted(bands)))
        light = [planes.light(channel) for channel in range(len(tallies))]
        return digest, sidecars.Measured(tallies, planes.rows(by_plane(bands.items())), light)

    def stored_bands(self, number: int, levels: tuple[Level, ...]) -> dict[Band, str]:
        """Return the digests of level 0 as it is stored: of planes that no worker had whole."""
        scene = self.scenes[number]
        blocks = blocks_of(number, scene.shape, scene.dtype.itemsize, (1, 1, 1))
        found: dict[Band, str] = {}
        for part in compute.each(StoredDigests(str(self.image_path(number))), blocks, threads_for(scene)):
            found |= part
        return found

    def compare(self, number: int, levels: tuple[Level, ...], bands: dict[Band, str], differing: list[str]) -> None:
        """Add what is wrong with a scene that was written: files that are not as they should be, or other pixels.

        What workers wrote they have read back; here the source is read again by whole pages, not as they did: all of
        it where it is small, else samples.
        """
        where = f"{self.source.name}: image {number}"
        for found in missing_files(self.image_path(number), levels, sharded=self.sharded):
            self.findings.append(WRITTEN_DIFFERS.broken(where, found))
        if differing:
            first = ", ".join(sorted(differing)[:SHOWN])
            found = f"{len(differing):,} files or tiles are not as they were written"
            self.findings.append(WRITTEN_DIFFERS.broken(f"{where}: {first}", found, count=len(differing)))
        wrong = [band for band, digest in self.digests_of_source(number, levels) if bands[band] != digest]
        if wrong:
            first = ", ".join(f"t{t} c{c} z{z} y{y}" for t, c, z, y in wrong[:SHOWN])
            found = f"{len(wrong):,} planes differ"
            self.findings.append(WRITTEN_DIFFERS.broken(f"{where}: {first}", found, count=len(wrong)))

    def digests_of_source(self, number: int, levels: tuple[Level, ...]) -> Iterator[tuple[Band, str]]:
        """Yield (band, sha256) of the source, read by whole pages: all of it, or one of seven and the last."""
        scene = self.scenes[number]
        whole = self.is_compared_whole(scene)
        planes = (levels[0].shards[0], levels[0].shards[2]) if whole else (1, 1)
        blocks = blocks_of(number, scene.shape, scene.dtype.itemsize, (planes[0], scene.samples, planes[1]))
        blocks = blocks if whole else sampled(blocks)
        threads = threads_for(scene) if len(blocks) >= BLOCKS_WORTH_A_SCHEDULER else 1
        for part in compute.each(SourceDigests(self.source), blocks, threads):
            yield from part.items()


def threads_for(scene: Scene) -> int | None:
    """Return 1 for a scene that is not worth a scheduler, None (as many as are free) for others."""
    return 1 if scene.nbytes < WORTH_A_SCHEDULER_BYTES else None


def display(scene: Scene, index: int, tally: Tally) -> ngff.ChannelDisplay:
    """Return how a channel is first shown: colours of photographs as they are, others between two percentiles."""
    low, high = (tally.low, tally.high) if tally.pixels else (0.0, 0.0)
    start, end = tally.percentiles(DISPLAY_PERCENTILES)
    if scene.samples > 1 and scene.dtype.itemsize == 1:
        start, end = 0.0, 255.0
    colour = ngff.colour_of(index, len(scene.channel_names), scene.colours[index])
    return ngff.ChannelDisplay(scene.channel_names[index], colour, low, high, start, end)
