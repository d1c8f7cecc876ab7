"""Readers of images: one file per family, one small protocol, chosen by content.

A reader sees an image file as scenes of `tczyx` and hands out regions of them without holding more than it must.
"""

from __future__ import annotations

import importlib
import os
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from catchment.contract import HEAD_BYTES
from catchment.imaging.axes import Slices
from catchment.imaging.readers.trust import BASE, Trusted, converters, known_wrong
from catchment.imaging.recognise import GZIP_MAGIC, PLATE_FORMAT, container_of
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
class SceneMember:
    """An image of a set that a scene is made of: its path in the archive, the digest of its bytes, where it goes."""

    name: str
    sha256: str
    channel: str
    z: int | None
    t: int | None = None


@dataclass(frozen=True)
class Spot:
    """Where on a plate an image was taken: names of row and column, and the number of its acquisition."""

    row: str
    column: str
    acquisition: int = 0


@dataclass(frozen=True)
class Plate:
    """A plate: its name, the names of all its rows and columns, those of its acquisitions."""

    name: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    acquisitions: tuple[str, ...]


@dataclass(frozen=True)
class Scene:
    """One image of a file, as its headers describe it.

    `shape` is t, c, z, y, x; `dtype` that of the pixels handed out (native byte order). `samples`: channels that are
    stored together in each pixel. `colours` are `RRGGBB` or None. `largest_read_bytes`: what decoding one stored
    segment takes. `assumed_axis`: the axis that unnamed pages were taken for. `stage_z_um`: how high the stage stood.
    Wavelengths in nanometres, one for each channel where any is known. Of a set: `facts` about the place, `members` it
    is made of, and `channel_targets`, what each channel shows. Of a plate: the `spot`.
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
    facts: dict[str, str] = field(default_factory=dict)
    members: tuple[SceneMember, ...] = ()
    channel_targets: tuple[str, ...] = ()
    excitation_nm: tuple[float | None, ...] = ()
    emission_nm: tuple[float | None, ...] = ()
    stage_z_um: float | None = None
    spot: Spot | None = None

    @property
    def nbytes(self) -> int:
        """Return the size of the pixels in bytes, decoded."""
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize


@dataclass(frozen=True)
class Container:
    """What the walk over a file's container learnt, apart from its scenes.

    `format` as `recognise` names it; `largest_segment_bytes` is the most that decoding one tile, strip or image takes.
    `findings`: what does not keep the image from being read.
    """

    format: str
    largest_segment_bytes: int
    compression: str
    instrument: str | None = None
    ome_xml: bytes | None = None
    findings: tuple[Finding, ...] = ()
    plate: Plate | None = None


@dataclass(frozen=True)
class Source:
    """Where an image lies and what its submitter says of it; small, so that it can travel to a worker.

    `name` is the submitter's, for messages only. `page_axis` names what the file's unnamed pages are; `told` are all
    annotations of the asset, sorted. `companions`: (name, path) of what was sent with the file, by names relative to
    the same folder as its own. `files`, where the image is a folder: (name below it, path, sha256) of every file in it;
    `path` is that of the first one then.
    """

    path: str
    name: str
    page_axis: str | None = None
    told: tuple[tuple[str, str], ...] = ()
    companions: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, str, str], ...] = ()

    def own_files(self) -> set[str]:
        """Return the paths of the file and its companions, without links."""
        others = (*(path for _, path in self.companions), *(path for _, path, _ in self.files))
        return {os.path.realpath(path) for path in (self.path, *others)}


class ImageReader(Protocol):
    """An open image file; one that is `shared` may be asked by every thread, others by the one that opened them."""

    shared: bool
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
    """Return an open reader for a file, chosen by its content: the first one trusted with it that takes it.

    Raises
    ------
    UnreadableImage
        With findings: not an image of ours, a container that fails its rules, a reader that is not set up.
    """
    from catchment.imaging.rules import NO_READER, NOT_READABLE

    refused: UnreadableImage | None = None
    kind = PLATE_FORMAT if source.files else kind_of(source.path)
    for trusted in converters(kind):
        try:
            return opened(trusted, source)
        except UnreadableImage as fault:
            refused = fault if refused is None else joined(refused, fault)
            if {finding.code for finding in fault.findings} != {NO_READER.code}:
                break
    if refused is None and (untrusted := known_wrong(kind)):
        refused = UnreadableImage(NO_READER.broken(source.name, f"{kind} content; {untrusted}"))
    if refused is None:
        refused = UnreadableImage(NOT_READABLE.broken(source.name, "content of no kind of image that is known here"))
    raise refused


def joined(first: UnreadableImage, second: UnreadableImage) -> UnreadableImage:
    """Return why the second of two readers refuses a file, with what the first one leaves to it: one cause."""
    left = first.findings[0].found
    return UnreadableImage(
        *(finding.model_copy(update={"found": f"{left}; {finding.found}"}) for finding in second.findings)
    )


def opened(trusted: Trusted, source: Source) -> ImageReader:
    """Return one reader's view of a file; raises `UnreadableImage`."""
    if trusted.environment != BASE:
        module = importlib.import_module(f"{__name__}.bioformats")
        optional: ImageReader = module.BioformatsReader(source, trusted)
        return optional
    name, _, reader = trusted.opens.partition(":")
    family: Callable[[Source], ImageReader] = getattr(importlib.import_module(f"{__name__}.{name}"), reader)
    return family(source)


def kind_of(path: str) -> str:
    """Return the container of a file by its first bytes, inside gzip or bzip2 too; empty where it is none of ours."""
    with Path(path).open("rb") as file:
        start = file.read(HEAD_BYTES)
    if start.startswith(GZIP_MAGIC):
        try:
            start = zlib.decompressobj(wbits=31).decompress(start, HEAD_BYTES)
        except zlib.error:
            return ""
        return "mrc" if container_of(start) == "mrc" else ""
    kind = container_of(start) or ""
    # the first block may be longer than what was looked at: the reader settles what is inside
    return "mrc" if kind == "bzip2" else kind


# --- one open reader a worker ------------------------------------------------------------------------------------

_leased: dict[tuple[int, Source], ImageReader] = {}


def leased_reader(source: Source) -> ImageReader:
    """Return this thread's reader of a file, opened when first asked for and kept until `release_readers`."""
    key = (threading.get_ident(), source)
    if key not in _leased:
        there = (reader for (_, own), reader in list(_leased.items()) if own == source and reader.shared)
        _leased[key] = next(there, None) or open_reader(source)
    return _leased[key]


def release_readers(source: Source) -> None:
    """Close the readers that every thread of this process has of a file."""
    for key in [key for key in _leased if key[1] == source]:
        _leased.pop(key).close()
