"""The picture of an image of spectra: the ion current of its pixels. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE_PX = 256
# single pixels are often many times brighter than all others, and would leave nothing else to be seen
BRIGHT_PERCENTILE = 99.0
FAINTEST = 0.1  # so that a pixel without signal differs from one that was not taken


def ion_image(x: NDArray[Any], y: NDArray[Any], currents: NDArray[Any]) -> NDArray[np.float64]:
    """Return brightness by row (y downwards) and column (x): 0 where no spectrum was taken, else 0.1 to 1.

    Spectra of one pixel, and pixels side by side where there are more than 256 in a row, are shown by their mean; a
    small image is drawn with larger pixels.
    """
    left, top = int(x.min()), int(y.min())
    widest = max(int(x.max()) - left, int(y.max()) - top) + 1
    step = -(-widest // SIDE_PX)
    columns, rows = (x - left) // step, (y - top) // step
    shape = int(rows.max()) + 1, int(columns.max()) + 1
    cells = rows * shape[1] + columns
    counts = np.bincount(cells, minlength=shape[0] * shape[1])
    means = np.bincount(cells, weights=currents, minlength=counts.size) / np.maximum(counts, 1)
    bright = max(float(np.percentile(means[counts > 0], BRIGHT_PERCENTILE)), 0.0) or 1.0
    shares = FAINTEST + (1 - FAINTEST) * np.clip(means / bright, 0.0, 1.0)
    picture = np.where(counts > 0, shares, 0.0).reshape(shape)
    times = max(1, SIDE_PX // max(shape))
    return picture.repeat(times, axis=0).repeat(times, axis=1)
