"""Demonstration images: the same bytes every time, valid for others, and one that is held."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from catchment.demonstration.imaging import draw_cells, write_ome_tiff, write_truncated_tiff
from tests.imaging.conftest import carry

SHAPE = (3, 3, 96, 128)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_ome_tiff(tmp_path / name, seed=seed, shape_czyx=SHAPE)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_what_is_returned_is_what_tifffile_reads(tmp_path: Path) -> None:
    pixels = write_ome_tiff(tmp_path / "cells.ome.tiff", seed=1, shape_czyx=SHAPE)
    with tifffile.TiffFile(tmp_path / "cells.ome.tiff") as tiff:
        assert tiff.series[0].axes == "CZYX"
        assert (tiff.asarray() == pixels).all()


def test_cells_stand_out_of_the_background_and_do_not_saturate() -> None:
    pixels = draw_cells(1, SHAPE)
    assert pixels.dtype == np.uint16
    assert pixels.max() < 4095
    assert all(np.percentile(channel, 99.5) > 2 * np.median(channel) for channel in pixels[:2])


def test_the_demonstration_passes_without_a_finding(tmp_path: Path) -> None:
    pixels = write_ome_tiff(tmp_path / "cells.ome.tiff", seed=1, shape_czyx=SHAPE)
    passage = carry(tmp_path / "cells.ome.tiff", tmp_path / "out")
    assert passage.findings == []
    assert (passage.pixels()[0] == pixels).all()


def test_the_truncated_image_is_held_for_that_reason(tmp_path: Path) -> None:
    write_truncated_tiff(tmp_path / "cut.ome.tiff")
    assert carry(tmp_path / "cut.ome.tiff", tmp_path / "out").codes == ["IMG-002"]
