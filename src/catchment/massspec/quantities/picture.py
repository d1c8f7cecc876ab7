"""A picture of a quantity table: features (the most often measured above) x runs, light where much was measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from catchment.massspec.quantities.numbers import Floats

WIDTH_PX, HEIGHT_PX = 256, 96
LOW, HIGH, EMPTY = (31, 45, 90), (250, 220, 90), (238, 238, 238)


def write_thumbnail(values: Floats, path: Path) -> None:
    """Write the quantities (runs x features) as a map of runs over features, on a logarithmic scale."""
    shown = np.log(np.where(values > 0, values, np.nan))
    measured = np.isfinite(shown)
    order = np.lexsort((-np.where(measured, shown, 0).sum(axis=0), -measured.sum(axis=0)))
    sampled = shown[np.ix_(spread(shown.shape[0], HEIGHT_PX), order[spread(shown.shape[1], WIDTH_PX)])]
    finite = sampled[np.isfinite(sampled)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    share = np.nan_to_num((sampled - low) / ((high - low) or 1.0))[..., None]
    pixels = np.array(LOW) + share * (np.array(HIGH) - np.array(LOW))
    pixels[~np.isfinite(sampled)] = EMPTY
    Image.fromarray(np.rint(pixels).astype(np.uint8)).save(path, format="PNG", compress_level=6)


def spread(length: int, pixels: int) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
    """Return which of `length` rows stands at each of some pixels."""
    return np.arange(pixels) * length // pixels
