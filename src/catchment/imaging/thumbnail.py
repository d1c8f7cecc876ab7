"""A small picture of an image, the same bytes every time."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from catchment.imaging.intensities import Tally
from catchment.imaging.ngff import colour_of
from catchment.imaging.pyramid import level_shapes
from catchment.imaging.readers import Scene
from catchment.imaging.store import open_level

Pixels = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

MAX_CHANNELS = 4
# of a file with many images, so many are shown on one sheet, side by side
MAX_TILES, TILE_GAP_PX = 36, 2
STRETCH_PERCENTILES = (1.0, 99.8)


class Sheet:
    """The thumbnail of a file: its one image, or up to 36 of its images, evenly chosen, as a contact sheet."""

    def __init__(self, images: int, longest_px: int) -> None:
        tiles = min(images, MAX_TILES)
        self.chosen = {images * tile // tiles for tile in range(tiles)}
        self.tile_px = longest_px if tiles == 1 else max(1, longest_px // 2)
        self._pictures: list[Image.Image] = []

    def add(self, number: int, image: Path, scene: Scene, tallies: Sequence[Tally]) -> None:
        """Draw an image where it is one of the chosen."""
        if number in self.chosen:
            self._pictures.append(fitted(picture_of(image, scene, tallies, self.tile_px), self.tile_px))

    def png(self) -> bytes:
        """Return the sheet as a PNG: rows from the top, each from the left."""
        sheet = self._pictures[0]
        if len(self._pictures) > 1:
            columns = math.ceil(math.sqrt(len(self._pictures)))
            step = self.tile_px + TILE_GAP_PX
            size = columns * step - TILE_GAP_PX, -(-len(self._pictures) // columns) * step - TILE_GAP_PX
            sheet = Image.new("RGB", size)
            for number, picture in enumerate(self._pictures):
                sheet.paste(picture, (number % columns * step, number // columns * step))
        data = io.BytesIO()
        sheet.save(data, "PNG", compress_level=6)
        return data.getvalue()


def picture_of(image: Path, scene: Scene, tallies: Sequence[Tally], longest_px: int) -> Image.Image:
    """Return the middle time point: brightest z of up to four channels, each stretched and in its colour.

    Photographs (several samples in a pixel) are shown as they are. Read from the smallest level that is large enough.
    """
    level = max(
        (number for number, shape in enumerate(level_shapes(scene.shape)) if max(shape[-2:]) >= longest_px), default=0
    )
    array = open_level(str(image), level)
    middle = scene.shape[0] // 2
    photograph = scene.samples in (3, 4) and scene.dtype.itemsize == 1 and scene.dtype.kind == "u"
    shown = [brightest(array, middle, channel, scene.shape[2]) for channel in range(min(MAX_CHANNELS, scene.shape[1]))]
    if photograph:
        picture = np.stack(shown, axis=-1).astype(np.uint8)
    else:
        colours = [colour_of(index, scene.shape[1], scene.colours[index]) for index in range(len(shown))]
        picture = composite([stretch(own, tallies[i]) for i, own in enumerate(shown)], colours)
    return Image.fromarray(picture)


def brightest(array: Any, t: int, channel: int, planes: int) -> Pixels:
    """Return the maximum over z of one channel at one time, one plane in memory at a time."""
    best = np.asarray(array[t, channel, 0])
    for z in range(1, planes):
        best = np.maximum(best, np.asarray(array[t, channel, z]))
    return best


def stretch(plane: Pixels, tally: Tally) -> Floats:
    """Return a plane between 0 and 1: the channel's low percentile to its high one. NaN is dark."""
    low, high = tally.percentiles(STRETCH_PERCENTILES)
    wide = np.nan_to_num(plane.astype(np.float64), nan=low)
    # a channel of one value has no contrast to show
    return np.clip((wide - low) / ((high - low) or 1.0), 0, 1).astype(np.float32)


def composite(planes: Sequence[Floats], colours: Sequence[str]) -> npt.NDArray[np.uint8]:
    """Return planes (0 to 1) added up in their colours (`RRGGBB`) as y, x, RGB."""
    total = np.zeros((*planes[0].shape, 3), np.float32)
    for plane, colour in zip(planes, colours, strict=True):
        total += plane[..., np.newaxis] * np.frombuffer(bytes.fromhex(colour), np.uint8).astype(np.float32)
    picture: npt.NDArray[np.uint8] = np.rint(np.clip(total, 0, 255)).astype(np.uint8)
    return picture


def fitted(picture: Image.Image, longest_px: int) -> Image.Image:
    """Return a picture with its longer edge `longest_px`; smaller pictures stay as they are."""
    factor = longest_px / max(picture.size)
    if factor >= 1:
        return picture
    width, height = (max(1, round(edge * factor)) for edge in picture.size)
    return picture.resize((width, height), Image.Resampling.BOX)
