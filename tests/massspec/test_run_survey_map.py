from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_mzml import converted, opened, run, spectrum, written

from catchment.demonstration.massspec import write_mzml
from catchment.massspec.survey_map import MAX_ROWS, MZ_STEP, STEPS, SurveyMap, read_map


def map_of(spectra: list[tuple[float, list[float], list[float]]]) -> SurveyMap:
    own = SurveyMap()
    for time_s, mz, intensity in spectra:
        own.add(time_s, np.array(mz), np.array(intensity))
    return own


def test_each_peak_counts_to_its_step_of_mz(tmp_path: Path) -> None:
    map_of([(1.0, [0.0, 4.9, 5.0, 4_100.0], [1.0, 2.0, 4.0, 8.0]), (np.nan, [7.0], [1.0])]).write(tmp_path / "map")
    found = read_map(tmp_path / "map")
    assert found["mz"].tolist() == [0.0, 5.0, (STEPS - 1) * MZ_STEP]
    assert found["intensity"].tolist() == [3.0, 4.0, 8.0]
    assert found["rt_s"].tolist() == [1.0, 1.0, 1.0]


def test_a_run_without_surveys_has_an_empty_map(tmp_path: Path) -> None:
    SurveyMap().write(tmp_path / "map")
    assert {name: values.tolist() for name, values in read_map(tmp_path / "map").items()} == {
        "rt_s": [],
        "mz": [],
        "intensity": [],
    }


@pytest.mark.parametrize("count", [MAX_ROWS, MAX_ROWS + 1, 1_000, 1_001])
def test_rows_stay_few_and_nothing_is_lost(count: int) -> None:
    own = map_of([(float(number), [float(number)], [1.0]) for number in range(count)])
    assert len(own.rows) <= MAX_ROWS
    assert sum(row.spectra for row in own.rows) == count
    assert sum(row.time_s for row in own.rows) == count * (count - 1) / 2
    counts = np.bincount(np.arange(count) // int(MZ_STEP), minlength=STEPS)
    assert sum(row.intensity for row in own.rows).tolist() == counts.tolist()
    times = [row.time_s / row.spectra for row in own.rows]
    assert times == sorted(times)


def test_parts_of_a_run_add_up() -> None:
    parts = [map_of([(float(n + 100 * part), [500.0], [1.0]) for n in range(100)]) for part in range(3)]
    for later in parts[1:]:
        parts[0].extend(later)
    assert len(parts[0].rows) <= MAX_ROWS
    assert sum(row.intensity[100] for row in parts[0].rows) == 300


def test_the_map_of_a_run_is_the_signal_that_pyteomics_reads(tmp_path: Path) -> None:
    path = tmp_path / "run.mzML"
    write_mzml(path, seed=3, spectra=80)
    asset = written(tmp_path, path.read_bytes(), "run.mzML")
    product, kept = converted(asset, tmp_path / "out")
    found = read_map(kept.with_name(product.side_cars["survey_map"]))
    with opened(kept) as reader:
        surveys = [one for one in reader if one["ms level"] == 1]
    wanted = np.zeros(STEPS)
    for one in surveys:
        np.add.at(wanted, (one["m/z array"] // MZ_STEP).astype(int), one["intensity array"])
    seen = np.zeros(STEPS)
    np.add.at(seen, (found["mz"] / MZ_STEP).astype(int), found["intensity"])
    assert len(surveys) < MAX_ROWS
    assert seen == pytest.approx(wanted)


def test_fragments_are_not_in_it(tmp_path: Path) -> None:
    fragments = '<cvParam cvRef="MS" accession="MS:1000511" name="ms level" value="2"/>'
    asset = written(tmp_path, run(spectrum(0, level=fragments), spectrum(1, [400.0], [3.0])))
    product, kept = converted(asset, tmp_path / "out")
    assert read_map(kept.with_name(product.side_cars["survey_map"]))["intensity"].tolist() == [3.0]
