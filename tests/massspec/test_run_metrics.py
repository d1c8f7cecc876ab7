from __future__ import annotations

import numpy as np
import pytest

from catchment.massspec.metrics import level_counts, mzqc, run_metrics, zoned
from catchment.massspec.spectra import SpectraTable, Spectrum
from catchment.massspec.tables import outline


def table_of(*rows: tuple[int, list[float]]) -> SpectraTable:
    table = SpectraTable()
    for index, (level, intensity) in enumerate(rows):
        mz = np.arange(1.0, 1.0 + len(intensity)) * 100
        table.add(Spectrum(index, f"scan={index}", level, index * 2.0, mz, np.array(intensity)))
    return table


def test_run_metrics_of_a_run_written_out() -> None:
    table = table_of((1, [1.0, 2.0]), (2, [3.0]), (1, [40.0]), (2, []), (1, [3.0, 0.5, 0.25]), (0, [1.0]))
    assert run_metrics(table.columns(), chromatograms=2) == {
        "n_spectra": 6,
        "n_chromatograms": 2,
        "empty_fraction": pytest.approx(1 / 6),
        "tic_total": 50.75,
        "rt_min_s": 0.0,
        "rt_max_s": 10.0,
        "mz_min": 100.0,
        "mz_max": 300.0,
        "n_ms1": 3,
        "n_empty_ms1": 0,
        "tic_ms1": 46.75,
        "ms1_peaks_mean": 2.0,
        "ms1_peaks_median": 2.0,
        "n_ms2": 2,
        "n_empty_ms2": 1,
        "tic_ms2": 3.0,
        "ms2_peaks_mean": 0.5,
        "ms2_peaks_median": 0.5,
        "ms1_signal_jumps": 1,
        "ms1_signal_falls": 1,
    }
    assert level_counts(table.columns()) == {"0": 1, "1": 3, "2": 2}


def test_what_cannot_be_said_is_none() -> None:
    table = SpectraTable()
    table.add(Spectrum(0, "a", 2, np.nan, np.zeros(0), np.zeros(0)))
    metrics = run_metrics(table.columns(), 0)
    assert [metrics[name] for name in ("rt_min_s", "mz_max", "ms1_peaks_mean")] == [None, None, None]
    report = mzqc(metrics, file_name="a.mzML", sha256="0", start_time="", version="1")
    assert "MS:4000070" not in str(report)


def test_mzqc_is_dated_by_the_run_and_not_by_a_clock() -> None:
    assert zoned("2005-07-20T18:44:22Z") == "2005-07-20T18:44:22Z"
    assert zoned("2005-07-20T18:44:22+02:00") == "2005-07-20T16:44:22Z"
    assert zoned("2007-06-27T15:23:45.00035") == "2007-06-27T15:23:45Z"
    assert zoned("yesterday") is None


@pytest.mark.parametrize(
    "change",
    [
        {"native_id": "b"},
        {"ms_level": 2},
        {"retention_time_s": 2.0},
        {"mz": np.array([1.0, 2.5])},
        {"intensity": np.array([3.0, 4.5])},
        {"mz": np.array([1.0]), "intensity": np.array([2.0, 3.0, 4.0])},
    ],
)
def test_digest_changes_with_anything_a_spectrum_says(change: dict[str, object]) -> None:
    own = {
        "index": 0,
        "native_id": "a",
        "ms_level": 1,
        "retention_time_s": 1.0,
        "mz": np.array([1.0, 2.0]),
        "intensity": np.array([3.0, 4.0]),
    }
    assert Spectrum(**own).digest() == Spectrum(**own).digest()  # type: ignore[arg-type]
    assert Spectrum(**own).digest() != Spectrum(**{**own, **change}).digest()  # type: ignore[arg-type]


def test_order_of_spectra_changes_the_digest_of_a_run() -> None:
    assert table_of((1, [1.0]), (2, [2.0])).digest() != table_of((2, [2.0]), (1, [1.0])).digest()


def test_outline_keeps_the_highest_value_of_each_pixel_column() -> None:
    points = outline(np.array([0.0, 0.0001, 10.0]), np.array([1.0, 4.0, 2.0]))
    assert points == [(4, 91), (4, 4), (251, 47), (251, 91)]


def test_outline_of_one_spectrum_without_signal_is_a_point_on_the_ground() -> None:
    assert set(outline(np.array([5.0]), np.array([0.0]))) == {(4, 91)}
