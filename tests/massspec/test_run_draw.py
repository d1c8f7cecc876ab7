"""QC plots of a run."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from tiny_mzml import asset_of, converted, dataset_of, opened, run, spectrum, written

from catchment.demonstration.massspec import write_mzml
from catchment.massspec import MODALITY
from catchment.plot_axes import HEIGHT, TOP
from catchment.schema.records import Asset
from catchment.storage import Place

SVG = "{http://www.w3.org/2000/svg}"


def drawn(asset: Asset, folder: Path) -> ElementTree.Element:
    product, _ = converted(asset, folder)
    return ElementTree.fromstring(MODALITY.draw(dataset_of(asset, product, folder), asset, Place(str(folder))))


def words(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def test_ion_current_is_that_of_the_survey_spectra(tmp_path: Path) -> None:
    path = tmp_path / "run.mzML"
    write_mzml(path, seed=7, spectra=60)
    root = drawn(asset_of(path), tmp_path / "out")
    with opened(path, by_index=False) as sent:
        current = np.array([one["intensity array"].sum() for one in sent if one["ms level"] == 1])
    total, base = [element for element in root.iter(f"{SVG}path") if element.get("stroke-width")]
    ups = [float(up) for up in re.findall(r"[\d.]+ ([\d.]+)", total.get("d") or "")]
    assert (TOP + HEIGHT - np.array(ups)) / HEIGHT * current.max() == pytest.approx(
        current, abs=float(current.max()) / HEIGHT / 10
    )
    assert base.get("stroke") != total.get("stroke")
    shown = words(root)
    assert shown[:2] == ["run.mzML", f"mass spectrometry · {asset_of(path).dataset} · 60 spectra"]
    assert {
        "Ion current, MS1",
        "MS1 signal",
        "Base peaks, MS1",
        "Precursors",
        "retention time (min)",
        "Spectra by level",
    } <= set(shown)
    at = shown.index("Spectra by level")
    assert shown[at : at + 5] == ["Spectra by level", "MS1", str(len(current)), "MS2", str(60 - len(current))]


def test_a_run_without_fragments_or_peaks_is_drawn_too(tmp_path: Path) -> None:
    shown = words(drawn(written(tmp_path, run(spectrum(0))), tmp_path / "out"))
    assert "Ion current, MS1" in shown
    assert "Precursors" not in shown
