"""Where stored axes go in t, c, z, y, x."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from catchment.imaging.axes import NoPlace, arrangement_of


def test_samples_become_channels_in_order() -> None:
    stored = np.arange(2 * 3 * 3).reshape(2, 3, 3)
    arrangement = arrangement_of("YXS", stored.shape)
    assert (arrangement.shape, arrangement.samples) == ((1, 3, 1, 2, 3), 3)
    assert (arrangement.arrange(stored)[0, 1, 0] == stored[..., 1]).all()


def test_every_order_of_axes_ends_as_tczyx() -> None:
    sizes = {"T": 2, "C": 3, "Z": 4, "Y": 5, "X": 6}
    whole = np.arange(720).reshape(2, 3, 4, 5, 6)
    for order in itertools.permutations("TCZYX"):
        axes = "".join(order)
        stored = whole.transpose(["TCZYX".index(letter) for letter in order])
        arrangement = arrangement_of(axes, tuple(sizes[letter] for letter in order))
        assert (arrangement.arrange(stored) == whole).all(), axes


def test_a_region_is_selected_before_it_is_arranged() -> None:
    stored = np.arange(2 * 4 * 5 * 3).reshape(2, 4, 5, 3)
    arrangement = arrangement_of("CYXS", stored.shape)
    whole = arrangement.arrange(stored)
    wanted = (slice(0, 1), slice(4, 6), slice(0, 1), slice(1, 3), slice(2, 5))
    assert (arrangement.arrange(stored[arrangement.stored_selection(wanted)], wanted) == whole[wanted]).all()


@pytest.mark.parametrize(("axes", "assumed"), [("QYX", "t"), ("IYX", "t"), ("TQYX", "z"), ("TZQYX", "c")])
def test_unnamed_pages_are_assumed_to_be_the_first_free_axis(axes: str, assumed: str) -> None:
    assert arrangement_of(axes, (2,) * len(axes)).assumed == assumed


def test_the_submitter_may_name_the_pages() -> None:
    arrangement = arrangement_of("QYX", (7, 2, 2), "z")
    assert (arrangement.shape, arrangement.assumed) == ((1, 1, 7, 2, 2), None)


@pytest.mark.parametrize("axes", ["AYX", "EYX", "QIYX", "TX", "MYX"])
def test_an_axis_without_a_place_is_named(axes: str) -> None:
    with pytest.raises(NoPlace, match=axes):
        arrangement_of(axes, (2,) * len(axes))


def test_two_of_an_axis_have_no_place() -> None:
    with pytest.raises(NoPlace, match="ZQYX"):
        arrangement_of("ZQYX", (2, 2, 2, 2), "z")
