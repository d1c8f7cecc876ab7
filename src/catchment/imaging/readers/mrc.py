"""Density maps and stacks of electron microscopy: MRC and CCP4, also compressed by gzip or bzip2.

The axes of the file are put in order z, y, x by its own words (`mapc`, `mapr`, `maps`), which mrcfile and Bio-Formats
leave to their callers. Row 0 of the file is y = 0.
"""

from __future__ import annotations

import warnings
from typing import Any

import mrcfile
import numpy as np

from catchment.imaging.mrc_layout import DECOMPRESSION_ERRORS, MrcLayout, opened, walk_mrc
from catchment.imaging.physical import size_um
from catchment.imaging.readers import Container, DecodingFailed, Pixels, Scene, Source, UnreadableImage
from catchment.imaging.readers.planes import READ_WHOLE_BYTES, Place, PlaneReader, stored_plane, upright
from catchment.schema.records import Finding

BLOCK = 1 << 24
ASSUMED = "z"


class MrcReader(PlaneReader):
    """An open map; a compressed one is decompressed whole when its values are first asked for."""

    name = "mrcfile"
    version = str(mrcfile.__version__)

    def __init__(self, source: Source) -> None:
        super().__init__()
        layout = walk_mrc(source.path, source.name)
        if isinstance(layout, Finding):
            raise UnreadableImage(layout)
        self.source, self.layout = source, layout
        self._order = self._targets()
        self._values: Pixels | None = None
        self._seconds: Pixels | None = None
        sizes = dict(zip(self._order, layout.stored_shape, strict=True))
        shape = tuple(sizes.get(axis, 1) for axis in "tczyx")
        t, c, z, y, x = shape
        # float16 is no type that viewers of OME-Zarr know; float32 holds every value of it
        native = layout.dtype.newbyteorder("=")
        dtype = np.dtype(np.float32) if native == np.float16 else native
        self.scenes = (
            Scene(
                name="",
                shape=(t, c, z, y, x),
                dtype=dtype,
                channel_names=tuple(f"channel {number}" for number in range(c)),
                colours=(None,) * c,
                physical_um=self._sizes(),
                assumed_axis=ASSUMED if layout.pages_unnamed and not source.page_axis else None,
            ),
        )
        whole = layout.compression != "none"
        self.container = Container(
            format="mrc",
            largest_segment_bytes=layout.nbytes if whole else y * x * layout.dtype.itemsize,
            compression=layout.compression.upper(),
        )

    def _targets(self) -> str:
        """Return the axis of t, c, z, y, x that each stored axis is."""
        if self.layout.pages_unnamed and self.source.page_axis:
            return self.source.page_axis + self.layout.stored_axes[1:]
        return self.layout.stored_axes

    def _sizes(self) -> dict[str, float | None]:
        """Return the edges of a voxel: the cell over the intervals along it."""
        pairs = zip("xyz", self.layout.cell_angstrom, self.layout.intervals, strict=True)
        sizes = {axis: size_um(cell / count if count > 0 else None, "Å") for axis, cell, count in pairs}
        if "z" not in self._order:
            sizes["z"] = None
        return sizes

    def close(self) -> None:
        """Let go of the values."""
        self._values = self._seconds = self._kept = None

    def plane(self, place: Place) -> Pixels:
        """Return a plane from where it lies in the file, or of the decompressed values."""
        own = self.layout
        if own.compression == "none":
            at = dict(zip("tcz", place[1:], strict=True))
            plane = stored_plane(self.source.path, own.dtype, own.offset, own.stored_shape, self._order, at)
            return plane.astype(self.scenes[0].dtype, copy=False)
        if self._values is None:
            self._values = decompressed(self.source.path, own)
        return self._cut(self._values, place)

    def second_plane(self, place: Place) -> Pixels:
        """Return a plane as mrcfile has it, which takes a file whole; of a very large one as before."""
        if self.layout.nbytes > READ_WHOLE_BYTES:
            return self.plane(place)
        if self._seconds is None:
            self._seconds = read_by_mrcfile(self.source.path)
        if self._seconds.size * self._seconds.itemsize != self.layout.nbytes:
            raise DecodingFailed(f"mrcfile sees {self._seconds.shape}, the header {self.layout.stored_shape}")
        return self._cut(self._seconds.reshape(self.layout.stored_shape), place)

    def _cut(self, values: Pixels, place: Place) -> Pixels:
        """Return y, x, 1 of one t, c, z."""
        at = dict(zip("tcz", place[1:], strict=True))
        selection = tuple(at.get(axis, slice(None)) for axis in self._order)
        return upright(values[selection], self._order, self.scenes[0].dtype)


def decompressed(path: str, layout: MrcLayout) -> Pixels:
    """Return the values of a map in their stored shape and order; no more is decompressed than the header declares."""
    values = np.empty(layout.nbytes, np.uint8)
    file, _ = opened(path)
    try:
        with file:
            skipped = len(file.read(layout.offset))
            filled = 0
            while filled < values.size:
                block = file.read(min(BLOCK, values.size - filled))
                if not block:
                    raise DecodingFailed(f"{layout.compression} data end after {skipped + filled:,} bytes")
                values[filled : filled + len(block)] = np.frombuffer(block, np.uint8)
                filled += len(block)
    except DECOMPRESSION_ERRORS as error:
        raise DecodingFailed(f"{type(error).__name__}: {error}") from None
    return values.view(layout.dtype).reshape(layout.stored_shape)


def read_by_mrcfile(path: str) -> Any:
    """Return the values of a map as mrcfile reads them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with mrcfile.open(path, permissive=True) as file:
                return np.array(file.data)
    except (ValueError, OSError, EOFError, TypeError, KeyError, MemoryError, OverflowError, AttributeError) as error:
        raise DecodingFailed(f"{type(error).__name__}: {error}") from None
