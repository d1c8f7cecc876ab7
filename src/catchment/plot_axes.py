"""Axes of a plot as SVG: a quantity with its unit, the places of its values, ticks that people read. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[Any]

PANEL_PX, HEIGHT_PX = 440, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 18, 40, 50
WIDTH, HEIGHT = PANEL_PX - LEFT - RIGHT, HEIGHT_PX - TOP - BOTTOM
INK, SOFT, LINE = "#1d2733", "#5a6675", "#dfe3e6"
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MOST_TICKS = 6


@dataclass(frozen=True)
class Axis:
    """A quantity with its unit, and the range that is shown of it; where it is logarithmic, the range is above 0."""

    label: str
    low: float
    high: float
    log: bool = False

    def places(self, values: npt.ArrayLike) -> Numbers:
        """Return where values stand on the axis, from 0 to 1; what lies outside is moved to its end."""
        inside = np.clip(np.asarray(values, np.float64), self.low, self.high)
        if self.log:
            low, high = math.log10(self.low), math.log10(self.high)
            return (np.log10(inside) - low) / ((high - low) or 1.0)  # type: ignore[no-any-return]
        return (inside - self.low) / ((self.high - self.low) or 1.0)  # type: ignore[no-any-return]

    def exponent(self) -> int:
        """Return the power of ten (of thousands) that ticks of a long linear axis are divided by."""
        largest = max(abs(self.low), abs(self.high))
        if self.log or not largest or 1e-3 <= largest < 1e5:
            return 0
        return 3 * math.floor(math.log10(largest) / 3)

    def ticks(self) -> list[tuple[float, str]]:
        """Return (value, text) of each tick within the range."""
        if self.log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            if last - first > 2:
                every = math.ceil((last - first + 1) / MOST_TICKS)
                return [(10.0**power, power_text(power)) for power in range(first, last + 1, every)]
            values = [digit * 10.0**power for power in range(first - 1, last + 1) for digit in (1, 2, 5)]
            found = [(value, short(value)) for value in values if self.low <= value <= self.high]
            if len(found) > 1:
                return found
        step = nice_step((self.high - self.low) or 1.0)
        count = math.floor(self.high / step + 1e-9) - math.ceil(self.low / step - 1e-9) + 1
        values = [(math.ceil(self.low / step - 1e-9) + number) * step for number in range(count)]
        return [(value, f"{round(value / 10.0 ** self.exponent(), 9):,g}") for value in values]


def short(value: float) -> str:
    """Return a number in few characters."""
    if not value or 1e-3 <= abs(value) < 1e5:
        return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    mantissa, power = f"{value:.0e}".split("e")
    return f"{'' if mantissa == '1' else mantissa + '×'}10{str(int(power)).translate(SUPERSCRIPTS)}"


def power_text(power: int) -> str:
    """Return a power of ten as people write it."""
    return f"{10**power:,}" if 0 <= power <= 3 else f"10{str(power).translate(SUPERSCRIPTS)}"


def nice_step(span: float) -> float:
    """Return 1, 2 or 5 times a power of ten, of which about `MOST_TICKS` fit into a span."""
    raw = span / MOST_TICKS
    power: float = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))


def axis_of(values: Numbers, label: str, *, log: bool = False, zero: bool = False) -> Axis:
    """Return an axis that holds the finite values (those above 0, where it is logarithmic); `zero`: it starts at 0."""
    found = np.asarray(values, np.float64)
    found = found[np.isfinite(found) & (found > 0 if log else True)]
    if not found.size:
        return Axis(label, 1.0 if log else 0.0, 10.0 if log else 1.0, log)
    low, high = float(found.min()), float(found.max())
    low = min(low, 0.0) if zero else low
    if low == high:
        low, high = (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
    return Axis(label, low, high, log)


def frame(x: Axis, y: Axis) -> str:
    """Return ticks, grid lines and labels of two axes."""
    parts = []
    for value, words in x.ticks():
        at = LEFT + WIDTH * float(x.places(value))
        parts.append(f'<path d="M{at:.1f} {TOP + HEIGHT}v4" stroke="{SOFT}"/>')
        parts.append(text(at, TOP + HEIGHT + 17, words, "s", anchor="middle"))
    for value, words in y.ticks():
        at = TOP + HEIGHT * (1 - float(y.places(value)))
        parts.append(f'<path d="M{LEFT} {at:.1f}h{WIDTH}" stroke="{LINE}"/>')
        parts.append(text(LEFT - 6, at + 4, words, "s", anchor="end"))
    parts.append(f'<path d="M{LEFT} {TOP}v{HEIGHT}h{WIDTH}" fill="none" stroke="{SOFT}"/>')
    parts.append(text(LEFT + WIDTH / 2, HEIGHT_PX - 12, with_power(x), anchor="middle"))
    parts.append(f'<g transform="rotate(-90 14 {TOP + HEIGHT / 2})">')
    parts.append(text(14, TOP + HEIGHT / 2 + 4, with_power(y), anchor="middle") + "</g>")
    return "".join(parts)


def with_power(axis: Axis) -> str:
    """Return an axis's label, with what its ticks are to be multiplied by."""
    return f"{axis.label}, ×10{str(axis.exponent()).translate(SUPERSCRIPTS)}" if axis.exponent() else axis.label


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """Return words at a place; what cannot be shown, or turns the direction of writing, becomes a box."""
    shown = escape("".join(character if character.isprintable() else "□" for character in words))
    own = f' class="{kind}"' if kind else ""
    aligned = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{own}{aligned}>{shown}</text>'


def cut(words: str, most: int) -> str:
    """Return words, cut where they are too long."""
    return words if len(words) <= most else words[: most - 1] + "…"
