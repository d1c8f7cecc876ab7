"""CZI of Zeiss' ZEN: tiles straight from their blocks, mosaics stitched, colours in the order red, green, blue.

czifile's last release for Python 3.11 is of 2019 and swallows what fails in a tile; bioio-czi (GPL) hands out wrong
colours. So the blocks are read here, and held against Bio-Formats in `tests/real`.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np

from catchment.imaging.axes import Slices
from catchment.imaging.czi_layout import COMPRESSIONS, KINDS, BrokenCzi, CziFile, CziLayout, Tile, walk_czi
from catchment.imaging.czi_xml import CziDocument, read_czi_xml
from catchment.imaging.mosaic import Rectangle, open_pixels, overlap, span
from catchment.imaging.readers import Container, DecodingFailed, Pixels, Scene, Source, UnreadableImage
from catchment.imaging.rules import GAPS, NO_PLACE, NOT_READABLE, PIXELS_MISSING, SLIDE_PICTURES
from catchment.schema.records import Finding
from catchment.schema.rules import Rule

# a rectangle this many times larger than its tiles is no mosaic
MAX_SPAN = 64
PACKED = 6  # zstd behind a header, which may say that high and low bytes were set apart
RGB = ("R", "G", "B")

Plane = tuple[int, int, int, int]  # scene, t, c, z


class CziReader:
    """An open CZI; the last tile that was decoded is kept."""

    shared = False
    name = "own CZI reader"
    version = "1"

    def __init__(self, source: Source) -> None:
        self.source = source
        with Path(source.path).open("rb") as file:
            layout = walk_czi(file, source.name)
        if isinstance(layout, Finding):
            raise UnreadableImage(layout)
        document = read_czi_xml(layout.xml, source.name)
        if isinstance(document, Finding):
            raise UnreadableImage(document)
        self._kept: tuple[Tile, Pixels] | None = None
        self._scanned: dict[Plane, list[Tile]] | None = None
        self._numbers = sorted({tile.scene for tile in layout.tiles})
        self._planes = planes_of(layout.tiles)
        self._starts: list[dict[str, int]] = []
        self._spans: list[Rectangle] = []
        findings: list[Finding] = []
        scenes = []
        for index, number in enumerate(self._numbers):
            tiles = [tile for tile in layout.tiles if tile.scene == number]
            scenes.append(self._scene(index, tiles, document))
            findings += self._gaps(index, tiles)
        self.scenes: tuple[Scene, ...] = tuple(scenes)
        self.container = self._container(layout, document, findings)

    def _container(self, layout: CziLayout, document: CziDocument, findings: list[Finding]) -> Container:
        """Return what the walk over the file learnt."""
        if layout.pictures:
            found = ", ".join(layout.pictures)
            findings = [*findings, SLIDE_PICTURES.broken(self.source.name, found, count=len(layout.pictures))]
        return Container(
            format="czi",
            largest_segment_bytes=max(stored_bytes(tile) for tile in layout.tiles),
            compression=", ".join(sorted({COMPRESSIONS[tile.compression] for tile in layout.tiles})),
            instrument=document.instrument,
            findings=tuple(findings),
        )

    def _refuse(self, rule: Rule, index: int, found: str) -> UnreadableImage:
        """Return the refusal of the file for one of its scenes."""
        return UnreadableImage(rule.broken(f"{self.source.name}: image {index}", found))

    def _scene(self, index: int, tiles: list[Tile], document: CziDocument) -> Scene:
        """Return one scene, after holding its tiles against each other."""
        kinds = {tile.kind for tile in tiles}
        if len(kinds) > 1:
            raise self._refuse(NO_PLACE, index, f"channels of {len(kinds)} kinds of pixels")
        whole = span(map(rectangle, tiles))
        planes = len({(tile.t, tile.c, tile.z) for tile in tiles})
        if whole.area * planes > MAX_SPAN * sum(rectangle(tile).area for tile in tiles):
            raise self._refuse(
                NOT_READABLE, index, f"tiles that lie apart in {whole.width:,} x {whole.height:,} pixels"
            )
        starts = {axis: min(getattr(tile, axis) for tile in tiles) for axis in "tcz"}
        sizes = {axis: max(getattr(tile, axis) for tile in tiles) - starts[axis] + 1 for axis in "tcz"}
        declared = sizes["t"] * sizes["c"] * sizes["z"]
        if planes != declared:
            raise self._refuse(PIXELS_MISSING, index, f"{declared - planes:,} of {declared:,} planes were never stored")
        self._starts.append(starts)
        self._spans.append(whole)
        name, samples = KINDS[kinds.pop()]
        names, colours = document.channels(starts["c"], sizes["c"])
        if samples > 1:
            prefixes = names if sizes["c"] > 1 else ("",)
            names = tuple(f"{prefix} {letter}".strip() for prefix in prefixes for letter in RGB)
            colours = ("FF0000", "00FF00", "0000FF") * sizes["c"]
        return Scene(
            name=document.scene_name(self._numbers[index]) if len(self._numbers) > 1 else "",
            shape=(sizes["t"], sizes["c"] * samples, sizes["z"], whole.height, whole.width),
            dtype=np.dtype(name).newbyteorder("="),
            channel_names=names,
            colours=colours,
            physical_um=dict(document.physical_um),
            samples=samples,
            significant_bits=document.significant_bits,
        )

    def _gaps(self, index: int, tiles: list[Tile]) -> list[Finding]:
        """Return a finding where the tiles of a plane leave pixels open."""
        layouts = defaultdict(list)
        for tile in tiles:
            layouts[tile.t, tile.c, tile.z].append(rectangle(tile))
        whole = self._spans[index]
        worst = 0
        for parts in {tuple(sorted(own, key=lambda part: (part.y, part.x))) for own in layouts.values()}:
            corner = Rectangle(whole.y, whole.x, 0, 0), Rectangle(whole.y + whole.height, whole.x + whole.width, 0, 0)
            left = open_pixels([*parts, *corner])
            if left is None:
                raise self._refuse(NOT_READABLE, index, f"{len(parts):,} tiles without any order")
            worst = max(worst, left)
        if not worst:
            return []
        found = f"{worst:,} of {whole.area:,} pixels of a plane are in no tile, and 0 here"
        return [GAPS.broken(f"{self.source.name}: image {index}", found)]

    def close(self) -> None:
        """Let go of the kept tile; the file is open only while it is read."""
        self._kept = None

    # --- pixels --------------------------------------------------------------------------------------------------

    def region(self, scene: int, wanted: Slices) -> Pixels:
        """Return a region as t, c, z, y, x, decoding only the tiles it touches; later tiles are painted over."""
        return self._painted(scene, wanted, self._planes, from_top=False)

    def eager(self, scene: int, wanted: Slices) -> Pixels:
        """Return a region from the tiles that a walk over the file meets, the uppermost first."""
        if self._scanned is None:
            with Path(self.source.path).open("rb") as file:
                try:
                    self._scanned = planes_of(CziFile(file, self.source.name).scanned())
                except BrokenCzi as fault:
                    raise DecodingFailed(fault.found) from None
        return self._painted(scene, wanted, self._scanned, from_top=True)

    def _painted(self, scene: int, wanted: Slices, planes: dict[Plane, list[Tile]], from_top: bool) -> Pixels:
        """Return a region put together from tiles."""
        t, c, z, y, x = wanted
        told, starts, whole = self.scenes[scene], self._starts[scene], self._spans[scene]
        shape = [part.stop - part.start for part in wanted]
        pixels = np.zeros(shape, told.dtype)
        window = Rectangle(whole.y + y.start, whole.x + x.start, shape[3], shape[4])
        for i in range(t.start, t.stop):
            for k in range(z.start, z.stop):
                for group in range(c.start // told.samples, -(-c.stop // told.samples)):
                    place = self._numbers[scene], starts["t"] + i, starts["c"] + group, starts["z"] + k
                    plane = self._paint(planes.get(place, []), window, told, from_top)
                    for channel in range(max(c.start, group * told.samples), min(c.stop, (group + 1) * told.samples)):
                        own = plane[..., channel - group * told.samples]
                        pixels[i - t.start, channel - c.start, k - z.start] = own
        return pixels

    def _paint(self, tiles: list[Tile], window: Rectangle, told: Scene, from_top: bool) -> Pixels:
        """Return a window of a plane as y, x, samples: tiles painted one over the other, or each where none is yet."""
        plane = np.zeros((window.height, window.width, told.samples), told.dtype)
        free = np.ones((window.height, window.width), bool) if from_top else None
        for tile in reversed(tiles) if from_top else tiles:
            meeting = overlap(rectangle(tile), window)
            if meeting is None:
                continue
            own, there = meeting
            part = self._decoded(tile)[own]
            if free is None:
                plane[there] = part
            else:
                plane[there][free[there]] = part[free[there]]
                free[there] = False
        return plane

    def _decoded(self, tile: Tile) -> Pixels:
        """Return a tile as y, x, samples."""
        if self._kept is None or self._kept[0] != tile:
            self._kept = None
            with Path(self.source.path).open("rb") as file:
                file.seek(tile.offset)
                data = file.read(tile.length)
            self._kept = tile, decode(data, tile)
        return self._kept[1]


def planes_of(tiles: tuple[Tile, ...]) -> dict[Plane, list[Tile]]:
    """Return the tiles of each plane, in the turn of their mosaic."""
    planes: dict[Plane, list[Tile]] = defaultdict(list)
    for tile in tiles:
        planes[tile.scene, tile.t, tile.c, tile.z].append(tile)
    return dict(planes)


def rectangle(tile: Tile) -> Rectangle:
    """Return where a tile lies."""
    return Rectangle(tile.y, tile.x, tile.height, tile.width)


def stored_bytes(tile: Tile) -> int:
    """Return how many bytes a decoded tile takes."""
    name, samples = KINDS[tile.kind]
    return tile.height * tile.width * samples * np.dtype(name).itemsize


def decode(data: bytes, tile: Tile) -> Pixels:
    """Return the pixels of a tile as y, x, samples in native byte order; blue comes first in the file."""
    name, samples = KINDS[tile.kind]
    due = stored_bytes(tile)
    plain: Any = data
    if tile.compression:
        offset, set_apart = packed_header(data) if tile.compression == PACKED else (0, False)
        try:
            # a length, so that a block which declares more is refused before it is decompressed
            plain = imagecodecs.zstd_decode(data[offset:], out=due)
        except (RuntimeError, ValueError, TypeError) as error:
            raise DecodingFailed(f"zstd: {error}") from None
        if set_apart:
            halves = np.frombuffer(plain, np.uint8)
            plain = np.ascontiguousarray(halves.reshape(2, -1).T).tobytes() if halves.size == due else b""
    if len(plain) < due:
        raise DecodingFailed(f"{len(plain):,} bytes in a tile of {due:,}")
    pixels = np.frombuffer(plain, name, due // np.dtype(name).itemsize).reshape(tile.height, tile.width, samples)
    return pixels[..., ::-1].astype(pixels.dtype.newbyteorder("="))


def packed_header(data: bytes) -> tuple[int, bool]:
    """Return the length of the header before zstd data, and whether low and high bytes were set apart."""
    if data[:1] == b"\x01":
        return 1, False
    if len(data) >= 3 and data[0] == 3 and data[1] == 1:
        return 3, bool(data[2] & 1)
    raise DecodingFailed(f"zstd data behind an unknown header {data[:3]!r}")
