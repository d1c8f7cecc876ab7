"""What the conversion of an image needs."""

from __future__ import annotations

import math
from typing import Any

from catchment.config import ImagingConvert
from catchment.imaging.layout import Slab, cut_levels, passes, shard_edge
from catchment.schema.records import Description, Resources

# interpreter with zarr, tifffile and Dask; the planes that a worker holds at a time, their pyramid, what is read back.
# Measured: 350 MB for 200 MB of planes of 8 MB, on two threads
BASE_MB = 400
HELD_COPIES = 4.0
# the virtual machine of Bio-Formats beside it: 300 MB for small planes, 1,500 MB of heap at most
JAVA_MB = 2_000
# slabs under way at once; fixed, so that the estimate is the same on every machine
THREADS = 2
# read, pyramid, compress, write, read back and compare: 13 CPU s for 1 GB
SECONDS_PER_MB = 0.03
BASE_SECONDS = 10


def estimate(description: Description) -> Resources:
    """Return peak memory, CPU time and pieces of the conversion, as it is cut with the default settings."""
    scenes: Any = description.facts["scenes"]
    segment: Any = description.facts["largest_segment_bytes"]
    held = [size for scene in scenes for size in held_bytes(scene)]
    total_mb = sum(int(scene["bytes"]) for scene in scenes) / 1e6
    beside = JAVA_MB if description.reader == "Bio-Formats" else 0
    under_way = min(len(held), THREADS)
    return Resources(
        memory_mb=math.ceil(beside + BASE_MB + under_way * (max(held) * HELD_COPIES + int(segment)) / 1e6),
        seconds=math.ceil(BASE_SECONDS + total_mb * SECONDS_PER_MB),
        pieces=len(held),
    )


def held_bytes(scene: dict[str, Any]) -> list[int]:
    """Return, for each slab of the first pass over a scene, the size in bytes of the planes that are read at once."""
    settings, itemsize = ImagingConvert(), int(scene["bytes"]) // math.prod(scene["shape"])
    t, c, z, y, x = scene["shape"]
    levels = cut_levels((t, c, z, y, x), settings.chunk_yx, settings.shard_yx, settings.shard_z)
    edge = shard_edge(settings.chunk_yx, settings.shard_yx)
    first = next(passes(0, levels, itemsize, int(scene["samples_per_pixel"]), edge))
    return [max(bytes_of(slab, batch, itemsize) for batch in slab.batches(itemsize)) for slab in first]


def bytes_of(slab: Slab, batch: tuple[slice, slice, slice], itemsize: int) -> int:
    """Return the size in bytes of some planes of a slab."""
    spans = [part.stop - part.start for part in batch] + [stop - start for start, stop in slab.bounds[3:]]
    return int(itemsize * math.prod(spans))
