"""QC plots of an image, from its store's small levels and its side-cars: what it shows, and how bright it is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from catchment.imaging.intensities import Tally, values_of
from catchment.imaging.sidecars import read_channels, read_tallies
from catchment.imaging.store import open_level, read_attributes
from catchment.imaging.thumbnail import MAX_TILES, Floats, brightest, composite, fitted
from catchment.plot_axes import Axis, Numbers
from catchment.plots import Bars, Curves, Panel, Pictures, Words, draw_sheet, png_bytes
from catchment.schema.records import Asset, Dataset
from catchment.storage import Place

COLOUR = "#7a3e9d"
TILE_PX, MOST_TILES, MOST_LINES = 160, 9, 8
INTENSITY_BARS, SHOWN_PERCENT, LEAST_PIXELS = 128, 99.99, 0.8


def draw(dataset: Dataset, asset: Asset, store: Place) -> bytes:
    """Return an SVG: the thumbnail, the channels of the first image, intensities and saturation of every channel."""
    side_cars = dataset.product.side_cars
    told = read_channels(store.path, side_cars)
    count = 1 + max(channel["image"] for channel in told)
    root = store.path / dataset.product.path
    first = first_image(root)
    label = f"{MAX_TILES} of {count:,} images, evenly chosen" if count > MAX_TILES else ""
    panels: list[Panel] = [Pictures("Overview", ((label, (store.path / side_cars["thumbnail"]).read_bytes()),))]
    names = [channel["name"] for channel in told if channel["image"] == 0]
    if len(names) > 1 and not is_photograph(first, told[0]["dtype"]):
        tiles = tuple((name, picture(first, index)) for index, name in enumerate(names[:MOST_TILES]))
        of = "" if count == 1 else " of the first image"
        panels.append(Pictures(title_of("channels", len(tiles), len(names)) + of, tiles))
    by_name = tallies_by_name(told, read_tallies(store.path, side_cars))
    panels.append(intensities(by_name))
    if any(channel["saturated_fraction"] for channel in told):
        panels.append(saturation(told))
    size = f"{count:,} image{'s' if count > 1 else ''}, {len(told):,} channel{'s' if len(told) > 1 else ''}"
    if all(channel["saturated_fraction"] == 0 for channel in told):
        size += ", no pixel saturated"
    return draw_sheet(asset.name, f"imaging · {dataset.dataset} · {size}", panels, COLOUR)


def first_image(root: Path) -> Path:
    """Return the group of the first image of a store: the first of those that it lists, else the store itself."""
    if not (root / "OME").is_dir():
        return root
    ome: Any = read_attributes(root / "OME")
    return root / str(ome["series"][0])


def title_of(what: str, shown: int, count: int) -> str:
    """Return the title of some of something: whether these are all."""
    return f"First {shown} of {count:,} {what}" if shown < count else what.capitalize()


def displays_of(image: Path) -> list[dict[str, Any]]:
    """Return how each channel of an image is first shown, from its OME-Zarr attributes."""
    ome: Any = read_attributes(image)
    channels: list[dict[str, Any]] = ome["omero"]["channels"]
    return channels


def is_photograph(image: Path, dtype: str) -> bool:
    """Tell whether the channels of an image are the bands of one photograph: shown from black to full, all of them."""
    windows = [(one["window"]["start"], one["window"]["end"]) for one in displays_of(image)]
    return dtype == "uint8" and len(windows) in (3, 4) and set(windows) == {(0.0, 255.0)}


def picture(image: Path, channel: int) -> bytes:
    """Return a PNG of one channel in its colour: the middle time point, the brightest value along z."""
    display = displays_of(image)[channel]
    array = open_level(str(image), smallest_level(image))
    plane = windowed(brightest(array, array.shape[0] // 2, channel, array.shape[2]), display)
    return png_bytes(np.asarray(fitted(Image.fromarray(composite([plane], [display["color"]])), TILE_PX)))


def smallest_level(image: Path) -> int:
    """Return the smallest level whose longer edge is at least that of a tile; else the largest there is."""
    ome: Any = read_attributes(image)
    numbers = range(len(ome["multiscales"][0]["datasets"]))
    return max((n for n in numbers if max(open_level(str(image), n).shape[-2:]) >= TILE_PX), default=0)


def windowed(plane: Numbers, channel: dict[str, Any]) -> Floats:
    """Return a plane between 0 and 1 over the window in which its channel is first shown. NaN is dark."""
    low, high = channel["window"]["start"], channel["window"]["end"]
    wide = np.nan_to_num(plane.astype(np.float64), nan=low)
    shares: Floats = np.clip((wide - low) / ((high - low) or 1.0), 0, 1).astype(np.float32)
    return shares


def tallies_by_name(told: list[dict[str, Any]], tallies: Iterable[Tally]) -> dict[str, Tally]:
    """Return the values of each channel over all images that name it alike and are of the first image's type."""
    found: dict[str, Tally] = {}
    for channel, tally in zip(told, tallies, strict=True):
        if channel["dtype"] == told[0]["dtype"]:
            found.setdefault(channel["name"], Tally(tally.dtype)).add(tally)
    return found


def intensities(by_name: dict[str, Tally]) -> Panel:
    """Return the histogram of each channel; what is brighter than nearly all pixels stands at the right end."""
    shown = list(by_name.items())[:MOST_LINES]
    title = title_of("intensities by channel", len(shown), len(by_name))
    filled = [(name, tally) for name, tally in shown if tally.pixels]
    if not filled:
        return Words(title, ("No channel has a pixel with a finite value.",))
    dtype = np.dtype(filled[0][1].dtype)
    low = min(tally.low for _, tally in filled)
    high = max(tally.percentile(SHOWN_PERCENT) for _, tally in filled)
    edges = edges_of(low, high, dtype.kind)
    lines = []
    for name, tally in filled:
        bins = np.flatnonzero(tally.counts)
        values = np.clip(values_of(tally.dtype)[bins], edges[0], edges[-1])
        counts, _ = np.histogram(values, edges, weights=tally.counts[bins])
        lines.append((name, edges[:-1], np.maximum(counts, LEAST_PIXELS)))
    most = max(float(line[2].max()) for line in lines)
    brighter = "; brighter ones at the right end" if max(tally.high for _, tally in filled) > edges[-1] else ""
    x = Axis(f"intensity ({dtype.name}{brighter})", float(edges[0]), float(edges[-1]))
    return Curves(title, x, Axis("pixels", LEAST_PIXELS, 2 * most, log=True), tuple(lines), steps=True)


def edges_of(low: float, high: float, kind: str) -> Numbers:
    """Return the edges of equally wide bars; as many whole numbers in each where values are whole."""
    if kind == "f":
        return np.linspace(low, high if high > low else low + 1, INTENSITY_BARS + 1)
    width = max(1, int(np.ceil((high - low + 1) / INTENSITY_BARS)))
    return np.arange(low, high + width + 1, width) - 0.5


def saturation(told: list[dict[str, Any]]) -> Panel:
    """Return the share of pixels at the detector's largest value, of the channels that have most of them."""
    measured = [channel for channel in told if channel["saturated_fraction"] is not None]
    worst = sorted(measured, key=lambda channel: -channel["saturated_fraction"])[:MOST_LINES]
    several = any(channel["image"] for channel in told)
    names = [f"{one['image'] + 1}: {one['name']}" if several else one["name"] for one in worst]
    shares = [(round(100 * channel["saturated_fraction"], 4),) for channel in worst]
    rows = tuple(zip(names, shares, strict=True))
    return Bars("Saturated pixels", "% of pixels at the largest value that fits", rows)
