"""Readers of images: one file per family, one small protocol, chosen by content.

A reader sees an image file as scenes of `tczyx` and hands out regions of them without holding more than it must.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from catchment.imaging.axes import Slices
from catchment.imaging.recognise import container_of
from catchment.schema.records import Finding

Pixels = npt.NDArray[Any]


class UnreadableImage(Exception):
    """A file that this reader cannot open; `findings` say why."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("; ".join(f"{finding.where}: {finding.found}" for finding in findings))
        self.findings = findings


class DecodingFailed(Exception):
    """Pixels that cannot be decoded, in the words of the library that tried."""


@dataclass(frozen=True)
class Scene:
    """One image of a file, as its headers describe it.

    `shape` is t, c, z, y, x; `dtype` that of the pixels handed out (native byte order). `samples`: channels that are
    stored together in each pixel. `colours` are `RRGGBB` or None. `largest_read_bytes`: what decoding one stored
    segment takes. `assumed_axis`: the axis that unnamed pages were taken for.
    """

    name: str
    shape: tuple[int, int, int, int, int]
    dtype: np.dtype[Any]
    channel_names: tuple[str, ...]
    colours: tuple[str | None, ...]
    physical_um: dict[str, float | None] = field(default_factory=lambda: {"z": None, "y": None, "x": None})
    time_increment_s: float | None = None
    samples: int = 1
    significant_bits: int | None = None
    assumed_axis: str | None = None

    @property
    def nbytes(self) -> int:
        """Return the size of the pixels in bytes, decoded."""
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize


@dataclass(frozen=True)
class Container:
    """What the walk over a file's container learnt, apart from its scenes.

    `format` as `recognise` names it; `largest_segment_bytes` is the most that decoding one tile, strip or image takes.
    """

    format: str
    largest_segment_bytes: int
    compression: str
    instrument: str | None = None
    ome_xml: bytes | None = None


@dataclass(frozen=True)
class Source:
    """Where an image lies and what its submitter says of it; small, so that it can travel to a worker.

    `name` is the submitter's, for messages only. `page_axis` names what the file's unnamed pages are.
    """

    path: str
    name: str
    page_axis: str | None = None


class ImageReader(Protocol):
    """An open image file."""

    name: str
    version: str
    container: Container
    scenes: tuple[Scene, ...]

    def region(self, scene: int, wanted: Slices) -> Pixels:
        """Return a region as t, c, z, y, x; raises `DecodingFailed`."""
        ...

    def eager(self, scene: int, wanted: Slices) -> Pixels:
        """Return a region by another way through the library, which reads whole images or planes."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


def open_reader(source: Source) -> ImageReader:
    """Return an open reader for a file, chosen by its content.

    Raises
    ------
    UnreadableImage
        With findings: not an image of ours, or a container that fails its rules.
    """
    with Path(source.path).open("rb") as file:
        kind = container_of(file.read(16))
    if kind == "tiff":
        from catchment.imaging.readers.tiff import TiffReader

        return TiffReader(source)
    from catchment.imaging.readers.raster import RasterReader

    return RasterReader(source)


# --- one open reader a worker ------------------------------------------------------------------------------------

_leased: dict[tuple[int, Source], ImageReader] = {}


def leased_reader(source: Source) -> ImageReader:
    """Return this thread's reader of a file, opened when first asked for and kept until `release_readers`."""
    key = (threading.get_ident(), source)
    if key not in _leased:
        _leased[key] = open_reader(source)
    return _leased[key]


def release_readers(source: Source) -> None:
    """Close the readers that every thread of this process has of a file."""
    for key in [key for key in _leased if key[1] == source]:
        _leased.pop(key).close()
