"""Rectangles of a mosaic."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from catchment.imaging.mosaic import Rectangle, open_pixels, overlap, span

parts = st.lists(
    st.builds(Rectangle, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 9), st.integers(1, 9)), min_size=1
)


@given(parts)
def test_open_pixels_are_those_that_no_part_paints(parts: list[Rectangle]) -> None:
    whole = span(parts)
    canvas = np.zeros((whole.height, whole.width), bool)
    for part in parts:
        meeting = overlap(part, whole)
        assert meeting is not None
        canvas[meeting[1]] = True
    assert open_pixels(parts) == np.count_nonzero(~canvas)


def test_rectangles_that_only_touch_do_not_meet() -> None:
    assert overlap(Rectangle(0, 0, 2, 2), Rectangle(2, 0, 2, 2)) is None
    assert overlap(Rectangle(0, 0, 3, 2), Rectangle(2, 1, 2, 2)) == (
        (slice(2, 3), slice(1, 2)),
        (slice(0, 1), slice(0, 1)),
    )
