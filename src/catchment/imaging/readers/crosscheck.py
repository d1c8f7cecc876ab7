"""A second opinion on an image: what bioio's plugin for its format sees in the same file.

bioio works out axes and scenes by itself, from ome-types or by guessing; only where it agrees with our reader, value
by value, is the order of our planes beyond doubt.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from typing import Any

import numpy as np

from catchment.imaging.axes import Arrangement
from catchment.imaging.readers import ImageReader, Pixels, Source
from catchment.imaging.readers.trust import plugins
from catchment.imaging.rules import READERS_DISAGREE
from catchment.schema.records import Finding

logger = logging.getLogger(__name__)

# what bioio's plugins, ome-types and what lies below them raise on a file they do not take
REFUSALS = (ValueError, TypeError, KeyError, IndexError, AttributeError, OSError, RuntimeError, NotImplementedError)


def second_opinion(name: str, reader: ImageReader, source: Source) -> tuple[list[Finding], str]:
    """Return findings where bioio sees other pixels, and who was asked (or why nobody could answer).

    A plugin that does not take the file, or cuts its values down to another type, gives no opinion.
    """
    from bioio_base.exceptions import UnsupportedFileFormatError

    plugin = next(iter(plugins(reader.container.format)), None)
    if plugin is None:
        return [], f"none: no second reader for {reader.container.format}"
    module = importlib.import_module(plugin)
    asked = f"{plugin.replace('_', '-')} {module.__version__}"
    try:
        with warnings.catch_warnings():
            # what it warns of (guessed units, names of files) is not what it is asked for
            warnings.simplefilter("ignore")
            other = module.Reader(source.path)
            if len(other.scenes) != len(reader.scenes):
                return [], f"none: {asked} sees {len(other.scenes)} images, not {len(reader.scenes)}"
            seen = [pixels_of(other, number) for number in range(len(reader.scenes))]
    except (*REFUSALS, UnsupportedFileFormatError) as error:
        logger.info("%s: %s does not take it: %s", name, asked, error)
        return [], f"none: {asked} does not take it"
    findings: list[Finding] = []
    for number, pixels in enumerate(seen):
        scene = reader.scenes[number]
        if pixels.dtype != scene.dtype:
            return findings, f"none: {asked} hands out {pixels.dtype}"
        own = reader.region(number, tuple(slice(0, size) for size in scene.shape))  # type: ignore[arg-type]
        if own.squeeze().shape != pixels.squeeze().shape or own.tobytes() != pixels.tobytes():
            found = f"{asked} sees other values or another order of planes"
            findings.append(READERS_DISAGREE.broken(f"{name}: image {number}", found))
    return findings, asked


def pixels_of(other: Any, number: int) -> Pixels:
    """Return one scene of a bioio reader as t, c, z, y, x, in its own dtype."""
    other.set_scene(number)
    image = other.xarray_data
    stored = np.asarray(image.data)
    arranged = Arrangement(tuple(str(axis).lower() for axis in image.dims), stored.shape).arrange(stored)
    return arranged.view(bool) if stored.dtype == bool else arranged
