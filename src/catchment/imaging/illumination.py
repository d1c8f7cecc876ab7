"""How evenly a field of view is lit: means of 8 x 8 blocks, their median over planes, a smooth field through it. Pure.

What stands at a place in one plane is specimen; what stays there over many planes is illumination. A median over planes
is robust against the specimen, and the more so the more planes there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Grid = tuple[float, ...]  # 64 means, rows from the top

EDGE = 8
# of 64 blocks, the three darkest and the three brightest may be specimen or dirt
LOW, HIGH = 5.0, 95.0


def grid_of(plane: Pixels) -> Grid | None:
    """Return the means of 8 x 8 blocks of a plane y, x; None where it is smaller, or where one has no finite mean."""
    if min(plane.shape) < EDGE:
        return None
    rows, columns = (np.arange(EDGE) * size // EDGE for size in plane.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        sums = np.add.reduceat(np.add.reduceat(plane, rows, axis=0, dtype=np.float64), columns, axis=1)
    sizes = np.outer(*(np.diff([*starts, size]) for starts, size in zip((rows, columns), plane.shape, strict=True)))
    means = sums / sizes
    return tuple(means.ravel().tolist()) if np.isfinite(means).all() else None


def field_of(grids: Iterable[Sequence[float]]) -> Grid | None:
    """Return the median of grids, each over its own mean: 1 on average; None where there is none of positive values."""
    # over the largest first: the mean of huge values has none
    scaled = [np.asarray(grid) / max(grid) for grid in grids if min(grid) >= 0 and max(grid) > 0]
    found = [grid / grid.mean() for grid in scaled]
    if not found:
        return None
    median = np.median(found, axis=0)
    return tuple((median / median.mean()).tolist()) if median.mean() > 0 else None


def flatness(field: Sequence[float]) -> float:
    """Return how dark the darkest blocks are beside the brightest: 1 where the field is even, 0 where it is black."""
    low, high = np.percentile(field, [LOW, HIGH])
    return float(low / high) if high > 0 else 0.0


class SmoothField:
    """A field of illumination over a whole plane: the paraboloid nearest to the median of its blocks, 1 on average.

    Vignetting falls off smoothly from somewhere near the centre; what is not smooth is not taken for illumination.
    """

    # no place is brightened more than fourfold: noise would be all that is seen there
    DARKEST = 0.25

    def __init__(self, field: Sequence[float]) -> None:
        self._weights = np.linalg.lstsq(terms(centres(EDGE), centres(EDGE)), np.asarray(field), rcond=None)[0]

    def at(self, shape: tuple[int, int], rows: slice, columns: slice) -> npt.NDArray[np.float32]:
        """Return the field over a region of a plane of a shape (y, x)."""
        y, x = (centres(size)[part] for size, part in zip(shape, (rows, columns), strict=True))
        values = (terms(y, x) @ self._weights).reshape(y.size, x.size)
        light: npt.NDArray[np.float32] = np.maximum(values, self.DARKEST).astype(np.float32)
        return light


def centres(size: int) -> Floats:
    """Return where the middles of pixels lie along an axis, from -1 to 1."""
    return (2 * np.arange(size) + 1) / size - 1


def terms(y: Floats, x: Floats) -> Floats:
    """Return the terms of a paraboloid (1, y, x, y², yx, x²) at each place of a grid, a row each."""
    down, across = (axis.ravel() for axis in np.meshgrid(y, x, indexing="ij"))
    return np.stack([np.ones_like(down), down, across, down**2, down * across, across**2], axis=1)
