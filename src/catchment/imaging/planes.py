"""What is measured of each plane of an image: range, percentiles, saturation, background, focus. Pure.

A plane that is read in tiles is put together from what was counted of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from catchment.imaging.illumination import Grid, field_of
from catchment.imaging.intensities import Tally

Pixels = npt.NDArray[Any]
Plane = tuple[int, int, int]  # t, c, z
Row = dict[str, Any]

# the darkest 5 % of a field of cells are background: what lies between them
BACKGROUND_PERCENTILE = 5.0
PERCENTILES = {"percentile_1": 1.0, "background": BACKGROUND_PERCENTILE, "median": 50.0, "percentile_99": 99.0}
STRIP_ROWS = 256


@dataclass(frozen=True)
class Sharpness:
    """Number, sum and sum of squares of the Laplacian over the inside of a plane or of its tiles."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def __add__(self, other: Sharpness) -> Sharpness:
        return Sharpness(self.count + other.count, self.total + other.total, self.squares + other.squares)

    def focus(self, mean: float) -> float | None:
        """Return the variance of the Laplacian over the squared mean of the plane; None where it is not defined.

        Source: Pech-Pacheco et al. 2000, variance of the Laplacian; divided so that exposure does not count.
        """
        if not self.count or not mean:
            return None
        with np.errstate(all="ignore"):  # what has no finite value is None
            spread = np.float64(self.squares) / self.count - np.square(np.float64(self.total) / self.count)
            value = float(spread / np.square(np.float64(mean)))
        return value if np.isfinite(value) else None


def sharpness(plane: Pixels) -> Sharpness:
    """Return the sums of the Laplacian (4 neighbours) over the inside of a plane y, x, in strips that a cache holds."""
    result = Sharpness()
    with np.errstate(over="ignore", invalid="ignore"):
        for first in range(0, plane.shape[0] - 2, STRIP_ROWS):
            strip = plane[first : first + STRIP_ROWS + 2].astype(np.float32)
            inside = strip[1:-1, 1:-1] * np.float32(-4)
            for neighbours in (strip[:-2, 1:-1], strip[2:, 1:-1], strip[1:-1, :-2], strip[1:-1, 2:]):
                inside += neighbours
            flat = inside.reshape(-1)
            result += Sharpness(flat.size, float(flat.sum(dtype=np.float64)), float(np.dot(flat, flat)))
    return result


@dataclass(frozen=True)
class PlaneCounts:
    """What was counted of a plane, or of the tile of it that a slab has (`tally` is kept then, to be added up)."""

    place: Plane
    row: Row | None
    tally: Tally | None = None
    sharpness: Sharpness = Sharpness()
    grid: Grid | None = None

    @classmethod
    def of(cls, place: Plane, counted: Tally, full: float | None, *, whole: bool) -> PlaneCounts:
        """Return what is kept of a tally: the numbers where the plane is whole."""
        return cls(place, row_of(counted, full)) if whole else cls(place, None, counted)


def row_of(counted: Tally, full: float | None) -> Row:
    """Return the numbers of a plane; None where no pixel is finite. `full`: the value at which pixels are saturated."""
    pixels = counted.pixels
    values = counted.percentiles(tuple(PERCENTILES.values())) if pixels else [None] * len(PERCENTILES)
    return {
        "min": counted.low if pixels else None,
        "max": counted.high if pixels else None,
        "mean": counted.mean,
        **dict(zip(PERCENTILES, values, strict=True)),
        "saturated_fraction": counted.fraction_at_least(full) if full is not None and pixels else None,
        "empty": not pixels or counted.low == counted.high,
    }


class PlaneTable:
    """The planes of one image, put together from slabs."""

    def __init__(self, full: float | None) -> None:
        self._full = full
        self._counts: dict[Plane, PlaneCounts] = {}

    def add(self, parts: Iterable[PlaneCounts]) -> None:
        """Take in what was counted of some planes or tiles."""
        for part in parts:
            known = self._counts.get(part.place)
            if known is not None and known.tally is not None and part.tally is not None:
                known.tally.add(part.tally)
                part = replace(known, sharpness=known.sharpness + part.sharpness)
            self._counts[part.place] = part

    def light(self, channel: int) -> Grid | None:
        """Return the field of illumination of a channel; None where planes are too small or were never whole."""
        return field_of(
            counts.grid for place, counts in self._counts.items() if place[1] == channel and counts.grid is not None
        )

    def rows(self, digests: dict[Plane, tuple[str, ...]]) -> list[Row]:
        """Return a row for each plane in order of t, c, z; `digests` of pixels tell which repeats an earlier one."""
        first: dict[tuple[int, tuple[str, ...]], int] = {}
        found = []
        for number, place in enumerate(sorted(self._counts)):
            counts = self._counts[place]
            row = counts.row or row_of(counts.tally or Tally("|u1"), self._full)
            earlier = first.setdefault((place[1], digests[place]), number)
            found.append(
                {
                    **dict(zip("tcz", place, strict=True)),
                    **row,
                    "focus": counts.sharpness.focus(row["mean"] or 0.0),
                    # an empty plane is told as such
                    "repeats_plane": earlier if earlier != number and not row["empty"] else None,
                }
            )
        return found


def of_channel(rows: Sequence[Row], channel: int) -> Row:
    """Return what the planes of one channel come to."""
    own = [row for row in rows if row["c"] == channel]
    focus = [row["focus"] for row in own if row["focus"] is not None]
    background = [row["background"] for row in own if row["background"] is not None]
    return {
        "empty_planes": sum(row["empty"] for row in own),
        "repeated_planes": sum(row["repeats_plane"] is not None for row in own),
        "background": float(np.median(background)) if background else None,
        "focus": max(focus, default=None),
    }


def by_plane(bands: Iterable[tuple[tuple[int, int, int, int], str]]) -> dict[Plane, tuple[str, ...]]:
    """Return the digests of each plane from those of its bands, in order of their rows."""
    found: dict[Plane, tuple[str, ...]] = {}
    for (t, c, z, _), digest in sorted(bands):
        found[t, c, z] = (*found.get((t, c, z), ()), digest)
    return found
