"""SPE files of Princeton Instruments' WinView and WinSpec (and the pixels of LightField's): frames behind a header."""

from __future__ import annotations

import struct
from pathlib import Path

import imageio
import imageio.v3
import numpy as np

from catchment.imaging.readers import Container, DecodingFailed, Pixels, Scene, Source, UnreadableImage
from catchment.imaging.readers.planes import Place, PlaneReader, stored_plane
from catchment.imaging.rules import CUT_SHORT, NO_PLACE, NOT_READABLE

HEADER_BYTES = 4100
# where the header has its numbers: x and y (unsigned short), kind of pixels (short), frames (long)
X_AT, TYPE_AT, Y_AT, FRAMES_AT = 42, 108, 656, 1446
TYPES = {0: "<f4", 1: "<i4", 2: "<i2", 3: "<u2", 5: "<f8", 6: "<u1", 8: "<u4"}


class SpeReader(PlaneReader):
    """An open SPE file."""

    name = "own SPE reader"
    version = "1"

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source
        frames, y, x, dtype = self._header()
        self._stored = dtype, HEADER_BYTES, (frames, y, x)
        axis = source.page_axis or "t"
        sizes = {"t": 1, "c": 1, "z": 1, axis: frames}
        self._axis = axis
        self.scenes = (
            Scene(
                name="",
                shape=(sizes["t"], sizes["c"], sizes["z"], y, x),
                dtype=dtype.newbyteorder("="),
                channel_names=tuple(f"channel {number}" for number in range(sizes["c"])),
                colours=(None,) * sizes["c"],
                assumed_axis="t" if frames > 1 and not source.page_axis else None,
            ),
        )
        self.container = Container("spe", y * x * dtype.itemsize, "NONE")

    def _header(self) -> tuple[int, int, int, np.dtype[np.generic]]:
        """Return frames, y, x and the dtype of the pixels, held against the size of the file."""
        path, name = Path(self.source.path), self.source.name
        with path.open("rb") as file:
            header = file.read(HEADER_BYTES)
        if len(header) < HEADER_BYTES:
            raise UnreadableImage(CUT_SHORT.broken(name, f"a header of {len(header):,} of {HEADER_BYTES:,} bytes"))
        x, y = (struct.unpack_from("<H", header, place)[0] for place in (X_AT, Y_AT))
        kind, frames = struct.unpack_from("<h", header, TYPE_AT)[0], struct.unpack_from("<i", header, FRAMES_AT)[0]
        if kind not in TYPES:
            raise UnreadableImage(NO_PLACE.broken(name, f"pixels of kind {kind}"))
        if not x or not y or frames <= 0:
            raise UnreadableImage(NOT_READABLE.broken(name, f"{frames} frames of {x} x {y} pixels"))
        dtype = np.dtype(TYPES[kind])
        end, size = HEADER_BYTES + frames * y * x * dtype.itemsize, path.stat().st_size
        if end > size:
            raise UnreadableImage(CUT_SHORT.broken(name, f"frames up to byte {end:,}, the file has {size:,}"))
        return frames, y, x, dtype

    def close(self) -> None:
        """Let go of the last frame; the file is open only while it is read."""
        self._kept = None

    def plane(self, place: Place) -> Pixels:
        """Return a frame."""
        return stored_plane(
            self.source.path, *self._stored, f"{self._axis}yx", dict(zip("tcz", place[1:], strict=True))
        )

    def second_plane(self, place: Place) -> Pixels:
        """Return a frame as imageio has it."""
        number = dict(zip("tcz", place[1:], strict=True))[self._axis]
        try:
            frame = imageio.v3.imread(self.source.path, plugin="SPE", index=number)
        except (OSError, ValueError, TypeError, KeyError, IndexError, RuntimeError, struct.error) as error:
            raise DecodingFailed(f"imageio: {type(error).__name__}: {error}") from None
        return np.asarray(frame, self.scenes[0].dtype)[..., np.newaxis]
