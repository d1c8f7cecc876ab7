"""The tiles of .ets files are counted before any library fills with zeros what is not there."""

from __future__ import annotations

import io
from typing import Any

import pytest

from catchment.imaging.ets_layout import EtsLayout, walk_ets
from catchment.schema.records import Finding
from tests.imaging.conftest import ramp
from tests.imaging.vendor_files import ets

TILE = ramp(4, 6, 3, dtype="u1")
GRID = [(x, y, c, 0) for c in range(2) for y in range(3) for x in range(2)]


def walked(*given: Any, cut: int | None = None, **how: Any) -> EtsLayout | Finding:
    return walk_ets(io.BytesIO(ets(*given, **how)[:cut]), "frame_t.ets")


def test_tiles_span_a_rectangle_whose_last_row_and_column_may_be_part_of_a_tile() -> None:
    layout = walked(GRID, TILE)
    assert layout == EtsLayout(height=12, width=12, tile_height=4, tile_width=6, missing=0)
    assert layout.holds(12, 12)
    assert layout.holds(9, 7)
    assert not layout.holds(8, 12)
    assert not layout.holds(12, 6)
    assert not layout.holds(13, 12)


def test_missing_and_repeated_tiles_are_counted() -> None:
    layout = walked([*GRID[:4], *GRID[5:], GRID[0]], TILE)
    assert isinstance(layout, EtsLayout)
    assert layout.missing == 1


def test_tiles_of_coarser_levels_do_not_count_for_full_resolution() -> None:
    layout = walked([*GRID, (0, 0, 0, 1), (9, 9, 0, 2)], TILE, levels=True)
    assert isinstance(layout, EtsLayout)
    assert (layout.height, layout.width, layout.missing) == (12, 12, 0)


@pytest.mark.parametrize(
    ("places", "how", "code", "found"),
    [
        (GRID, {"cut": 10}, "IMG-006", "no header of an .ets file"),
        (GRID, {"cut": 300}, "IMG-002", "tables up to beyond the end of 300 bytes"),
        (GRID, {"tiles": 13}, "IMG-002", "tables up to beyond the end of 796 bytes"),
        (GRID, {"tiles": 0}, "IMG-006", "0 tiles along 4 axes"),
        (GRID, {"tiles": 2**31 - 1}, "IMG-006", "2,147,483,647 tiles along 4 axes"),
        ([(-1, 0, 0, 0)], {}, "IMG-006", "no tiles of full resolution"),
        ([(0, 0, 0, 1)], {"levels": True}, "IMG-006", "no tiles of full resolution"),
    ],
)
def test_a_damaged_table_is_a_finding(places: list[Any], how: dict[str, Any], code: str, found: str) -> None:
    finding = walked(places, TILE, **how)
    assert isinstance(finding, Finding)
    assert (finding.code, finding.found) == (code, found)


def test_tiles_beyond_the_end_are_cut_off() -> None:
    data = bytearray(ets(GRID, TILE))
    data[-8:-4] = (1 << 30).to_bytes(4, "little")
    finding = walk_ets(io.BytesIO(bytes(data)), "frame_t.ets")
    assert isinstance(finding, Finding)
    assert (finding.code, finding.found) == ("IMG-002", f"tiles beyond the end of {len(data):,} bytes")
