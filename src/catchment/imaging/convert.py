"""An image into OME-Zarr 0.5: sharded, with its pyramid, read back, its statistics and thumbnail beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from pydantic import JsonValue

from catchment import compute
from catchment.config import ImagingConvert
from catchment.imaging import ngff, sidecars
from catchment.imaging.describe import source_of
from catchment.imaging.digests import Band, SourceDigests, StoredDigests, blocks_of, image_digest
from catchment.imaging.image_index import NAME as INDEX_NAME
from catchment.imaging.image_index import write_index
from catchment.imaging.intensities import Tally
from catchment.imaging.layout import Level, cut_levels, passes, shard_edge
from catchment.imaging.ome_writer import ome_xml_of
from catchment.imaging.plate_layout import groups_above, image_paths
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
from catchment.imaging.store import SlabWriter, create_image, missing_shards, write_attributes, write_slabs
from catchment.schema.records import Asset, Description, Finding, Product, Unreadable
from catchment.storage import Place, digest_json

DISPLAY_PERCENTILES = (1.0, 99.8)
# up to here every pixel is compared with the source by a second way of reading; beyond, first, middle and last planes
COMPARED_WHOLE_BYTES = 256_000_000
# a smaller scene is done before a scheduler is up
WORTH_A_SCHEDULER_BYTES = 64_000_000
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
            digest, tallies = self.write_scene(number)
            digests.append(digest)
            beside.add(number, self.image_path(number), scene, tallies)
        own_xml = self.reader.container.ome_xml
        for path, attributes in groups_above(self.scenes, self.reader.container.plate):
            write_attributes(self.store / path, attributes)
        if self.paths != [""]:
            (self.store / "OME/METADATA.ome.xml").write_bytes(own_xml or ome_xml_of(self.scenes))
        side_cars = beside.finish(own_xml)
        if any(scene.members for scene in self.scenes):
            write_index(self.store.parent / INDEX_NAME, self.scenes, self.paths, digests)
            side_cars["images"] = INDEX_NAME
        return Product(
            kind="ome-zarr",
            path=self.store.name,
            logical_digest=digest_json(digests),
            side_cars=side_cars,
            findings=tuple(self.findings),
            facts=self.facts(),
        )

    def facts(self) -> dict[str, JsonValue]:
        """Return what a reader of the record may want to know of the store."""
        levels = self.levels(self.scenes[0])
        return {
            "ome_zarr_version": ngff.VERSION,
            "image_shapes": [list(scene.shape) for scene in self.scenes],
            "levels": len(levels),
            "chunks": list(levels[0].chunks),
            "shards": list(levels[0].shards),
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

    def write_scene(self, number: int) -> tuple[str, list[Tally]]:
        """Write one scene and its attributes, read it back; return the digest of its pixels and what was counted."""
        scene, path = self.scenes[number], self.image_path(number)
        levels = self.levels(scene)
        tallies = [Tally(scene.dtype.str) for _ in scene.channel_names]
        create_image(path, levels, scene.dtype)
        writer = SlabWriter(self.source, str(path), levels)
        edge = shard_edge(self.settings.chunk_yx, self.settings.shard_yx)
        for slabs in passes(number, levels, scene.dtype.itemsize, scene.samples, edge):
            write_slabs(writer, slabs, tallies, threads_for(scene))
        attributes = ngff.image_attributes(
            scene.name or Path(self.source.name).name,
            len(levels),
            scene.physical_um,
            scene.time_increment_s,
            [display(scene, index, tallies[index]) for index in range(len(tallies))],
        )
        write_attributes(path, attributes)
        return self.read_back(number, levels), tallies

    def read_back(self, number: int, levels: tuple[Level, ...]) -> str:
        """Hold level 0 of a scene against its source, and return its digest.

        The store is read whole. The source is read again by whole pages, not as the conversion did: all of it where it
        is small, else its first, middle and last shard of planes.
        """
        scene, path = self.scenes[number], self.image_path(number)
        where = f"{self.source.name}: image {number}"
        for found in missing_shards(path, levels):
            self.findings.append(WRITTEN_DIFFERS.broken(where, found))
        blocks = blocks_of(number, scene.shape, scene.dtype.itemsize, levels[0].shards[:3])
        stored: dict[Band, str] = {}
        for part in compute.each(StoredDigests(str(path)), blocks, threads_for(scene)):
            stored |= part
        wrong = [band for band, digest in self.digests_of_source(number, levels) if stored[band] != digest]
        if wrong:
            first = ", ".join(f"t{t} c{c} z{z} y{y}" for t, c, z, y in wrong[:SHOWN])
            self.findings.append(
                WRITTEN_DIFFERS.broken(f"{where}: {first}", f"{len(wrong):,} planes differ", count=len(wrong))
            )
        return image_digest(scene.shape, scene.dtype, (stored[band] for band in sorted(stored)))

    def digests_of_source(self, number: int, levels: tuple[Level, ...]) -> Iterator[tuple[Band, str]]:
        """Yield (band, sha256) of the source, read by whole pages: all of it, or the first, middle and last block."""
        scene = self.scenes[number]
        step = (levels[0].shards[0], scene.samples, levels[0].shards[2])
        blocks = blocks_of(number, scene.shape, scene.dtype.itemsize, step)
        if scene.nbytes > COMPARED_WHOLE_BYTES:
            blocks = [blocks[index] for index in sorted({0, len(blocks) // 2, len(blocks) - 1})]
        for part in compute.each(SourceDigests(self.source), blocks, threads_for(scene)):
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
