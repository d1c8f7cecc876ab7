"""LIF of Leica's LAS: headers by liffile, pixels from the memory blocks that it finds.

Wavelengths of a spectral scan, of excitation or emission, are channels here; Bio-Formats makes time points of them.
"""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import liffile
import numpy as np

from catchment.imaging.physical import size_um
from catchment.imaging.readers import Container, DecodingFailed, Pixels, Scene, Source, UnreadableImage
from catchment.imaging.readers.planes import READ_WHOLE_BYTES, Place, PlaneReader, stored_plane, upright
from catchment.imaging.rules import CUT_SHORT, DOCTYPE, NO_PLACE, NO_READER, NOT_READABLE, PIXELS_MISSING
from catchment.schema.records import Finding
from catchment.schema.rules import Rule

# what liffile raises on damaged headers
ERRORS = (
    liffile.LifFileError, ValueError, TypeError, KeyError, IndexError, AttributeError, OSError, OverflowError,
    struct.error, AssertionError, RuntimeError, NotImplementedError, ElementTree.ParseError, ZeroDivisionError,
)  # fmt: skip
MAX_CHARACTERS = 128_000_000
AXES = {"T": "t", "C": "c", "λ": "c", "Λ": "c", "Z": "z", "Y": "y", "X": "x"}
WAVELENGTHS = {"λ": "emission", "Λ": "excitation"}
# DimID of LIF's XML
DIMENSIONS = {"x": "1", "y": "2", "z": "3"}
DESCRIPTIONS = "./Data/Image/ImageDescription/Dimensions/DimensionDescription"


class LifReader(PlaneReader):
    """An open LIF; each image of it is a scene."""

    name = "liffile"
    version = str(liffile.__version__)

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source
        fault = header_fault(Path(source.path), source.name)
        if fault:
            raise UnreadableImage(fault)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._file = liffile.LifFile(source.path, squeeze=True)
        except ERRORS as error:
            raise self._refuse(NOT_READABLE, f"headers on which liffile ends in: {error}") from None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._images = list(self._file.images)
                self._axes = [self._axes_of(image) for image in self._images]
                self._stored = [self._place_of(image) for image in self._images]
                self.scenes = tuple(self._scene(index) for index in range(len(self._images)))
        except ERRORS as error:
            self._file.close()
            raise self._refuse(NOT_READABLE, f"headers on which liffile ends in: {error}") from None
        except UnreadableImage:
            self._file.close()
            raise
        if not self.scenes:
            self._file.close()
            raise self._refuse(NOT_READABLE, "a LIF without any image")
        self._whole: dict[int, Pixels] = {}
        plane = max(scene.shape[3] * scene.shape[4] * scene.dtype.itemsize for scene in self.scenes)
        self.container = Container("lif", plane, "NONE")

    def _refuse(self, rule: Rule, found: str) -> UnreadableImage:
        """Return the refusal of this file."""
        return UnreadableImage(rule.broken(self.source.name, found))

    def _axes_of(self, image: Any) -> str:
        """Return the axis of each stored axis; refuse what has no place, or was never seen in a real file."""
        if image.is_flim or "S" in image.sizes:
            raise self._refuse(NO_READER, f"{image.name}: photon counts or colour pixels in a LIF")
        strange = [label for label in image.sizes if label not in AXES]
        axes = "".join(AXES.get(label, "?") for label in image.sizes)
        if strange or len(set(axes)) != len(axes) or not {"y", "x"} <= set(axes):
            raise self._refuse(NO_PLACE, f"{image.name}: axes {', '.join(image.sizes)}")
        if np.dtype(image.dtype).kind not in "uf":
            raise self._refuse(NO_PLACE, f"{image.name}: pixels of type {image.dtype}")
        return axes

    def _place_of(self, image: Any) -> tuple[np.dtype[Any], int, tuple[int, ...]]:
        """Return type, offset and shape of the pixels of an image in the file."""
        block, size = image.memory_block, Path(self.source.path).stat().st_size
        if block.offset < 0 or block.offset + image.nbytes > size:
            raise self._refuse(
                CUT_SHORT, f"{image.name}: pixels up to byte {block.offset + image.nbytes:,} in {size:,}"
            )
        if not block.size:
            raise self._refuse(PIXELS_MISSING, f"{image.name}: pixels that were never stored")
        if image.nbytes != block.size:
            found = f"{image.name}: {image.nbytes:,} bytes of pixels in a block of {block.size:,}"
            raise self._refuse(NO_READER, found)
        return np.dtype(image.dtype), int(block.offset), tuple(int(size) for size in image.shape)

    def _scene(self, index: int) -> Scene:
        """Return an image as a scene."""
        image, axes = self._images[index], self._axes[index]
        sizes = dict(zip(axes, image.shape, strict=True))
        count = sizes.get("c", 1)
        label = next((label for label in image.sizes if label in WAVELENGTHS), "")
        names = [f"channel {number}" for number in range(count)]
        if label and label in image.coords:
            names = [f"{WAVELENGTHS[label]} {name}" for name in wavelengths(np.asarray(image.coords[label]))]
        return Scene(
            name=str(image.path) if len(self._images) > 1 else "",
            shape=(sizes.get("t", 1), count, sizes.get("z", 1), sizes["y"], sizes["x"]),
            dtype=np.dtype(image.dtype).newbyteorder("="),
            channel_names=tuple(names),
            colours=(None,) * count,
            physical_um={axis: step_um(image.xml_element, number) for axis, number in DIMENSIONS.items()},
        )

    def close(self) -> None:
        """Let go of the file."""
        self._kept = None
        self._whole.clear()
        self._file.close()

    def plane(self, place: Place) -> Pixels:
        """Return a plane from where it lies in the file."""
        at = dict(zip("tcz", place[1:], strict=True))
        return stored_plane(self.source.path, *self._stored[place[0]], self._axes[place[0]], at)

    def second_plane(self, place: Place) -> Pixels:
        """Return a plane of what liffile reads, which reads an image whole; of a very large one as before."""
        if self._images[place[0]].nbytes > READ_WHOLE_BYTES:
            return self.plane(place)
        if place[0] not in self._whole:
            self._whole.clear()
            try:
                self._whole[place[0]] = np.asarray(self._images[place[0]].asarray())
            except ERRORS as error:
                raise DecodingFailed(f"liffile: {type(error).__name__}: {error}") from None
        axes, at = self._axes[place[0]], dict(zip("tcz", place[1:], strict=True))
        plane = self._whole[place[0]][tuple(at.get(axis, slice(None)) for axis in axes)]
        return upright(plane, axes, self.scenes[place[0]].dtype)


def header_fault(path: Path, name: str) -> Finding | None:
    """Return what is wrong with the XML that a LIF starts with, before any library sees it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        characters = struct.unpack("<I", file.read(13)[9:13].ljust(4, b"\0"))[0]
        if characters > MAX_CHARACTERS:
            return NOT_READABLE.broken(name, f"{characters:,} characters of XML")
        if 13 + characters * 2 > size:
            return CUT_SHORT.broken(name, f"XML up to byte {13 + characters * 2:,}, the file has {size:,}")
        plain = file.read(characters * 2).replace(b"\0", b"").upper()
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        return DOCTYPE.broken(f"{name}: metadata", "a DOCTYPE or ENTITY declaration")
    return None


def step_um(element: Any, number: str) -> float | None:
    """Return the distance of pixels along a dimension: its length over the steps between its first and last pixel."""
    for dimension in element.findall(DESCRIPTIONS):
        if dimension.get("DimID") == number:
            steps = int(dimension.get("NumberOfElements", "0")) - 1
            length = abs(float(dimension.get("Length") or 0))
            return size_um(length / steps, dimension.get("Unit", "")) if steps > 0 else None
    return None


def wavelengths(metres: Pixels) -> list[str]:
    """Return wavelengths in nanometres, as names."""
    return [f"{value * 1e9:.4g} nm" for value in metres]
