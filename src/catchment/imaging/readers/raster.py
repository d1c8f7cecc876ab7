"""PNG and JPEG: one image of one plane each, decoded whole.

PNG comes from libpng (imagecodecs): Pillow, and with it bioio-imageio, cuts colours of 16 bits down to 8.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image, UnidentifiedImageError

from catchment.imaging.axes import Arrangement, Slices, native
from catchment.imaging.raster_layout import RasterLayout, walk_raster
from catchment.imaging.readers import Container, DecodingFailed, Pixels, Scene, Source, UnreadableImage
from catchment.schema.records import Finding

# what libpng, Pillow and imagecodecs raise on damaged data
DECODE_ERRORS = (
    RuntimeError, ValueError, OSError, SyntaxError, IndexError, TypeError, UnidentifiedImageError,
)  # fmt: skip
NAMES = {1: ("channel 0",), 2: ("L", "A"), 3: ("R", "G", "B"), 4: ("R", "G", "B", "A")}
COLOURS = {"R": "FF0000", "G": "00FF00", "B": "0000FF"}


class RasterReader:
    """An open PNG or JPEG; it is decoded when pixels are first asked for, and kept."""

    shared = False

    def __init__(self, source: Source) -> None:
        self.source = source
        with Path(source.path).open("rb") as file:
            layout = walk_raster(file, source.name)
        if isinstance(layout, Finding):
            raise UnreadableImage(layout)
        self.layout = layout
        codec: Any = imagecodecs if layout.format == "png" else Image
        self.name = "imagecodecs" if layout.format == "png" else "pillow"
        self.version = str(codec.__version__)
        dtype = np.dtype(np.uint16 if layout.bits == 16 else np.uint8)
        names = NAMES[layout.samples]
        self.scenes: tuple[Scene, ...] = (
            Scene(
                name="",
                shape=(1, layout.samples, 1, layout.y, layout.x),
                dtype=dtype,
                channel_names=names,
                colours=tuple(COLOURS.get(name) for name in names),
                samples=layout.samples,
            ),
        )
        self.container = Container(
            format=layout.format,
            largest_segment_bytes=self.scenes[0].nbytes,
            compression="DEFLATE" if layout.format == "png" else "JPEG",
        )
        self._pixels: Pixels | None = None

    def close(self) -> None:
        """Let go of the decoded pixels; the file is open only while it is read."""
        self._pixels = None

    def region(self, scene: int, wanted: Slices) -> Pixels:
        """Return a region as t, c, z, y, x."""
        if self._pixels is None:
            decode = decode_png if self.layout.format == "png" else decode_with_pillow
            self._pixels = arranged(decode(self.source.path), self.layout)
        return self._pixels[wanted]

    def eager(self, scene: int, wanted: Slices) -> Pixels:
        """Return a region as Pillow decodes it; as libpng does where Pillow would lose bits."""
        loses = self.layout.bits == 16 and self.layout.samples > 1
        pixels = decode_png(self.source.path) if loses else decode_with_pillow(self.source.path)
        return arranged(pixels, self.layout)[wanted]


def arranged(pixels: Pixels, layout: RasterLayout) -> Pixels:
    """Return decoded pixels (y, x or y, x, samples) as t, c, z, y, x, held against what the header promised."""
    stored = pixels if pixels.ndim == 3 else pixels[..., np.newaxis]
    if stored.shape != (layout.y, layout.x, layout.samples):
        promised = (layout.y, layout.x, layout.samples)
        raise DecodingFailed(f"pixels of shape {stored.shape} where the header promises {promised}")
    return Arrangement(("y", "x", "s"), stored.shape).arrange(stored)


def decode_png(path: str) -> Pixels:
    """Return the pixels of a PNG, all bits of them; grey of 1, 2 or 4 bits is spread to 8, a palette to its colours."""
    try:
        return np.asarray(imagecodecs.png_decode(Path(path).read_bytes()))
    except DECODE_ERRORS as error:
        raise DecodingFailed(f"{type(error).__name__}: {error}") from None


def decode_with_pillow(path: str) -> Pixels:
    """Return the pixels of a PNG or JPEG as Pillow has them, in the form that libpng gives."""
    # our own limit on size came first; Pillow's would warn about large, honest images
    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(path) as image:
            expanded = image.convert("RGB") if image.mode in ("P", "YCbCr") else image
            pixels = np.asarray(expanded)
    except DECODE_ERRORS as error:
        raise DecodingFailed(f"{type(error).__name__}: {error}") from None
    return pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels.astype(native(pixels.dtype), copy=False)
