"""Two ways through a TIFF, and regions of it, against what tifffile reads whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from catchment.imaging.readers import Source, leased_reader, open_reader, release_readers
from catchment.imaging.readers import tiff as tiff_module
from catchment.imaging.readers import tiff_rows as rows_module

from .conftest import ramp

WHOLE = (slice(0, 1), slice(0, 3), slice(0, 1), slice(0, 70), slice(0, 90))
PART = (slice(0, 1), slice(1, 2), slice(0, 1), slice(33, 50), slice(5, 81))


def written(path: Path, how: str) -> np.ndarray:
    """Write a colour image one way; return it as channels, y, x."""
    pixels = ramp(70, 90, 3, dtype=np.uint8)
    options: dict = {
        "one strip": {},
        "strips": {"rowsperstrip": 7},
        "tiles": {"tile": (16, 32)},
        "compressed tiles": {"tile": (32, 16), "compression": "zlib", "predictor": True},
        "jpeg tiles": {"tile": (32, 32), "compression": "jpeg"},
        "planes": {"planarconfig": "separate", "rowsperstrip": 9},
        "planes of tiles": {"planarconfig": "separate", "tile": (16, 16), "compression": "lzw"},
    }[how]
    if how.startswith("planes"):
        pixels = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
    tifffile.imwrite(path, pixels, photometric="rgb", **options)
    seen = tifffile.imread(path)
    return seen if how.startswith("planes") else np.moveaxis(seen, -1, 0)


@pytest.mark.parametrize("large_pages", [False, True])
@pytest.mark.parametrize(
    "how", ["one strip", "strips", "tiles", "compressed tiles", "jpeg tiles", "planes", "planes of tiles"]
)
def test_both_ways_see_what_tifffile_sees(
    how: str, large_pages: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = written(tmp_path / "x.tif", how)
    if large_pages:
        monkeypatch.setattr(tiff_module, "PAGE_BYTES", 0)
        monkeypatch.setattr(rows_module, "PAGE_BYTES", 0)
    reader = open_reader(Source(str(tmp_path / "x.tif"), "x.tif"))
    try:
        for wanted in (WHOLE, PART):
            own = expected[wanted[1], *wanted[3:]]
            assert (reader.region(0, wanted)[0, :, 0] == own).all()
            assert (reader.eager(0, wanted)[0, :, 0] == own).all()
    finally:
        reader.close()


def test_a_thread_opens_a_file_once_until_it_is_released(tmp_path: Path) -> None:
    written(tmp_path / "x.tif", "tiles")
    source = Source(str(tmp_path / "x.tif"), "x.tif")
    first = leased_reader(source)
    assert leased_reader(source) is first
    release_readers(source)
    second = leased_reader(source)
    release_readers(source)
    assert second is not first
