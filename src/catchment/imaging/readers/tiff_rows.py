"""Rows of a TIFF page, decoded without the store that conversions read through: what its pixels are checked against."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[Any]

# a page up to here is decoded whole, in both ways of reading
PAGE_BYTES = 1 << 26
JPEG_COMPRESSIONS = frozenset({6, 7, 33007, 34892})


def rows_of(page: Any, selection: tuple[slice, ...]) -> Pixels:
    """Return part of a page in its own axes: cut from the whole page, or from the segments the rows touch."""
    keyframe = page.keyframe
    if keyframe.nbytes <= PAGE_BYTES or keyframe.axes not in ("YX", "YXS", "SYX"):
        return np.asarray(page.asarray()[selection])
    along = keyframe.axes.index("Y")
    rows = selection[along]
    # y comes first in `chunks` on every page, also where samples lie in planes of their own
    height = keyframe.chunks[0]
    first, last = rows.start // height, -(-rows.stop // height)
    top = first * height
    bands = np.empty(
        (
            keyframe.shape[0] if keyframe.axes == "SYX" else 1,
            min(last * height, keyframe.imagelength) - top,
            keyframe.imagewidth,
            keyframe.shape[-1] if keyframe.axes == "YXS" else 1,
        ),
        keyframe.dtype,
    )
    for number, place in enumerate(np.ndindex(*keyframe.chunked)):
        if first <= place[along] < last:
            fill(bands, top, page, number)
    whole = {"YX": bands[0, :, :, 0], "YXS": bands[0], "SYX": bands[..., 0]}[keyframe.axes]
    own = list(selection)
    own[along] = slice(rows.start - top, rows.stop - top)
    return np.asarray(whole[tuple(own)])


def fill(bands: Pixels, top: int, page: Any, number: int) -> None:
    """Decode one segment of a page into bands (separate sample, y from `top`, x, sample)."""
    keyframe, file = page.keyframe, page.parent.filehandle
    file.seek(page.dataoffsets[number])
    data = file.read(page.databytecounts[number])
    jpeg = keyframe.compression in JPEG_COMPRESSIONS
    tables = {"jpegtables": page.jpegtables, "jpegheader": keyframe.jpegheader} if jpeg else {}
    segment, (plane, _, y, x, _), size = keyframe.decode(data, number, **tables)
    y_size, x_size = min(size[1], bands.shape[1] - (y - top)), min(size[2], bands.shape[2] - x)
    bands[plane, y - top : y - top + y_size, x : x + x_size] = segment[0, :y_size, :x_size]
