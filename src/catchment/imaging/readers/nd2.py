"""ND2 of Nikon's NIS-Elements: headers by the nd2 library, frames straight from where the map of chunks has them."""

from __future__ import annotations

import math
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import nd2
import numpy as np

from catchment.imaging.nd2_layout import Nd2Layout, inflated, walk_nd2
from catchment.imaging.physical import size_um
from catchment.imaging.readers import Container, DecodingFailed, Pixels, Scene, Source, UnreadableImage
from catchment.imaging.readers.planes import Place, PlaneReader
from catchment.imaging.rules import CUT_SHORT, NO_PLACE, NO_READER, NOT_READABLE, PIXELS_MISSING
from catchment.schema.records import Finding
from catchment.schema.rules import Rule

# what nd2 and what it parses with raise on damaged headers
HEADER_ERRORS = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, OSError, OverflowError, ZeroDivisionError,
    struct.error, zlib.error, RuntimeError, NotImplementedError, AssertionError, RecursionError, SyntaxError,
)  # fmt: skip
LOOPS = {"TimeLoop": "t", "NETimeLoop": "t", "ZStackLoop": "z", "XYPosLoop": "p"}


class Nd2Reader(PlaneReader):
    """An open ND2 file; each position is a scene, its channels lie side by side in each pixel of a frame."""

    name = "nd2"
    version = str(nd2.__version__)

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source
        with Path(source.path).open("rb") as file:
            layout = walk_nd2(file, source.name)
        if isinstance(layout, Finding):
            raise UnreadableImage(layout)
        self._layout: Nd2Layout = layout
        self._frame: tuple[int, Pixels] | None = None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._file = nd2.ND2File(source.path)
        except HEADER_ERRORS as error:
            raise UnreadableImage(self._fault(NOT_READABLE, f"headers on which nd2 ends in: {error}")) from None
        try:
            self._read_headers()
        except HEADER_ERRORS as error:
            self._file.close()
            raise UnreadableImage(self._fault(NOT_READABLE, f"headers on which nd2 ends in: {error}")) from None
        except UnreadableImage:
            self._file.close()
            raise

    def _fault(self, rule: Rule, found: str) -> Finding:
        """Return a finding on this file."""
        return rule.broken(self.source.name, found)

    def _read_headers(self) -> None:
        """Take loops, sizes and channels from the headers, and hold the frames against them."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            attributes, metadata, experiment = self._file.attributes, self._file.metadata, self._file.experiment
        self._attributes = attributes
        self._dtype = self._pixel_type(attributes)
        self._loops = [(self._axis(loop.type), int(loop.count)) for loop in experiment]
        axes = [axis for axis, _ in self._loops]
        if len(set(axes)) != len(axes):
            raise UnreadableImage(self._fault(NO_PLACE, f"loops {', '.join(axes)}: two of a kind"))
        sizes = {"t": 1, "z": 1, "p": 1, **dict(self._loops)}
        channels = list(metadata.channels or []) if not isinstance(metadata, dict) else []
        self._hold_frames(sizes)
        y, x, c = int(attributes.heightPx), int(attributes.widthPx or 1), int(attributes.componentCount)
        names = [str(each.channel.name) for each in channels] if len(channels) == c else [""] * c
        colours = [rgb(each.channel.color) for each in channels] if len(channels) == c else [None] * c
        period = time_increment_s(experiment)
        self.scenes = tuple(
            Scene(
                name=f"position {position + 1}" if sizes["p"] > 1 else "",
                shape=(sizes["t"], c, sizes["z"], y, x),
                dtype=self._dtype.newbyteorder("="),
                channel_names=tuple(name or f"channel {index}" for index, name in enumerate(names)),
                colours=tuple(colours),
                physical_um=sizes_um(channels),
                time_increment_s=period,
                significant_bits=attributes.bitsPerComponentSignificant,
            )
            for position in range(sizes["p"])
        )
        self.container = Container(
            format="nd2",
            largest_segment_bytes=self._frame_bytes,
            compression="DEFLATE" if attributes.compressionType == "lossless" else "NONE",
        )

    def _pixel_type(self, attributes: Any) -> np.dtype[Any]:
        """Return the dtype of stored pixels; refuse what could not be held against an independent reading yet."""
        bits, kind = int(attributes.bitsPerComponentInMemory), str(attributes.pixelDataType or "unsigned")[0]
        if attributes.compressionType not in (None, "lossless"):
            raise UnreadableImage(self._fault(NO_READER, f"frames under {attributes.compressionType} compression"))
        if int(attributes.componentCount) != int(attributes.channelCount or 1):
            raise UnreadableImage(self._fault(NO_READER, "pixels of red, green and blue in an ND2"))
        if (kind, bits) not in {("u", 8), ("u", 16), ("u", 32), ("i", 16), ("i", 32), ("f", 32), ("f", 64)}:
            raise UnreadableImage(self._fault(NO_PLACE, f"pixels of type {attributes.pixelDataType}, {bits} bits"))
        return np.dtype(f"<{kind}{bits // 8}")

    def _axis(self, kind: str) -> str:
        """Return the axis of a loop."""
        if kind not in LOOPS:
            raise UnreadableImage(self._fault(NO_PLACE, f"a {kind}"))
        return LOOPS[kind]

    def _hold_frames(self, sizes: dict[str, int]) -> None:
        """Refuse a file whose frames are not all there, or too short for their declared size."""
        attributes = self._attributes
        y, x, c = int(attributes.heightPx), int(attributes.widthPx or 1), int(attributes.componentCount)
        least = x * c * self._dtype.itemsize
        self._row_bytes = int(attributes.widthBytes or least)
        if min(y, x, c, *sizes.values()) <= 0 or self._row_bytes < least:
            raise UnreadableImage(self._fault(NOT_READABLE, f"frames of {x} x {y} pixels, {c} channels"))
        self._frame_bytes = y * self._row_bytes
        frames = math.prod(sizes.values())
        stored = self._layout.frames
        absent = frames - sum(number < frames for number in stored)
        if absent:
            raise UnreadableImage(self._fault(PIXELS_MISSING, f"{absent:,} of {frames:,} frames were never stored"))
        if attributes.compressionType is None:
            short = sum(length < self._frame_bytes for number, (_, length) in stored.items() if number < frames)
            if short:
                raise UnreadableImage(self._fault(CUT_SHORT, f"{short:,} of {frames:,} frames are too short"))

    def close(self) -> None:
        """Let go of the file."""
        self._frame = self._kept = None
        self._file.close()

    def _number(self, place: Place) -> int:
        """Return the number of the frame of a position, time and z: loops are nested, the last one runs fastest."""
        at = {"p": place[0], "t": place[1], "z": place[3]}
        number = 0
        for axis, count in self._loops:
            number = number * count + at[axis]
        return number

    def plane(self, place: Place) -> Pixels:
        """Return one channel of a frame, from the bytes that the map of chunks leads to."""
        number = self._number(place)
        if self._frame is None or self._frame[0] != number:
            self._frame = number, self._stored(number)
        return self._frame[1][..., place[2], np.newaxis]

    def _stored(self, number: int) -> Pixels:
        """Return a frame as y, x, channels."""
        offset, length = self._layout.frames[number]
        y, x, c = (
            int(self._attributes.heightPx),
            int(self._attributes.widthPx or 1),
            int(self._attributes.componentCount),
        )
        with Path(self.source.path).open("rb") as file:
            file.seek(offset)
            data = file.read(length if self._attributes.compressionType else self._frame_bytes)
        if self._attributes.compressionType:
            try:
                data = inflated(data, self._frame_bytes)
            except zlib.error as error:
                raise DecodingFailed(f"frame {number:,}: {error}") from None
        item = self._dtype.itemsize
        strides = (self._row_bytes, c * item, item)
        return np.ndarray((y, x, c), self._dtype, data, strides=strides).astype(self._dtype.newbyteorder("="))

    def second_plane(self, place: Place) -> Pixels:
        """Return one channel of a frame as nd2 has it."""
        try:
            frame = np.asarray(self._file.read_frame(self._number(place)))
        except HEADER_ERRORS as error:
            raise DecodingFailed(f"nd2: {type(error).__name__}: {error}") from None
        # channels, y, x; without the first of them where there is one
        stacked = frame if frame.ndim == 3 else frame[np.newaxis]
        return np.asarray(stacked[place[2]], self._dtype.newbyteorder("="))[..., np.newaxis]


def rgb(colour: Any) -> str | None:
    """Return a colour of nd2 as `RRGGBB`."""
    parts = [int(getattr(colour, part, 0)) for part in "rgb"]
    return "{:02X}{:02X}{:02X}".format(*parts) if colour is not None and all(0 <= p < 256 for p in parts) else None


def sizes_um(channels: list[Any]) -> dict[str, float | None]:
    """Return pixel sizes where the first channel says that they were calibrated; nd2 has 1 for those that were not."""
    if not channels:
        return {"z": None, "y": None, "x": None}
    volume = channels[0].volume
    sizes = zip("xyz", volume.axesCalibrated, volume.axesCalibration, strict=True)
    return {axis: size_um(float(size)) if calibrated else None for axis, calibrated, size in sizes}


def time_increment_s(experiment: list[Any]) -> float | None:
    """Return the set period of a time loop in seconds, None where frames came as fast as they could."""
    periods = [loop.parameters.periodMs for loop in experiment if loop.type == "TimeLoop"]
    return float(periods[0]) / 1000 if periods and periods[0] > 0 else None
