"""Where each axis of a file goes in `tczyx`, and blocks moved there. Pure.

Axis letters are those of tifffile: S are the samples of a pixel (red, green, blue); Q, I and R are pages about which
the file says nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[Any]
Slices = tuple[slice, slice, slice, slice, slice]  # of t, c, z, y, x

TCZYX = ("t", "c", "z", "y", "x")
UNKNOWN_AXES = frozenset("QIR")
# what an unnamed page axis is taken for, as Bio-Formats does
ASSUMED_PAGE_AXIS = "t"


class NoPlace(Exception):
    """An axis of the file has no place in `tczyx`; the message names it."""


@dataclass(frozen=True)
class Arrangement:
    """How the axes of a stored array (`targets`, one of t, c, s, z, y, x each) make up `tczyx`.

    Samples become channels: channel `c * samples + s`. `assumed` is the target of an axis the file does not name.
    """

    targets: tuple[str, ...]
    stored_shape: tuple[int, ...]
    assumed: str | None = None

    def size(self, target: str) -> int:
        """Return the size of a target, 1 where the file has no such axis."""
        return self.stored_shape[self.targets.index(target)] if target in self.targets else 1

    @property
    def samples(self) -> int:
        """Return how many channels are stored together in each pixel."""
        return self.size("s")

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """Return the shape in order t, c, z, y, x."""
        size = self.size
        return size("t"), size("c") * self.samples, size("z"), size("y"), size("x")

    def stored_selection(self, wanted: Slices) -> tuple[slice, ...]:
        """Return the slices of the stored array that hold the wanted region; samples are always taken whole."""
        t, c, z, y, x = wanted
        groups = slice(c.start // self.samples, -(-c.stop // self.samples))
        own = {"t": t, "c": groups, "z": z, "y": y, "x": x, "s": slice(0, self.samples)}
        return tuple(own[target] for target in self.targets)

    def arrange(self, stored: Pixels, wanted: Slices | None = None) -> Pixels:
        """Return a stored block (selected for `wanted`, or whole) as `tczyx`, contiguous, in native byte order."""
        present = [target for target in ("t", "c", "s", "z", "y", "x") if target in self.targets]
        block = stored.transpose([self.targets.index(target) for target in present])
        sizes = dict(zip(present, block.shape, strict=True))
        full = [sizes.get(target, 1) for target in ("t", "c", "s", "z", "y", "x")]
        block = block.reshape([full[0], full[1] * full[2], *full[3:]])
        if wanted is not None:
            first = wanted[1].start % self.samples
            block = block[:, first : first + wanted[1].stop - wanted[1].start]
        return np.ascontiguousarray(block, dtype=native(block.dtype))


def native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype that pixels are kept in: native byte order, truth values as 0 and 1 of uint8."""
    return np.dtype(np.uint8) if dtype.kind == "b" else dtype.newbyteorder("=")


def arrangement_of(axes: str, shape: tuple[int, ...], page_axis: str | None = None) -> Arrangement:
    """Return where the axes of a stored array go; `page_axis` (t, z or c) names one that the file does not.

    Raises
    ------
    NoPlace
        For an axis that `tczyx` has no place for, for two of the same, and where y or x is missing.
    """
    known = {"T": "t", "C": "c", "Z": "z", "Y": "y", "X": "x", "S": "s"}
    unknown = [letter for letter in axes if letter in UNKNOWN_AXES]
    if unknown:
        known[unknown[0]] = page_axis or next(
            target for target in (ASSUMED_PAGE_AXIS, "z", "c") if target.upper() not in axes
        )
    strange = [letter for letter in axes if letter not in known]
    if strange:
        raise NoPlace(f"axis {strange[0]} of {axes} {shape}")
    targets = tuple(known[letter] for letter in axes)
    if len(set(targets)) != len(targets) or not {"y", "x"} <= set(targets):
        raise NoPlace(f"axes {axes} {shape}, read as {', '.join(targets)}")
    assumed = known[unknown[0]] if unknown and not page_axis else None
    return Arrangement(targets, tuple(shape), assumed)
