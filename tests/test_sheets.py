"""Sheets about outcomes say what the records say."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from catchment.schema.records import Finding
from catchment.sheets import MOST_WORDS, held_sheet, release_sheet

from .release.synthetic_build import Synthetic, five_studies


def words(svg: bytes) -> list[str]:
    """Return every text of a sheet in its order."""
    return [element.text or "" for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def a_finding(code: str, count: int = 1) -> Finding:
    return Finding(code=code, level="error", where="obs", found="12 rows", expected="13", fix="write it", count=count)


def test_a_held_asset_says_what_was_found_and_what_to_do(tmp_path: Path) -> None:
    made = Synthetic(tmp_path)
    record = made.hold(made.asset("CAT00000001A", "massspec", 1))
    warning = a_finding("WARN-1").model_copy(update={"level": "warning"})
    shown = words(held_sheet(record.model_copy(update={"findings": (a_finding("AD-001", 7), warning)})))
    assert shown[:2] == ["massspec-1.bin", "held at admit · CAT00000001A.D0001"]
    assert {"AD-001 (7 times)", "Where: obs", "Found: 12 rows", "Expected: 13", "What to do: write it"} <= set(shown)
    assert "WARN-1" not in shown


def test_of_many_errors_the_first_are_shown_and_the_others_counted(tmp_path: Path) -> None:
    made = Synthetic(tmp_path)
    record = made.hold(made.asset("CAT00000001A", "massspec", 1))
    many = tuple(a_finding(f"AD-{number:03d}") for number in range(MOST_WORDS + 3))
    shown = words(held_sheet(record.model_copy(update={"findings": many})))
    assert shown[1].endswith("· 3 more errors")
    assert [text for text in shown if text.startswith("AD-")] == [f"AD-{number:03d}" for number in range(MOST_WORDS)]


def test_a_release_counts_what_is_through_and_what_is_held(tmp_path: Path) -> None:
    made = five_studies(tmp_path)
    shown = words(release_sheet("A release", "2026.1", made.normalised, made.held))
    assert shown[:2] == ["A release", "release 2026.1 · 6 datasets, 2 assets held"]
    first, last = shown.index("Datasets by modality"), shown.index("Size of datasets")
    assert shown[first:last] == [
        *("Datasets by modality", "imaging", "1 + 1", "mass spectrometry", "1 + 1", "single-cell", "4"),
        *("through", "held", "assets"),
    ]
    why = shown[shown.index("Why assets are held") : shown.index("Warnings and notes")]
    assert why == ["Why assets are held", "AD-001", "1", "ZIP-001", "1", "assets with this finding"]
    assert shown[-1] == "None."


def test_an_empty_release_has_a_sheet_too() -> None:
    assert "release 2026.1 · 0 datasets, 0 assets held" in words(release_sheet("Nothing", "2026.1", [], []))
