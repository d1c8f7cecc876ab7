"""Formats that are read plane by plane: a family says how one plane is had, in two ways; regions follow from that."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from catchment.imaging.axes import Slices
from catchment.imaging.readers import Container, Pixels, Scene

Place = tuple[int, int, int, int]  # scene, t, group of channels that are stored together, z


class PlaneReader(ABC):
    """An open image file whose planes are decoded one at a time; the last one is kept.

    A plane is y, x, samples in native byte order. What a library raises on damaged pixels, a family turns into
    `DecodingFailed`.
    """

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
