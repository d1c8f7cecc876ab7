"""QC plots of a run, from the table beside it: its ion current, what was isolated when, what its spectra hold."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from catchment.massspec.metrics import level_counts
from catchment.massspec.spectra import NO_LEVEL, Table
from catchment.massspec.survey_map import MZ_STEP, read_map
from catchment.massspec.tables import read_spectra
from catchment.plot_axes import HEIGHT, WIDTH, Numbers, axis_of
from catchment.plots import Bars, Curves, Density, Panel, Words, density, draw_sheet, histogram
from catchment.schema.records import Asset, Dataset
from catchment.storage import Place

COLOUR = "#a8521a"
MAP_ROWS, MAP_COLUMNS = HEIGHT // 3, WIDTH // 3
ION_CURRENT = "ion current (detector counts)"


def draw(dataset: Dataset, asset: Asset, store: Place) -> bytes:
    """Return an SVG of the plots that this run has something for."""
    table = read_spectra(store.path / dataset.product.side_cars["spectra"])
    times, label = time_of(table)
    fragments = table["ms_level"] > 1
    panels = [
        ion_current(table, times, label),
        survey_signal(read_map(store.path / dataset.product.side_cars["survey_map"])),
        base_peaks(table, times, label),
        Bars("Spectra by level", "spectra", tuple((level_name(k), (n,)) for k, n in level_counts(table).items())),
        histogram(table["points"][~fragments], "Peaks per spectrum, MS1", "peaks", "spectra"),
    ]
    if fragments.any():
        own, mz = times[fragments], table["precursor_mz"][fragments]
        axes = axis_of(own, label), axis_of(mz, "m/z of the precursor")
        panels.append(density(own, mz, *axes, "Precursors", "spectra"))
        panels.append(histogram(table["points"][fragments], "Peaks per spectrum, MS2 and above", "peaks", "spectra"))
    facts = f"mass spectrometry · {dataset.dataset} · {len(table['index']):,} spectra"
    return draw_sheet(asset.name, facts, panels, COLOUR)


def time_of(table: Table) -> tuple[Numbers, str]:
    """Return what spectra are drawn over: their retention times in minutes, or their places in the run."""
    times: Numbers = table["rt_s"] / 60
    return (times, "retention time (min)") if np.isfinite(times).all() else (table["index"], "place in the run")


def ion_current(table: Table, times: Numbers, label: str) -> Panel:
    """Return total ion current and base peak of the lowest level there is, over time."""
    level = min((int(number) for number in np.unique(table["ms_level"]) if number != NO_LEVEL), default=NO_LEVEL)
    own = np.flatnonzero(table["ms_level"] == level)
    own = own[np.argsort(times[own], kind="stable")]
    if not own.size:
        return Words("Ion current", ("The run holds no spectrum.",))
    base = np.nan_to_num(table["base_peak_intensity"][own])
    return Curves(
        f"Ion current, {level_name(str(level))}",
        axis_of(times[own], label),
        axis_of(table["tic"][own], ION_CURRENT, zero=True),
        (("total", times[own], table["tic"][own]), ("base peak", times[own], base)),
    )


def survey_signal(cells: Mapping[str, Numbers]) -> Panel:
    """Return the intensity of MS1 over time and m/z; a column shows the surveys that are nearest to its time."""
    title = "MS1 signal"
    if not len(cells["rt_s"]):
        return Words(title, ("There is no MS1 spectrum with a time and peaks.",))
    rows, row_of = np.unique(cells["rt_s"], return_inverse=True)
    times = rows / 60
    x = axis_of(times, "retention time (min)")
    y = axis_of(np.append(cells["mz"], cells["mz"].max() + MZ_STEP), "m/z")
    ups = (y.places(cells["mz"] + MZ_STEP / 2) * MAP_ROWS).astype(int)
    grid = np.zeros((MAP_ROWS, len(rows)))
    np.add.at(grid, (ups, row_of), cells["intensity"])
    columns = x.low + (np.arange(MAP_COLUMNS) + 0.5) / MAP_COLUMNS * (x.high - x.low)
    nearest = np.searchsorted((times[1:] + times[:-1]) / 2, columns)
    return Density(title, x, y, grid[:, nearest], "counts in a spectrum")


def base_peaks(table: Table, times: Numbers, label: str) -> Panel:
    """Return where the highest peak of each MS1 spectrum lies, over time."""
    own = table["ms_level"] == 1
    mz = table["base_peak_mz"][own]
    axes = axis_of(times[own], label), axis_of(mz, "m/z of the base peak")
    return density(times[own], mz, *axes, "Base peaks, MS1", "spectra")


def level_name(level: str) -> str:
    """Return a level as people write it."""
    return f"MS{level}" if level != str(NO_LEVEL) else "no level"
