"""Plots as one self-contained SVG sheet: histograms, curves, maps, bars, pictures, words. Pure.

Equal numbers give equal bytes. Drawn here rather than by a plotting library, which takes ten times as long for a sheet
(docs/decisions/0025). An axis names its quantity with its unit; texts of submitters are escaped and cut.
"""

from __future__ import annotations

import base64
import io
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from catchment.plot_axes import (
    HEIGHT,
    HEIGHT_PX,
    INK,
    LEFT,
    LINE,
    PANEL_PX,
    RIGHT,
    TOP,
    WIDTH,
    Axis,
    Numbers,
    axis_of,
    cut,
    frame,
    short,
    text,
)

GAP_PX, HEAD_PX = 16, 64
PAPER, ACCENT = "#ffffff", "#0b6e6e"
# told apart by colour-blind readers too (Okabe and Ito), without its yellow, which is lost on white
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#1d2733", "#8a6d3b")
# a ramp whose lightness rises evenly, dark to light; cells without a count stay white
RAMP = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
BARS, LEGEND, HEADROOM = 60, 8, 1.06
TITLE_CHARACTERS, LABEL_CHARACTERS, BAR_NAMES_PX = 46, 21, 150
STYLE = (
    "text{font-family:system-ui,'DejaVu Sans',Arial,sans-serif;font-size:12px;fill:#1d2733}"
    ".t{font-size:14px;font-weight:600}.h{font-size:18px;font-weight:600}.s{fill:#5a6675}.n{font-size:11px;fill:#5a6675}"
)


class Panel(Protocol):
    """One plot: its body is drawn inside `PANEL_PX` by `HEIGHT_PX`, in the sheet's colour where it has none."""

    @property
    def title(self) -> str:
        """What the plot shows."""

    def body(self, colour: str) -> str:
        """Return the SVG of the plot."""


# --- panels ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Histogram:
    """Counts between edges (one more than counts) as bars; `mark` is a value with its name, drawn as a line."""

    title: str
    x: Axis
    y: Axis
    edges: Numbers
    counts: Numbers
    mark: tuple[str, float] | None = None

    def body(self, colour: str) -> str:
        """Return the SVG of the plot."""
        left = LEFT + WIDTH * self.x.places(self.edges)
        top = TOP + HEIGHT * (1 - self.y.places(self.counts))
        bars = "".join(
            f"M{left[i]:.1f} {TOP + HEIGHT}V{top[i]:.1f}H{left[i + 1]:.1f}V{TOP + HEIGHT}z"
            for i in np.flatnonzero(np.asarray(self.counts) > 0)
        )
        parts = [frame(self.x, self.y), f'<path d="{bars}" fill="{colour}" fill-opacity=".85"/>']
        if self.mark is not None:
            name, value = self.mark
            at = LEFT + WIDTH * float(self.x.places(value))
            parts.append(f'<path d="M{at:.1f} {TOP}v{HEIGHT}" stroke="{INK}" stroke-dasharray="4 3"/>')
            parts.append(text(LEFT + WIDTH, TOP - 8, f"{name} {short(value)}", "n", anchor="end"))
        return "".join(parts)


def histogram(values: Numbers, title: str, label: str, of: str, *, log: bool = False, bars: int = BARS) -> Panel:
    """Return the histogram of values with their median; `of` says what is counted ("cells").

    Values that are not finite (or, on a logarithmic axis, not above 0) are left out, and the label says how many.
    """
    values = np.asarray(values, np.float64)
    shown = values[np.isfinite(values) & (values > 0 if log else True)]
    if not shown.size:
        return Words(title, (f"None of {values.size:,} {of} has a value to show.",))
    without = f"; {values.size - shown.size:,} {of} without" if shown.size < values.size else ""
    x = axis_of(shown, label + without, log=log, zero=not log)
    edges = np.geomspace(x.low, x.high, bars + 1) if log else np.linspace(x.low, x.high, bars + 1)
    if not log and np.array_equal(shown, np.rint(shown)):
        # as many whole numbers to each bar, else some bars stand out for no reason
        width = max(1.0, math.ceil((x.high - x.low) / bars))
        edges = np.arange(math.floor(x.low), x.high + width + 1, width) - 0.5
        x = Axis(x.label, float(edges[0]), float(edges[-1]))
    counts, _ = np.histogram(np.clip(shown, edges[0], edges[-1]), edges)
    y = Axis(of, 0.0, HEADROOM * float(counts.max()))
    return Histogram(title, x, y, edges, counts, ("median", float(np.median(shown))))


@dataclass(frozen=True)
class Curves:
    """Named lines (name, x, y) over one pair of axes, x rising; `steps`: a line stays at its value until the next."""

    title: str
    x: Axis
    y: Axis
    lines: tuple[tuple[str, Numbers, Numbers], ...]
    steps: bool = False

    def body(self, colour: str) -> str:
        """Return the SVG of the plot; of the points that share a pixel, the lowest and the highest are drawn."""
        parts = [frame(self.x, self.y)]
        for number, (_, xs, ys) in enumerate(self.lines):
            own = colour if len(self.lines) == 1 else SERIES[number % len(SERIES)]
            across, up = LEFT + WIDTH * self.x.places(xs), TOP + HEIGHT * (1 - self.y.places(ys))
            if self.steps:
                across, up = np.repeat(across, 2)[1:], np.repeat(up, 2)[:-1]
            path = " ".join(f"{x:.1f} {y:.1f}" for x, y in zip(*thinned(across, up), strict=True))
            if path:
                parts.append(
                    f'<path d="M{path}" fill="none" stroke="{own}" stroke-width="1.3" stroke-linejoin="round"/>'
                )
        for number, (name, _, _) in enumerate(self.lines[:LEGEND] if len(self.lines) > 1 else ()):
            own, down, shown = SERIES[number % len(SERIES)], TOP + 8 + 15 * number, cut(name, LABEL_CHARACTERS)
            wide = 26 + 7 * len(shown)
            parts.append(
                f'<rect x="{LEFT + WIDTH - wide}" y="{down - 9}" width="{wide}" height="15" fill="#fff" opacity=".8"/>'
                f'<rect x="{LEFT + WIDTH - 10}" y="{down - 8}" width="10" height="10" fill="{own}"/>'
            )
            parts.append(text(LEFT + WIDTH - 14, down + 1, shown, "n", anchor="end"))
        return "".join(parts)


def thinned(across: Numbers, up: Numbers) -> tuple[Numbers, Numbers]:
    """Return the first, lowest, highest and last of the points in each column of pixels, in their order."""
    if across.size <= 4 * WIDTH:
        return across, up
    columns = np.floor(across)
    starts = np.flatnonzero(np.diff(columns, prepend=columns[0] - 1))
    kept: set[int] = set()
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), across.size], strict=True):
        own = up[start:end]
        kept |= {start, start + int(own.argmin()), start + int(own.argmax()), end - 1}
    chosen = np.array(sorted(kept))
    return across[chosen], up[chosen]


@dataclass(frozen=True)
class Density:
    """A map of numbers (y upwards, x) as colours, logarithmic; cells that are 0 stay white. `unit` names the number."""

    title: str
    x: Axis
    y: Axis
    cells: Numbers
    unit: str

    def body(self, colour: str) -> str:
        """Return the SVG of the plot."""
        cells = np.asarray(self.cells, np.float64)
        seen = cells[cells > 0]
        if not seen.size:
            return frame(self.x, self.y)
        low, high = math.log10(float(seen.min())), math.log10(float(seen.max()))
        share = (np.log10(np.where(cells > 0, cells, 10.0**low)) - low) / ((high - low) or 1.0)
        pixels = np.full((*cells.shape, 4), 255, np.uint8)
        for band in range(3):
            stops = [stop[band] for stop in RAMP]
            pixels[..., band] = np.rint(np.interp(share, np.linspace(0, 1, len(RAMP)), stops))
        pixels[..., 3] = np.where(cells > 0, 255, 0)
        href = png_address(png_bytes(pixels[::-1]))
        ends = f"{self.unit}: {short(10.0**low)}", short(10.0**high)
        key = [(LEFT + WIDTH - 108 + 8 * part, hex_of(part / 7)) for part in range(8)]
        ramp = "".join(f'<rect x="{x}" y="{TOP - 12}" width="8.2" height="8" fill="{own}"/>' for x, own in key)
        return (
            f'{frame(self.x, self.y)}<image x="{LEFT}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" '
            f'preserveAspectRatio="none" style="image-rendering:pixelated" href="{href}"/>'
            + ramp
            + text(LEFT + WIDTH - 112, TOP - 4, ends[0], "n", anchor="end")
            + text(LEFT + WIDTH - 40, TOP - 4, ends[1], "n")
        )


def density(x_values: Numbers, y_values: Numbers, x: Axis, y: Axis, title: str, unit: str) -> Panel:
    """Return how many points fall into each cell of a map; points that an axis cannot show are left out."""
    shown = np.isfinite(x_values) & np.isfinite(y_values)
    for values, axis in ((x_values, x), (y_values, y)):
        shown &= (values > 0) if axis.log else True
    if not shown.any():
        return Words(title, ("There is no point to show.",))
    places = (y.places(y_values[shown]), x.places(x_values[shown]))
    cells, _, _ = np.histogram2d(*places, bins=(HEIGHT // 3, WIDTH // 3), range=((0, 1), (0, 1)))
    return Density(title, x, y, cells, unit)


@dataclass(frozen=True)
class Bars:
    """Named numbers as horizontal bars, the parts of each (one for every name in `parts`) end to end."""

    title: str
    label: str
    rows: tuple[tuple[str, tuple[float, ...]], ...]
    parts: tuple[str, ...] = ("",)

    def body(self, colour: str) -> str:
        """Return the SVG of the plot."""
        if not self.rows:
            return text(LEFT, TOP + 16, "Nothing to show.", "s")
        names, most = BAR_NAMES_PX, max(sum(values) for _, values in self.rows) or 1.0
        each, room = min(34.0, (HEIGHT + 10) / len(self.rows)), PANEL_PX - BAR_NAMES_PX - 80
        parts = []
        for row, (name, values) in enumerate(self.rows):
            y, left = TOP + each * row, float(names)
            parts.append(text(names - 8, y + each / 2 + 4, cut(name, LABEL_CHARACTERS), anchor="end"))
            for part, value in enumerate(values):
                width = room * value / most
                own = colour if part == 0 else SERIES[part % len(SERIES)]
                parts.append(
                    f'<rect x="{left:.1f}" y="{y + 3:.1f}" width="{width:.1f}" height="{each - 6:.1f}" fill="{own}"/>'
                )
                left += width
            parts.append(
                text(left + 6, y + each / 2 + 4, " + ".join(f"{value:,g}" for value in values if value) or "0", "s")
            )
        below = TOP + each * len(self.rows) + 18
        for part, name in enumerate(self.parts if len(self.parts) > 1 else ()):
            own = colour if part == 0 else SERIES[part % len(SERIES)]
            parts.append(f'<rect x="{names + 90 * part}" y="{below + 9:.1f}" width="10" height="10" fill="{own}"/>')
            parts.append(text(names + 90 * part + 15, below + 18, name, "n"))
        return "".join(parts) + text(names, below, self.label)


@dataclass(frozen=True)
class Pictures:
    """Pictures (label, PNG) side by side, each as large as its share of the panel lets it be."""

    title: str
    tiles: tuple[tuple[str, bytes], ...]

    def body(self, colour: str) -> str:
        """Return the SVG of the plot."""
        columns = math.ceil(math.sqrt(len(self.tiles)))
        rows = math.ceil(len(self.tiles) / columns)
        wide, high = (PANEL_PX - 2 * RIGHT) / columns, (HEIGHT_PX - TOP - RIGHT) / rows
        parts = []
        for number, (label, png) in enumerate(self.tiles):
            x, y = RIGHT + wide * (number % columns), TOP + high * (number // columns)
            place = f'x="{x:.1f}" y="{y:.1f}" width="{wide - 6:.1f}" height="{high - 20:.1f}"'
            parts.append(f'<rect {place} fill="#0b0f13"/><image {place} href="{png_address(png)}"/>')
            parts.append(text(x, y + high - 7, cut(label, int(wide / 7)), "n"))
        return "".join(parts)


@dataclass(frozen=True)
class Words:
    """Paragraphs, wrapped; what does not fit is left out, and an ellipsis says so."""

    title: str
    paragraphs: tuple[str, ...]

    def body(self, colour: str) -> str:
        """Return the SVG of the words."""
        lines = [line for words in self.paragraphs for line in [*textwrap.wrap(words, 62), ""]]
        most = (HEIGHT_PX - TOP - 20) // 16
        shown = lines if len(lines) <= most else [*lines[: most - 1], "…"]
        return "".join(text(RIGHT, TOP + 16 * (row + 1), line) for row, line in enumerate(shown) if line)


# --- the sheet ---------------------------------------------------------------------------------------------------


def hex_of(share: float) -> str:
    """Return the ramp's colour at a share from 0 to 1."""
    places = np.linspace(0, 1, len(RAMP))
    return "#" + "".join(f"{round(float(np.interp(share, places, [s[band] for s in RAMP]))):02x}" for band in range(3))


def png_bytes(pixels: Numbers) -> bytes:
    """Return an array (y, x or y, x, bands; uint8) as a PNG."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG", compress_level=6)
    return data.getvalue()


def png_address(png: bytes) -> str:
    """Return a PNG as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def draw_sheet(title: str, facts: str, panels: Sequence[Panel], colour: str = ACCENT) -> bytes:
    """Return panels under a title and a line of facts, as one SVG that needs nothing else."""
    columns = min(len(panels), 2 if len(panels) <= 4 else 3) or 1
    rows = math.ceil(len(panels) / columns)
    wide = columns * (PANEL_PX + GAP_PX) + GAP_PX
    high = HEAD_PX + rows * (HEIGHT_PX + GAP_PX)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}">',
        f'<style>{STYLE}</style><rect width="{wide}" height="{high}" fill="#f4f5f3"/>',
        text(GAP_PX, 28, cut(title, 46 * columns), "h"),
        text(GAP_PX, 50, cut(facts, 68 * columns), "s"),
    ]
    for place, panel in enumerate(panels):
        x, y = GAP_PX + (PANEL_PX + GAP_PX) * (place % columns), HEAD_PX + (HEIGHT_PX + GAP_PX) * (place // columns)
        parts.append(f'<g transform="translate({x} {y})">')
        parts.append(f'<rect width="{PANEL_PX}" height="{HEIGHT_PX}" rx="8" fill="{PAPER}" stroke="{LINE}"/>')
        parts.append(text(RIGHT, 24, cut(panel.title, TITLE_CHARACTERS), "t"))
        parts.append(panel.body(colour) + "</g>")
    return ("".join(parts) + "</svg>\n").encode()
