"""QC plots of an image."""

from __future__ import annotations

import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from catchment.imaging import MODALITY
from catchment.imaging.draw import edges_of, tallies_by_name
from catchment.imaging.intensities import tally
from catchment.plots import SERIES
from catchment.storage import Place

from .conftest import Carry, Passage, Write, ramp

SVG = "{http://www.w3.org/2000/svg}"


def drawn(passage: Passage) -> ElementTree.Element:
    svg = MODALITY.draw(passage.dataset(), passage.asset, Place(str(passage.folder)))
    return ElementTree.fromstring(svg)


def words(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def pictures(root: ElementTree.Element) -> list[np.ndarray]:
    data = [(element.get("href") or "").partition(",")[2] for element in root.iter(f"{SVG}image")]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one)))) for one in data]


def test_channels_are_shown_one_by_one_and_their_saturation_is_said(write: Write, through: Carry) -> None:
    pixels = np.zeros((2, 2, 20, 30), np.uint16)
    pixels[0] = np.arange(600).reshape(20, 30)
    pixels[1, 1, :5] = 4095
    named = {"axes": "CZYX", "SignificantBits": 12, "Channel": {"Name": ["DAPI", "<ALB>"]}}
    passage = through(write(pixels, metadata=named))
    root = drawn(passage)
    shown = words(root)
    assert shown[1].endswith("1 image, 2 channels")
    assert {"Overview", "Channels", "DAPI", "<ALB>", "intensity (uint16)", "Saturated pixels"} <= set(shown)
    at = shown.index("Saturated pixels")
    # 5 of 20 rows in one of two planes
    assert shown[at + 1 : at + 5] == ["<ALB>", "12.5", "DAPI", "0"]
    whole, first, second = pictures(root)
    assert np.array_equal(whole, np.asarray(Image.open(passage.folder / "thumbnail.png")))
    assert first.shape == second.shape == (20, 30, 3)
    # brightest z, in blue and green: the colours of channels that bring none
    assert np.array_equal(second[..., 1] > 128, pixels[1].max(axis=0) > 0)
    assert not second[..., [0, 2]].any()
    assert first[..., 2].max() == 255


def test_intensities_count_every_pixel_of_every_channel(write: Write, through: Carry) -> None:
    pixels = np.zeros((2, 8, 8), np.uint8)
    pixels[1, :4] = 200
    root = drawn(through(write(pixels, metadata={"axes": "CYX", "Channel": {"Name": ["a", "b"]}})))
    lines = {
        element.get("stroke"): [float(up) for up in re.findall(r"[\d.]+ ([\d.]+)", element.get("d") or "")]
        for element in root.iter(f"{SVG}path")
        if element.get("stroke-width")
    }
    # 64 pixels of one value; 32 of each of two: as low as each other, and half as high on a logarithmic axis
    one, two = lines[SERIES[0]], lines[SERIES[1]]
    assert min(one) < min(two)
    assert two[0] == two[-1] == min(two)


def test_pixels_brighter_than_nearly_all_stand_at_the_right_end_and_the_axis_says_so(
    write: Write, through: Carry
) -> None:
    pixels = ramp(150, 150)
    pixels[0, 0] = 60_000
    shown = words(drawn(through(write(pixels, metadata={"axes": "YX"}))))
    assert "intensity (uint16; brighter ones at the right end)" in shown
    assert any(text.endswith("1 image, 1 channel, no pixel saturated") for text in shown)


def test_a_photograph_is_shown_in_its_own_colours_not_band_by_band(
    tmp_path_factory: pytest.TempPathFactory, through: Carry
) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    Image.fromarray(pixels).save(path)
    passage = through(path)
    root = drawn(passage)
    (picture,) = pictures(root)
    assert np.array_equal(picture, np.asarray(Image.open(passage.folder / "thumbnail.png")))
    assert "Channels" not in words(root)


@pytest.mark.parametrize("dtype", [np.float32, np.uint16])
def test_an_image_of_one_value_is_drawn_too(write: Write, through: Carry, dtype: type) -> None:
    shown = words(drawn(through(write(np.full((9, 9), 7, dtype), metadata={"axes": "YX"}))))
    assert "Intensities by channel" in shown


def test_channels_of_several_images_are_counted_together_by_their_names() -> None:
    told = [
        {"name": name, "dtype": dtype}
        for name, dtype in (("a", "uint8"), ("b", "uint8"), ("a", "uint8"), ("a", "uint16"))
    ]
    planes = [np.full((2, 2), value, one["dtype"]) for value, one in zip((1, 2, 3, 4), told, strict=True)]
    found = tallies_by_name(told, [tally([plane], plane.dtype) for plane in planes])
    assert {name: (one.pixels, one.low, one.high) for name, one in found.items()} == {"a": (8, 1, 3), "b": (4, 2, 2)}


def test_whole_numbers_share_bars_evenly() -> None:
    edges = edges_of(0, 65_535, "u")
    assert np.ptp(np.diff(edges)) == 0
    assert (edges[0], edges[-1]) == (-0.5, pytest.approx(65_535.5, abs=513))
    assert edges_of(3, 3, "u").tolist()[:2] == [2.5, 3.5]
    assert edges_of(0.5, 0.5, "f")[-1] == 1.5
