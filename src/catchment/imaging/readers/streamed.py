"""Images that a library in an environment of its own reads for us: it hands out windows of planes, one at a time."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from catchment import errors, streaming
from catchment.imaging.axes import Slices
from catchment.imaging.physical import duration_s, size_um
from catchment.imaging.readers import Container, DecodingFailed, Pixels, Scene, Source, UnreadableImage
from catchment.imaging.readers.trust import Trusted
from catchment.imaging.rules import NOT_READABLE, OPTIONAL_READER, POINTS_OUT
from catchment.isolation import RAISED, Limits, printed
from catchment.schema.rules import RULES

# GPL-2 and GPL-3: each in an environment of its own, both under one word of `accept_licences`
LICENCE = "gpl"
SCRIPT = Path(__file__).with_name("planes_child.py")
# a Java virtual machine reserves about 3 GB of address space, whatever it uses
LIMITS = Limits(memory_mb=4_000)
# a larger plane is asked for in windows of as many bytes
WINDOW_BYTES = 1 << 26


class Told(BaseModel):
    """What a library tells: of the expected form, or refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SceneTold(Told):
    name: str
    shape: tuple[int, int, int, int, int]
    samples: int = Field(ge=1, le=4)
    dtype: str = Field(pattern=r"^[<>]([iu][1248]|f[48])$")
    interleaved: bool
    picture: bool
    bits: int = Field(ge=1, le=64)
    channel_names: tuple[str, ...]
    colours: tuple[str | None, ...]
    sizes_um: tuple[float | None, float | None, float | None]
    time_increment_s: float | None


class FileTold(Told):
    version: str
    files: tuple[str, ...]
    scenes: tuple[SceneTold, ...] = Field(min_length=1)


class StreamedReader:
    """An image file that is open in another process, which every thread of ours shares.

    Raises
    ------
    UnreadableImage
        Where the reader is not set up, or cannot read the headers.
    """

    shared = True

    def __init__(self, source: Source, trusted: Trusted) -> None:
        missing = missing_of(trusted)
        if missing:
            raise UnreadableImage(OPTIONAL_READER.broken(source.name, missing))
        self.source, self.name = source, trusted.reader
        self._asking = threading.Lock()
        self._exits = contextlib.ExitStack()
        try:
            self._open(trusted)
        except BaseException:
            self.close()
            raise

    def _open(self, trusted: Trusted) -> None:
        """Start the reader and take in what it tells of the file."""
        path = self._exits.enter_context(laid_out(self.source))
        interpreter = streaming.interpreter_of(trusted.environment)
        self._conversation = streaming.Conversation(interpreter, SCRIPT, LIMITS, 2 * WINDOW_BYTES)
        self._exits.callback(self._conversation.close)
        try:
            header, _ = self._answer({"library": trusted.environment, "path": path, "opens": trusted.opens})
            told = FileTold.model_validate(header)
            self.told = tuple(scene for scene in told.scenes if not scene.picture)
            self.pictures = len(told.scenes) - len(self.told)
            self.scenes: tuple[Scene, ...] = tuple(map(scene_of, self.told))
        except errors.ReaderFailed as error:
            rule = NOT_READABLE if error.code == RAISED else RULES[error.code]
            raise UnreadableImage(rule.broken(self.source.name, f"{self.name}: {error}")) from None
        except ValueError as error:
            found = f"{self.name} tells what cannot be: {reason(error)}"
            raise UnreadableImage(NOT_READABLE.broken(self.source.name, found)) from None
        self._numbers = [number for number, scene in enumerate(told.scenes) if not scene.picture]
        self.version, self.files = printed(told.version), told.files
        outside = {os.path.realpath(file) for file in told.files} - self.source.own_files()
        if outside:
            raise UnreadableImage(POINTS_OUT.broken(self.source.name, Path(min(outside)).name))
        self.container = Container(
            format=trusted.format,
            largest_segment_bytes=max((min(plane_bytes(scene), WINDOW_BYTES) for scene in self.scenes), default=0),
            compression="not told",
        )

    def _answer(self, request: dict[str, Any]) -> streaming.Item:
        """Return the one item that answers a request; raises `ReaderFailed`."""
        with self._asking:
            found = list(self._conversation.ask(request))
        if len(found) != 1:
            raise errors.ReaderFailed(RAISED, f"{len(found)} answers to one question")
        return found[0]

    def region(self, scene: int, wanted: Slices) -> Pixels:
        """Return a region as t, c, z, y, x, each plane of it in two windows or more; raises `DecodingFailed`."""
        return self._filled(scene, wanted, parts=2)

    def eager(self, scene: int, wanted: Slices) -> Pixels:
        """Return a region from whole planes where these are below 64 MiB, else from full rows of them."""
        y, x = (slice(0, size) for size in self.scenes[scene].shape[3:])
        if plane_bytes(self.scenes[scene]) > WINDOW_BYTES:
            y = wanted[3]
        pixels = self._filled(scene, (*wanted[:3], y, x), parts=1)
        rows = slice(wanted[3].start - y.start, wanted[3].stop - y.start)
        return np.ascontiguousarray(pixels[..., rows, wanted[4]])

    def _filled(self, scene: int, wanted: Slices, parts: int) -> Pixels:
        """Return a region put together from windows: at least `parts` of each plane, one below the other."""
        t, c, z, y, x = wanted
        samples = self.scenes[scene].samples
        row_bytes = max(1, (x.stop - x.start) * samples * self.scenes[scene].dtype.itemsize)
        rows = max(1, min(WINDOW_BYTES // row_bytes, -(-(y.stop - y.start) // parts)))
        pixels = np.empty([part.stop - part.start for part in wanted], self.scenes[scene].dtype)
        for i in range(t.start, t.stop):
            for k in range(z.start, z.stop):
                for group in range(c.start // samples, -(-c.stop // samples)):
                    for top in range(y.start, y.stop, rows):
                        window = slice(top, min(top + rows, y.stop)), x
                        part = self._window(scene, (i, group, k), *window)
                        there = slice(top - y.start, window[0].stop - y.start)
                        for channel in range(max(c.start, group * samples), min(c.stop, (group + 1) * samples)):
                            own = part[..., channel - group * samples]
                            pixels[i - t.start, channel - c.start, k - z.start, there] = own
        return pixels

    def _window(self, scene: int, place: tuple[int, int, int], y: slice, x: slice) -> Pixels:
        """Return a window of a plane (t, group of channels, z) as y, x, samples."""
        told = self.told[scene]
        t, group, z = place
        height, width = y.stop - y.start, x.stop - x.start
        request = {"scene": self._numbers[scene], "t": t, "group": group, "z": z, "y": y.start, "x": x.start}
        try:
            _, payload = self._answer({**request, "height": height, "width": width})
        except errors.ReaderFailed as error:
            raise DecodingFailed(f"{self.name}: {error}") from None
        stored = np.dtype(told.dtype)
        due = height * width * told.samples * stored.itemsize
        if len(payload) != due:
            raise DecodingFailed(f"{self.name}: {len(payload):,} bytes in a window of {due:,}")
        flat = np.frombuffer(payload, stored)
        if (height, width) == self.scenes[scene].shape[3:] and not flat.any():
            # Bio-Formats hands out zeros for what it cannot decode (openslide's `unreadable.svs`)
            raise DecodingFailed(f"{self.name}: a whole plane of 0 (t {t}, group of channels {group}, z {z})")
        if told.interleaved:
            return flat.reshape(height, width, told.samples)
        return np.moveaxis(flat.reshape(told.samples, height, width), 0, -1)

    def close(self) -> None:
        """Stop the reader."""
        self._exits.close()


def reason(error: ValueError) -> str:
    """Return the first thing that is wrong with what was told."""
    if not isinstance(error, ValidationError):
        return printed(error)
    fault = error.errors()[0]
    return printed(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}")


def missing_of(trusted: Trusted) -> str:
    """Return what keeps an optional reader from being used; empty where nothing does."""
    missing = streaming.missing(LICENCE, trusted.environment)
    return f"{trusted.reader} is needed, and {missing}" if missing else ""


@contextlib.contextmanager
def laid_out(source: Source) -> Iterator[str]:
    """Yield a path at which a reader finds the file, its companions beside it under the names that they came with."""
    if not source.companions:
        yield source.path
        return
    with tempfile.TemporaryDirectory(prefix="catchment-") as folder:
        for name, path in ((source.name, source.path), *source.companions):
            parts = PurePosixPath(name).parts
            if PurePosixPath(name).is_absolute() or ".." in parts:
                raise UnreadableImage(POINTS_OUT.broken(source.name, printed(name)))
            link = Path(folder, *parts)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
        yield str(Path(folder, source.name))


def scene_of(told: SceneTold) -> Scene:
    """Return a scene as it was told.

    Raises
    ------
    ValueError
        Where sizes or numbers of channels do not fit each other.
    """
    channels = told.shape[1]
    if min(told.shape) < 1 or channels % told.samples:
        raise ValueError(f"sizes t, c, z, y, x {told.shape}, {told.samples} samples")
    names, colours = list(map(printed, told.channel_names)), list(told.colours)
    if told.samples > 1:
        prefixes = names if len(names) > 1 else [""]
        names = [f"{prefix} {letter}".strip() for prefix in prefixes for letter in "RGBA"[: told.samples]]
        colours = ["FF0000", "00FF00", "0000FF", None][: told.samples] * (channels // told.samples)
    if len(names) != channels or len(colours) != channels:
        raise ValueError(f"{channels} channels, {len(names)} names, {len(colours)} colours")
    return Scene(
        name=printed(told.name),
        shape=told.shape,
        dtype=np.dtype(told.dtype).newbyteorder("="),
        channel_names=tuple(name or f"channel {number}" for number, name in enumerate(names)),
        colours=tuple(colours),
        physical_um={axis: size_um(size) for axis, size in zip("zyx", told.sizes_um, strict=True)},
        time_increment_s=duration_s(told.time_increment_s),
        samples=told.samples,
        significant_bits=told.bits if told.bits < 8 * np.dtype(told.dtype).itemsize else None,
    )


def plane_bytes(scene: Scene) -> int:
    """Return the size of what is asked for together: all samples of one plane."""
    return scene.shape[3] * scene.shape[4] * scene.samples * scene.dtype.itemsize
