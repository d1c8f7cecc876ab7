"""Formats that are read plane by plane: a family says how one plane is had, in two ways; regions follow from that."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from catchment.imaging.axes import Slices
from catchment.imaging.readers import Container, Pixels, Scene

Place = tuple[int, int, int, int]  # scene, t, group of channels that are stored together, z


# up to here a file is read whole by the library that gives the second opinion
READ_WHOLE_BYTES = 256_000_000


def stored_plane(
    path: str, dtype: np.dtype[Any], offset: int, shape: tuple[int, ...], axes: str, at: dict[str, int]
) -> Pixels:
    """Return y, x, 1 of uncompressed pixels that lie in a file in one piece.

    `axes` names what each part of `shape` is; `at` says where along t, c, z the plane lies. Only the plane is read:
    address space is limited, files are not. Where its rows or columns are not innermost, the pixels are mapped.
    """
    leading = axes[:-2]
    if set(axes[-2:]) != {"y", "x"}:
        whole = np.memmap(path, dtype, "r", offset, shape)
        return upright(whole[tuple(at.get(axis, slice(None)) for axis in axes)], axes, dtype)
    number = 0
    for axis, size in zip(leading, shape[:-2], strict=True):
        number = number * size + at[axis]
    count = shape[-2] * shape[-1]
    plane = np.fromfile(path, dtype, count, offset=offset + number * count * dtype.itemsize)
    return upright(plane.reshape(shape[-2:]), axes, dtype)


def upright(plane: Pixels, axes: str, dtype: np.dtype[Any]) -> Pixels:
    """Return a plane as y, x, 1 in native byte order."""
    turned = plane if axes.index("y") < axes.index("x") else plane.T
    return np.asarray(turned, dtype.newbyteorder("="))[..., np.newaxis]


class PlaneReader(ABC):
    """An open image file whose planes are decoded one at a time; the last one is kept.

    A plane is y, x, samples in native byte order. What a library raises on damaged pixels, a family turns into
    `DecodingFailed`.
    """

    shared = False
    name: str
    version: str
    container: Container
    scenes: tuple[Scene, ...]

    def __init__(self) -> None:
        self._kept: tuple[Place, Pixels] | None = None

    @abstractmethod
    def plane(self, place: Place) -> Pixels:
        """Return a plane by the way that conversions take."""

    @abstractmethod
    def second_plane(self, place: Place) -> Pixels:
        """Return a plane by another way, wherever there is one."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the file."""

    def region(self, scene: int, wanted: Slices) -> Pixels:
        """Return a region as t, c, z, y, x; raises `DecodingFailed`."""
        return self._filled(scene, wanted, second=False)

    def eager(self, scene: int, wanted: Slices) -> Pixels:
        """Return a region by the second way."""
        return self._filled(scene, wanted, second=True)

    def _filled(self, scene: int, wanted: Slices, second: bool) -> Pixels:
        """Return a region put together from its planes."""
        t, c, z, y, x = wanted
        samples = self.scenes[scene].samples
        shape = [part.stop - part.start for part in wanted]
        pixels = np.empty(shape, self.scenes[scene].dtype)
        for i in range(t.start, t.stop):
            for k in range(z.start, z.stop):
                for group in range(c.start // samples, -(-c.stop // samples)):
                    place = scene, i, group, k
                    plane = self.second_plane(place) if second else self._lasting_plane(place)
                    for channel in range(max(c.start, group * samples), min(c.stop, (group + 1) * samples)):
                        own = plane[y, x, channel - group * samples]
                        pixels[i - t.start, channel - c.start, k - z.start] = own
        return pixels

    def _lasting_plane(self, place: Place) -> Pixels:
        """Return a plane, the last one without decoding it again: slabs that tile a plane ask for it in turn."""
        if self._kept is None or self._kept[0] != place:
            self._kept = None
            self._kept = place, self.plane(place)
        return self._kept[1]
