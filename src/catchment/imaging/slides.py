"""Which images of a whole-slide file are the scan, and which only show the slide and its label. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from catchment.imaging.physical import size_um

# names that tifffile gives the images of a scanner's file, and those that Bio-Formats gives when it exports them
PICTURES = frozenset(
    {"label", "macro", "thumbnail", "map", "label image", "macro image", "macro mask image", "overview"}
)
# what scanners' TIFFs are to tifffile
SLIDE_KINDS = frozenset({"svs", "ndpi", "scn", "philips", "bif", "qpi", "avs"})
# the tag of NDPI that is 0 to 80 for a scan, -1 for the picture of the slide, -2 for a map of it
NDPI_MAGNIFICATION = 65421
MPP = re.compile(r"\|\s*MPP\s*=\s*([0-9.]+)")


def is_picture(name: str, tags: Mapping[int, object] | None = None) -> bool:
    """Tell whether an image of a file shows the slide, not what was scanned."""
    magnification = (tags or {}).get(NDPI_MAGNIFICATION)
    outside = isinstance(magnification, int | float) and magnification < 0
    return outside or name.strip().lower() in PICTURES


def aperio_size_um(description: str) -> float | None:
    """Return the edge of a pixel that an Aperio description gives (`|MPP = 0.499`), None where it gives none."""
    found = MPP.search(description)
    try:
        return size_um(float(found.group(1))) if found else None
    except ValueError:
        return None
