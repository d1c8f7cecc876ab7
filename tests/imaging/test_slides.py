"""Scans are told from pictures of their slide by name or by the scanner's tag."""

from __future__ import annotations

import pytest

from catchment.imaging.slides import NDPI_MAGNIFICATION, aperio_size_um, is_picture


@pytest.mark.parametrize("name", ["Label", "macro image", "Thumbnail", " MAP "])
def test_pictures_of_a_slide_are_told_by_name(name: str) -> None:
    assert is_picture(name)


@pytest.mark.parametrize("name", ["Baseline", "", "labelled cells", "position 1"])
def test_other_images_are_no_pictures(name: str) -> None:
    assert not is_picture(name)


@pytest.mark.parametrize(("magnification", "picture"), [(40.0, False), (-1.0, True), (-2.0, True)])
def test_a_scanner_of_hamamatsu_tells_by_magnification(magnification: float, picture: bool) -> None:
    assert is_picture("PAT-0001", {NDPI_MAGNIFICATION: magnification}) == picture


@pytest.mark.parametrize(
    ("description", "size"),
    [("Aperio|AppMag = 20|MPP = 0.4990|Left = 1", 0.499), ("Aperio|MPP = 0", None), ("|MPP = 1.2.3", None), ("", None)],
)
def test_aperio_writes_the_size_of_a_pixel_into_the_description(description: str, size: float | None) -> None:
    assert aperio_size_um(description) == size
