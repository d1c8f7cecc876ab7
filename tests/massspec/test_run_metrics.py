from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catchment import obo
from catchment.massspec.metrics import (
    CHARGES,
    TERMS,
    charge_fractions,
    fastest_hz,
    level_counts,
    mzqc,
    quarters,
    run_metrics,
    zoned,
)
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
        "n_empty_ms3": 0,
        "rt_duration_s": 10.0,
        "tic_quarters_rt_fraction": [0.4, 0.0, 0.0, 0.6],
        "ms1_peaks_sigma": pytest.approx((2 / 3) ** 0.5),
        "ms2_peaks_sigma": 0.5,
        "ms1_fastest_hz": None,
        "ms2_fastest_hz": None,
        "ms1_quarters_rt_fraction": [0.0, 0.4, 0.4, pytest.approx(0.2)],
        "ms2_quarters_rt_fraction": [0.2, 0.0, 0.4, 0.4],
    }
    assert level_counts(table.columns()) == {"0": 1, "1": 3, "2": 2}


def test_what_cannot_be_said_is_none() -> None:
    table = SpectraTable()
    table.add(Spectrum(0, "a", 2, np.nan, np.zeros(0), np.zeros(0)))
    metrics = run_metrics(table.columns(), 0)
    assert [metrics[name] for name in ("rt_min_s", "mz_max", "ms1_peaks_mean")] == [None, None, None]
    report = mzqc(metrics, {}, file_name="a.mzML", sha256="0", start_time="", version="1")
    assert "MS:4000070" not in str(report)


def test_fastest_frequency_is_that_of_the_fullest_minute() -> None:
    times = np.concatenate([np.arange(0.0, 60.0, 6.0), np.arange(60.0, 120.0, 2.0), [300.0, np.nan]])
    assert fastest_hz(times) == 30 / 60
    assert fastest_hz(np.arange(0.0, 59.0)) is None
    assert fastest_hz(np.zeros(0)) is None


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e9)), min_size=2, max_size=50))
def test_quarters_are_parts_of_the_whole_duration(pairs: list[tuple[float, float]]) -> None:
    times, weights = (np.array(values) for values in zip(*pairs, strict=True))
    parts = quarters(times, weights)
    if parts is None:
        assert np.ptp(times) == 0 or weights.sum() == 0
    else:
        assert sum(parts) == pytest.approx(1)
        assert all(part >= 0 for part in parts)


def test_quarters_need_times_and_weights() -> None:
    assert quarters(np.array([0.0, np.nan]), np.ones(2)) is None
    assert quarters(np.array([0.0, 1.0]), np.zeros(2)) is None
    assert quarters(np.array([1.0, 1.0]), np.ones(2)) is None


def test_charges_of_precursors_are_a_table_of_mzqc() -> None:
    table = SpectraTable()
    for index, charge in enumerate([2, 3, 2, 0, 2]):
        table.add(Spectrum(index, str(index), 2, float(index), np.ones(1), np.ones(1), charge=charge))
    charges = charge_fractions(table.columns())
    assert charges == {"2": 0.75, "3": 0.25}
    metrics = run_metrics(table.columns(), 0)
    report = mzqc(metrics, charges, file_name="a.mzML", sha256="0", start_time="", version="1")
    assert {"MS:1000041": [2, 3], "UO:0000191": [0.75, 0.25]} in [
        entry["value"] for entry in report["mzQC"]["runQualities"][0]["qualityMetrics"]
    ]


def test_every_metric_has_the_name_that_psi_ms_gives_it() -> None:
    terms = obo.terms("MS")
    for accession, name, _, unit in [*TERMS, (*CHARGES, (), None)]:
        assert (terms[accession].name, terms[accession].obsolete) == (name, False)
        if unit is not None:
            assert obo.terms(unit[0].split(":")[0])[unit[0]].name == unit[1]


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
