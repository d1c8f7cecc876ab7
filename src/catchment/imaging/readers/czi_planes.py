"""bioio-czi (GPL-3): what `planes_child.py` asks for a second opinion on CZI, in an environment of its own.

Planes are asked for lazily, as a conversion through bioio would ask for them.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any

import bioio_czi
import numpy as np


def opened(path: str, opens: str) -> tuple[dict[str, Any], Callable[..., bytes]]:
    """Return the shapes of a file's images, and a function that hands out windows of their planes.

    Zeiss' library (pylibCZIrw) stitches mosaics, and fails on files without some metadata; the older one reads those.
    """
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    try:
        images = images_of(bioio_czi.Reader(path, use_aicspylibczi=False))
    except Exception:  # noqa: BLE001 - its errors have no base in common, and the other library says its own
        images = images_of(bioio_czi.Reader(path, use_aicspylibczi=True))

    def window(scene: int, t: int, group: int, z: int, y: int, x: int, height: int, width: int) -> bytes:
        image = images[scene]
        at = {axis: index for axis, index in (("T", t), ("C", group), ("Z", z)) if axis in image.dims}
        plane = np.asarray(image.isel(at).data.compute(scheduler="synchronous"))
        return plane[y : y + height, x : x + width].astype(plane.dtype.newbyteorder("<")).tobytes()

    return {"version": bioio_czi.__version__, "files": [path], "scenes": [scene(image) for image in images]}, window


def images_of(reader: Any) -> list[Any]:
    """Return the images of a file as lazy arrays."""
    images = []
    for name in reader.scenes:
        reader.set_scene(name)
        image = reader.xarray_dask_data
        other = [axis for axis in image.dims if axis not in "TCZYXS"]
        if any(image.sizes[axis] > 1 for axis in other):
            raise ValueError(f"an axis {', '.join(other)} of more than one position")
        images.append(image.squeeze(other, drop=True))
    return images


def scene(image: Any) -> dict[str, Any]:
    """Return what is told of one image."""
    sizes = {axis: int(image.sizes.get(axis, 1)) for axis in "TCZYXS"}
    return {
        "name": "",
        "shape": [sizes["T"], sizes["C"] * sizes["S"], *(sizes[axis] for axis in "ZYX")],
        "samples": sizes["S"],
        "dtype": image.dtype.newbyteorder("<").str.replace("|", "<"),
        "interleaved": True,
        "picture": False,
        "bits": 8 * image.dtype.itemsize,
        "channel_names": [""] * sizes["C"],
        "colours": [None] * sizes["C"],
        "sizes_um": [None, None, None],
        "time_increment_s": None,
    }
