"""What a Bruker TIMS instrument counts (time-of-flight index, mobility scan) to m/z and inverse reduced mobility. Pure.

m/z, model 1: the flight time in ns is `delay + timebase * index`, and `time = C0 + b x + C2 x^2 + C3 x^3` with
`x = sqrt(m/z + C4)`, `b = sqrt(1e12 / C1)`. With `beta = 1 + (dC1 (T1 - t1) + dC2 (T2 - t2)) / 1e6`, where T1, T2 are
the calibration's temperatures and t1, t2 the frame's, C1 becomes `C1 beta` and C2 `C2 / beta`.

1/K0, model 2: the voltage of a scan is `V = C2 + (C3 - C2) / C1 * (scan - C4 - C0)`, and `1/K0 = 1 / (C6 + C7 / V)`.

Both were held against the vendor's library (TIMS SDK 2.21, by msconvert) on a diaPASEF run: m/z agree to 2e-11, 1/K0 to
1e-15. See docs/decisions/0021-bruker-tdf.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catchment.massspec.arrays import Floats

Indices = NDArray[np.int64]
# which model of m/z is exact, and which is without a correction that the vendor does not publish
EXACT_MZ, COARSE_MZ = 1, 2
MOBILITY_MODEL = 2
NEWTON_STEPS = 3


@dataclass(frozen=True)
class MzCalibration:
    """A row of the table of this name; `coefficients` are C0 to C4."""

    model: int
    timebase_ns: float
    delay_ns: float
    temperatures: tuple[float, float]
    corrections: tuple[float, float]
    coefficients: tuple[float, ...]

    def mz(self, index: Indices, temperatures: tuple[float, float]) -> Floats:
        """Return m/z of time-of-flight indices of a frame that was recorded at these temperatures."""
        c0, c1, c2, c3, shift = self.coefficients
        if self.model == COARSE_MZ:
            c3 = shift = 0.0  # there they repeat C0 and C2
        alpha = sum(
            factor * (own - frame)
            for factor, own, frame in zip(self.corrections, self.temperatures, temperatures, strict=True)
        )
        beta = 1.0 + alpha / 1e6
        slope = math.sqrt(1e12 / (c1 * beta))
        square = c2 / beta
        time = self.delay_ns + self.timebase_ns * index - c0
        # the stable form of the quadratic's root, which also holds where its square term is 0
        root = 2.0 * time / (slope + np.sqrt(slope * slope + 4.0 * square * time))
        for _ in range(NEWTON_STEPS if c3 else 0):
            value = ((c3 * root + square) * root + slope) * root - time
            root = root - value / ((3.0 * c3 * root + 2.0 * square) * root + slope)
        return np.asarray(root * root - shift, np.float64)


@dataclass(frozen=True)
class MobilityCalibration:
    """A row of the table TimsCalibration; `coefficients` are C0 to C7."""

    coefficients: tuple[float, ...]

    def inverse_mobility(self, scan: Indices | Floats) -> Floats:
        """Return 1/K0 in Vs/cm2 of mobility scans, counted from 0."""
        c0, c1, c2, c3, c4, _, c6, c7 = self.coefficients
        voltage = c2 + (c3 - c2) / c1 * (scan - c4 - c0)
        return np.asarray(1.0 / (c6 + c7 / voltage), np.float64)


def mz_by_range(lowest: float, highest: float, samples: int) -> Callable[[Indices], Floats]:
    """Return m/z as they would be if flight time were the root of m/z alone, from the range that was acquired."""
    start, step = math.sqrt(lowest), (math.sqrt(highest) - math.sqrt(lowest)) / samples

    def mz(index: Indices) -> Floats:
        return np.asarray((start + step * index) ** 2, np.float64)

    return mz


def mobility_by_range(lowest: float, highest: float, scans: int) -> Callable[[Indices | Floats], Floats]:
    """Return 1/K0 as it would be if it fell evenly from scan to scan over the range that was acquired."""

    def inverse_mobility(scan: Indices | Floats) -> Floats:
        return np.asarray(highest + (lowest - highest) / scans * scan, np.float64)

    return inverse_mobility
