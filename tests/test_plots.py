"""Plots, held against what they are drawn of: the SVG is parsed, its shapes and words are counted."""

from __future__ import annotations

import base64
import io
import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from catchment import plots
from catchment.plot_axes import HEIGHT, PANEL_PX, TOP, WIDTH, Axis, axis_of

SVG = "{http://www.w3.org/2000/svg}"


def sheet(*panels: plots.Panel, title: str = "A dataset", facts: str = "facts") -> ElementTree.Element:
    """Return a sheet as the tree that a browser sees."""
    return ElementTree.fromstring(plots.draw_sheet(title, facts, panels))


def words(root: ElementTree.Element) -> list[str]:
    """Return every text of a sheet in its order."""
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def bars_of(root: ElementTree.Element) -> list[tuple[float, float, float]]:
    """Return (left, right, height) of each bar of the histogram in a sheet, in pixels of its panel."""
    (path,) = [element.get("d") or "" for element in root.iter(f"{SVG}path") if element.get("fill-opacity")]
    found = re.findall(r"M([\d.]+) \d+V([\d.]+)H([\d.]+)", path)
    return [(float(left), float(right), TOP + HEIGHT - float(top)) for left, top, right in found]


# --- axes --------------------------------------------------------------------------------------------------------


def test_places_are_shares_of_the_axis_and_ends_hold_what_lies_outside() -> None:
    assert Axis("m/z", 100, 300).places(np.array([50, 100, 200, 300, 900])).tolist() == [0, 0, 0.5, 1, 1]
    assert Axis("counts", 1, 100, log=True).places(np.array([0, 1, 10, 100])).tolist() == [0, 0, 0.5, 1]


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        (Axis("x", 0, 10), ["0", "2", "4", "6", "8", "10"]),
        (Axis("x", -3, 3), ["-3", "-2", "-1", "0", "1", "2", "3"]),
        (Axis("x", 0, 4_000_000), ["0", "1", "2", "3", "4"]),
        (Axis("x", 1, 1_000_000, log=True), ["1", "100", "10⁴", "10⁶"]),
        (Axis("x", 300, 12_000, log=True), ["500", "1,000", "2,000", "5,000", "10,000"]),
        (Axis("x", 410, 450, log=True), ["410", "420", "430", "440", "450"]),
    ],
)
def test_ticks_are_round_numbers_within_the_axis(axis: Axis, expected: list[str]) -> None:
    ticks = axis.ticks()
    assert [text for _, text in ticks] == expected
    assert all(axis.low <= value <= axis.high for value, _ in ticks)


def test_a_long_axis_says_what_its_ticks_are_multiplied_by() -> None:
    curve = plots.Curves("Ion current", Axis("time (min)", 0, 1), Axis("ion current", 0, 4e6), ())
    assert "ion current, ×10⁶" in words(sheet(curve))


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_an_axis_of_one_value_has_room_on_both_sides(value: float) -> None:
    axis = axis_of(np.full(3, value), "x")
    assert axis.low < value < axis.high


def test_an_axis_leaves_out_what_it_cannot_show() -> None:
    values = np.array([np.nan, np.inf, -5, 0, 2, 8])
    assert (axis_of(values, "x", log=True).low, axis_of(values, "x", log=True).high) == (2, 8)
    assert axis_of(values, "x").low == -5
    assert axis_of(np.array([np.nan]), "x").ticks()


# --- panels ------------------------------------------------------------------------------------------------------


def test_bars_of_a_histogram_are_as_high_as_their_counts() -> None:
    root = sheet(plots.histogram(np.array([0, 1, 1, 1, 2, 2]), "Genes", "genes", "cells"))
    heights = [height for _, _, height in bars_of(root)]
    assert heights == pytest.approx([max(heights) / 3, max(heights), max(heights) * 2 / 3], abs=0.1)
    assert {"Genes", "genes", "cells", "median 1"} <= set(words(root))


def test_whole_numbers_get_bars_of_equal_numbers_of_values_and_none_is_merged() -> None:
    values = np.repeat(np.arange(12), 5)
    bars = bars_of(sheet(plots.histogram(values, "Planes", "planes", "images")))
    assert len(bars) == 12
    assert len({height for _, _, height in bars}) == 1
    wide = plots.histogram(np.arange(1_000), "Genes", "genes", "cells", bars=60)
    assert isinstance(wide, plots.Histogram)
    assert set(wide.counts[:-1]) == {17}
    assert wide.counts.sum() == 1_000


def test_bars_of_a_logarithmic_histogram_are_equally_wide() -> None:
    values = np.geomspace(1, 1_000, 2_000)
    bars = bars_of(sheet(plots.histogram(values, "Counts", "counts", "cells", log=True)))
    assert len(bars) == plots.BARS
    assert {round(right - left) for left, right, _ in bars} == {round(WIDTH / plots.BARS)}


def test_a_histogram_says_how_many_have_no_value() -> None:
    panel = plots.histogram(np.array([1.5, np.nan, 3.5]), "Share", "share (%)", "cells")
    assert "share (%); 1 cells without" in words(sheet(panel))


def test_a_histogram_of_nothing_says_so() -> None:
    panel = plots.histogram(np.full(4, np.nan), "Share", "share (%)", "cells")
    assert "None of 4 cells has a value to show." in words(sheet(panel))


def test_a_curve_of_many_points_keeps_its_highest_and_lowest() -> None:
    rng = np.random.default_rng(1)
    x, y = np.arange(100_000.0), rng.uniform(1, 2, 100_000)
    y[[777, 54_321]] = 0, 10
    across, up = plots.thinned(x / x[-1] * WIDTH, y)
    assert across.size <= 4 * (WIDTH + 1)
    assert (up.min(), up.max()) == (0, 10)
    assert np.all(np.diff(across) >= 0)
    assert (across[0], across[-1]) == (0, WIDTH)


def test_lines_of_one_plot_are_named_and_of_different_colours() -> None:
    x = np.array([0.0, 1.0])
    curve = plots.Curves("Currents", Axis("t", 0, 1), Axis("i", 0, 1), (("total", x, x), ("base peak", x, x / 2)))
    root = sheet(curve)
    strokes = {element.get("stroke") for element in root.iter(f"{SVG}path") if element.get("stroke-width")}
    assert strokes == set(plots.SERIES[:2])
    assert {"total", "base peak"} <= set(words(root))


def test_a_map_has_a_cell_for_every_point_with_y_upwards() -> None:
    axis = Axis("v", 0, 1)
    x, y = np.array([0.0, 0.0, 1.0, np.nan]), np.array([0.0, 0.0, 1.0, 0.5])
    panel = plots.density(x, y, axis, axis, "Map", "spectra")
    assert isinstance(panel, plots.Density)
    assert panel.cells.sum() == 3
    root = sheet(panel)
    (image,) = root.iter(f"{SVG}image")
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode((image.get("href") or "").partition(",")[2]))))
    assert pixels.shape[:2] == panel.cells.shape
    filled = np.argwhere(pixels[..., 3] > 0).tolist()
    assert filled == [[0, pixels.shape[1] - 1], [pixels.shape[0] - 1, 0]]
    assert tuple(pixels[-1, 0, :3]) == plots.RAMP[-1]
    assert tuple(pixels[0, -1, :3]) == plots.RAMP[0]
    assert "spectra: 1" in words(root)


def test_parts_of_a_bar_stand_end_to_end_and_their_numbers_beside_it() -> None:
    panel = plots.Bars("Datasets", "datasets", (("imaging", (3, 1)), ("runs", (2, 0))), ("through", "held"))
    root = sheet(panel)
    rows = [element for element in root.iter(f"{SVG}rect") if element.get("fill") in (plots.ACCENT, plots.SERIES[1])]
    first, second, *_ = [(float(r.get("x") or 0), float(r.get("width") or 0)) for r in rows]
    assert first[1] == pytest.approx(3 * second[1], abs=0.2)
    assert sum(first) == pytest.approx(second[0], abs=0.1)
    assert {"3 + 1", "2", "through", "held", "imaging", "runs"} <= set(words(root))


def test_pictures_are_kept_byte_for_byte() -> None:
    png = plots.png_bytes(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))
    root = sheet(plots.Pictures("Channels", (("DAPI", png), ("GFP", png))))
    hrefs = [element.get("href") or "" for element in root.iter(f"{SVG}image")]
    assert [base64.b64decode(href.partition(",")[2]) for href in hrefs] == [png, png]
    assert {"DAPI", "GFP"} <= set(words(root))


def test_words_that_do_not_fit_end_in_an_ellipsis() -> None:
    shown = words(sheet(plots.Words("Held", ("a paragraph " * 200,))))
    assert shown[-1] == "…"
    assert len(shown) < 20


# --- the sheet ---------------------------------------------------------------------------------------------------


def test_texts_of_submitters_are_neither_markup_nor_do_they_turn_the_line() -> None:
    root = sheet(plots.Words("<script>alert(1)</script>", ("\u202egnp.exe\x07",)), title="a <b> & c")
    assert {"a <b> & c", "<script>alert(1)</script>", "□gnp.exe□"} <= set(words(root))
    assert not list(root.iter(f"{SVG}script"))


def test_equal_numbers_give_equal_bytes_and_nothing_is_loaded_from_elsewhere() -> None:
    values = np.random.default_rng(2).lognormal(5, 1, 500)
    axis = axis_of(values, "v")
    panels = [
        plots.histogram(values, "a", "v", "cells", log=True),
        plots.density(values, values, axis, axis, "b", "n"),
    ]
    drawn = plots.draw_sheet("x", "y", panels)
    assert drawn == plots.draw_sheet("x", "y", panels)
    addresses = re.findall(rb'(?:href|src|url)[=(]"?([^"]{0,30})', drawn)
    assert addresses
    assert all(address.startswith(b"data:image/png;base64,") for address in addresses)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_panels_stand_side_by_side_inside_the_sheet(count: int) -> None:
    root = sheet(*(plots.Words(str(number), ("x",)) for number in range(count)))
    places = [element.get("transform") or "" for element in root.iter(f"{SVG}g")]
    corners = [tuple(map(int, re.findall(r"\d+", place))) for place in places]
    assert len(set(corners)) == count
    assert max(x for x, _ in corners) + PANEL_PX < int(root.get("width") or 0)
    assert math.ceil(count / 3) <= len({y for _, y in corners}) <= math.ceil(count / 2)
