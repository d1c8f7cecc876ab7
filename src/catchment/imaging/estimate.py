"""What the conversion of an image needs."""

from __future__ import annotations

import math
from typing import Any

from catchment.imaging.layout import SLAB_BYTES
from catchment.schema.records import Description, Resources

# interpreter with zarr, tifffile and Dask; a slab, its pyramid, its histogram, and a shard on its way through the codec
BASE_MB = 500
SLAB_COPIES = 2.5
# slabs under way at once; fixed, so that the estimate is the same on every machine
THREADS = 4
# read, pyramid, compress, write, read back and compare, on the slowest core measured
SECONDS_PER_MB = 0.03
BASE_SECONDS = 10


def estimate(description: Description) -> Resources:
    """Return peak memory, CPU time and pieces of the conversion, from the size of the decoded pixels."""
    scenes: Any = description.facts["scenes"]
    segment: Any = description.facts["largest_segment_bytes"]
    size = max(int(scene["bytes"]) for scene in scenes)
    total_mb = sum(int(scene["bytes"]) for scene in scenes) / 1e6
    slab = min(size, SLAB_BYTES)
    pieces = max(1, math.ceil(total_mb * 1e6 / SLAB_BYTES))
    memory = BASE_MB + min(pieces, THREADS) * (slab * SLAB_COPIES + int(segment)) / 1e6
    return Resources(
        memory_mb=math.ceil(memory),
        seconds=math.ceil(BASE_SECONDS + total_mb * SECONDS_PER_MB),
        pieces=pieces,
    )
