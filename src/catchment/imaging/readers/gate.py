"""The correctness gate: what an image's reader sees is held against independent readers, on sampled planes.

Optional readers are asked in their order of trust until one agrees; where one or more answer and none agrees, the
asset is held. A reader that is not set up, or does not take the file, has no say.
"""

from __future__ import annotations

import logging
import math

from catchment.imaging.axes import Slices
from catchment.imaging.readers import DecodingFailed, ImageReader, Pixels, Scene, Source, UnreadableImage
from catchment.imaging.readers.streamed import StreamedReader, missing_of
from catchment.imaging.readers.trust import partners
from catchment.imaging.rules import NO_READER, READERS_DISAGREE
from catchment.schema.records import Finding

logger = logging.getLogger(__name__)

# planes of a scene that are compared, and how much of a large one
PLANES = 8
COMPARED_BYTES = 1 << 26


def independent_opinions(name: str, reader: ImageReader, source: Source) -> tuple[list[Finding], str]:
    """Return a finding where no independent reader sees what this one does, and what each one said.

    What one optional reader converts in place of ours is held, too, where another could confirm it and none does.
    """
    said: list[str] = []
    differing: list[str] = []
    asked = partners(reader.container.format, reader.name)
    for trusted in asked:
        if missing_of(trusted):
            said.append(f"{trusted.reader}: not set up")
            continue
        try:
            other = StreamedReader(source, trusted)
        except UnreadableImage as fault:
            logger.info("%s: %s", name, fault)
            said.append(f"{trusted.reader}: does not take it")
            continue
        who = f"{other.name} {other.version}"
        try:
            difference = difference_of(reader, other)
        except DecodingFailed as fault:
            logger.info("%s: %s", name, fault)
            said.append(f"{who}: gives up")
            continue
        finally:
            other.close()
        if not difference:
            return [], "; ".join([*said, f"{who}: agrees"])
        said.append(f"{who}: differs")
        differing.append(f"{who} sees {difference}")
    opinion = "; ".join(said) or f"none: no independent reader for {reader.container.format}"
    if differing:
        return [READERS_DISAGREE.broken(name, "; ".join(differing), count=len(differing))], opinion
    if asked and reader.shared:
        return [NO_READER.broken(name, f"{reader.name} alone reads it; {opinion}")], opinion
    return [], opinion


def difference_of(reader: ImageReader, other: ImageReader) -> str:
    """Return how two views of a file differ on sampled planes, empty where they do not; raises `DecodingFailed`.

    Planes are counted along t, c, z: what one reader calls wavelengths may be time points to another.
    """
    if len(other.scenes) != len(reader.scenes):
        return f"{len(other.scenes)} images, not {len(reader.scenes)}"
    for number, (own, theirs) in enumerate(zip(reader.scenes, other.scenes, strict=True)):
        if form_of(own) != form_of(theirs):
            return f"image {number} as {theirs.dtype} {theirs.shape}, not {own.dtype} {own.shape}"
        planes = sampled_planes(own)
        views = [(region_of(own, plane), region_of(theirs, plane)) for plane in planes]
        differing = sum(not same(reader.region(number, mine), other.region(number, its)) for mine, its in views)
        if differing:
            return f"other values in {differing} of {len(planes)} sampled planes of image {number}"
    return ""


def form_of(scene: Scene) -> tuple[object, ...]:
    """Return what two views of a scene have in common whatever they call its axes: planes, their shape and type."""
    return math.prod(scene.shape[:3]), scene.samples, scene.shape[3:], scene.dtype


def sampled_planes(scene: Scene) -> list[int]:
    """Return the numbers of planes (all samples of one t, c, z) spread over a scene, first and last among them."""
    last = math.prod(scene.shape[:3]) // scene.samples - 1
    return sorted({round(last * part / (PLANES - 1)) for part in range(PLANES)})


def region_of(scene: Scene, plane: int) -> Slices:
    """Return the region of a plane by its number; of a large one, its middle rows."""
    _, c, z, y, x = scene.shape
    samples = scene.samples
    place, k = divmod(plane, z)
    i, j = divmod(place, c // samples)
    rows = max(1, COMPARED_BYTES // (x * samples * scene.dtype.itemsize))
    top = max(0, (y - rows) // 2)
    channels = slice(j * samples, (j + 1) * samples)
    return slice(i, i + 1), channels, slice(k, k + 1), slice(top, min(y, top + rows)), slice(0, x)


def same(own: Pixels, other: Pixels) -> bool:
    """Tell whether two regions are equal bit by bit, so that a NaN equals itself."""
    return own.dtype == other.dtype and own.shape == other.shape and own.tobytes() == other.tobytes()
