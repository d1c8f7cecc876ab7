"""Counts of pixel values in 65,536 ordered bins, and what they tell: exact up to 16 bits, within 1 % beyond. Pure.

Tallies of disjoint pieces add up, so one pass over the pieces of an image gives its percentiles.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[Any]
Counts = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint16]

BINS = 1 << 16
BLOCK_PIXELS = 1 << 18
# added to a float, it turns -0.0 into 0.0 and changes nothing else
POSITIVE_ZERO = np.float16(0)
SIGN16, SIGN32 = 0x8000, 0x80000000


def bins_of(pixels: Pixels) -> Keys:
    """Return the bin of each finite pixel; bins rise with the value.

    Up to 16 bits each value has its own. Beyond, the bin is the upper half of the value as an ordered float32 (sign,
    exponent, 7 bits of mantissa): bins are no wider than 1/128 of their value.
    """
    kind, size = pixels.dtype.kind, pixels.dtype.itemsize
    if kind == "u" and size <= 2:
        return pixels.astype(np.uint16, copy=False)
    if kind == "i" and size <= 2:
        return (pixels.astype(np.int32) + SIGN16).astype(np.uint16)
    if kind == "f" and size == 2:
        raw = (np.ascontiguousarray(pixels) + POSITIVE_ZERO).view(np.uint16)
        return np.where(raw & SIGN16, ~raw, raw | SIGN16).astype(np.uint16)
    limit = np.finfo(np.float32).max
    single = np.ascontiguousarray(np.clip(pixels, -limit, limit) if size == 8 else pixels, np.float32)
    raw = (single + np.float32(POSITIVE_ZERO)).view(np.uint32)
    return (np.where(raw & SIGN32, ~raw, raw | np.uint32(SIGN32)) >> 16).astype(np.uint16)


@cache
def values_of(dtype: str) -> npt.NDArray[np.float64]:
    """Return the value that stands for each bin of a dtype: itself up to 16 bits, else the end of the bin nearest 0."""
    kind, size = np.dtype(dtype).kind, np.dtype(dtype).itemsize
    bins = np.arange(BINS, dtype=np.uint32)
    if kind == "u" and size <= 2:
        return bins.astype(np.float64)
    if kind == "i" and size <= 2:
        return bins.astype(np.float64) - SIGN16
    raw = np.where(bins & SIGN16, bins & 0x7FFF, ~bins & 0xFFFF).astype(np.uint16)
    if kind == "f" and size == 2:
        return raw.view(np.float16).astype(np.float64)
    # bins above infinity stand for NaNs, which are never counted
    with np.errstate(invalid="ignore"):
        return (raw.astype(np.uint32) << 16).view(np.float32).astype(np.float64)


@dataclass
class Tally:
    """What was counted of one channel; `total` is the sum of its finite values."""

    dtype: str
    counts: Counts = field(default_factory=lambda: np.zeros(BINS, np.int64))
    low: float = float("inf")
    high: float = float("-inf")
    total: float = 0.0
    not_finite: int = 0

    @property
    def pixels(self) -> int:
        """Return how many finite pixels were counted."""
        return int(self.counts.sum())

    @property
    def mean(self) -> float | None:
        """Return the mean of the finite pixels; None where there are none, or their sum is beyond 64 bits."""
        return self.total / self.pixels if self.pixels and np.isfinite(self.total) else None

    def add(self, other: Tally) -> None:
        """Add the tally of other pixels of the same channel."""
        self.counts += other.counts
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.total += other.total
        self.not_finite += other.not_finite

    def percentile(self, percent: float) -> float:
        """Return the smallest value that at least `percent` % of the pixels do not exceed; 0 where there are none."""
        return self.percentiles([percent])[0]

    def percentiles(self, percents: Sequence[float]) -> list[float]:
        """Return several percentiles, adding up the counts once."""
        below = np.cumsum(self.counts)
        pixels = int(below[-1])
        if not pixels:
            return [0.0] * len(percents)
        ranks = [max(1, int(np.ceil(percent / 100 * pixels))) for percent in percents]
        values = values_of(self.dtype)[np.searchsorted(below, ranks)]
        return [min(max(float(value), self.low), self.high) for value in values]

    def fraction_at_least(self, value: float) -> float:
        """Return which part of the finite pixels has this value or more."""
        return float(self.counts[values_of(self.dtype) >= value].sum() / self.pixels) if self.pixels else 0.0


def tally(planes: Iterable[Pixels], dtype: np.dtype[Any]) -> Tally:
    """Return the tally of some planes, counted a block at a time: counting takes four times a block's memory."""
    result = Tally(dtype.str)
    exact = dtype.kind in "iu" and dtype.itemsize <= 2
    for plane in planes:
        values = plane.reshape(-1)
        for start in range(0, values.size, BLOCK_PIXELS):
            block = values[start : start + BLOCK_PIXELS]
            if exact:
                result.counts += np.bincount(bins_of(block), minlength=BINS)
            else:
                result.add(tally_wide(block, dtype))
    if exact and result.pixels:
        bins, worth = np.flatnonzero(result.counts), values_of(dtype.str)
        result.low, result.high = float(worth[bins[0]]), float(worth[bins[-1]])
        # products of whole numbers, summed in 64 bits: exact
        result.total = float(result.counts[bins] @ worth[bins].astype(np.int64))
    return result


def tally_wide(values: Pixels, dtype: np.dtype[Any]) -> Tally:
    """Return the tally of values of more than 16 bits, or of floats: range and sum are not those of the bins."""
    result = Tally(dtype.str)
    if dtype.kind == "f":
        finite = np.isfinite(values)
        result.not_finite = int(values.size - np.count_nonzero(finite))
        values = values[finite]
    if values.size:
        result.counts += np.bincount(bins_of(values), minlength=BINS)
        result.low, result.high = float(values.min()), float(values.max())
        with np.errstate(over="ignore", invalid="ignore"):
            result.total = float(values.sum(dtype=np.float64))
    return result


def saturation_value(dtype: np.dtype[Any], significant_bits: int | None) -> float | None:
    """Return the value at which a detector is full: the largest that fits; None for floats, which have no such end.

    A camera of 12 bits stored in 16 is full at 4,095: OME-XML says so in SignificantBits.
    """
    if dtype.kind == "f":
        return None
    largest = int(np.iinfo(dtype).max)
    return float(min(largest, (1 << significant_bits) - 1) if significant_bits else largest)
