"""Every fault of an image in one pass, now that its container is known to be sound."""

from __future__ import annotations

import numpy as np
from pydantic import JsonValue

from catchment.config import ImagingAdmit
from catchment.imaging.axes import Slices
from catchment.imaging.describe import source_of
from catchment.imaging.readers import DecodingFailed, ImageReader, Scene, UnreadableImage, open_reader
from catchment.imaging.readers.crosscheck import second_opinion
from catchment.imaging.readers.gate import independent_opinions
from catchment.imaging.recognise import promised_formats
from catchment.imaging.rules import (
    AXIS_ASSUMED,
    NAME_LIES,
    NOT_DECODABLE,
    READERS_DISAGREE,
    SIZE_MISSING,
    TOO_LARGE,
)
from catchment.schema.records import Admission, Asset, Description, Finding
from catchment.schema.rules import counted_together, is_error

# up to here every pixel is decoded at admission; of a larger scene the first, middle and last plane of each channel
DECODED_WHOLE_BYTES = 64_000_000
# of a file with more images than this, so many, evenly chosen; the conversion decodes and compares all of them
MAX_SCENES_DECODED = 64
MB = 1_000_000


def validate(description: Description, asset: Asset, settings: ImagingAdmit) -> Admission:
    """Return every fault of an image: its name, its declared sizes, its units, and whether its pixels are there."""
    name = source_of(asset).name
    findings = [*name_findings(name, description.format)]
    try:
        reader = open_reader(source_of(asset))
    except UnreadableImage as fault:
        return Admission(findings=(*findings, *fault.findings))
    try:
        findings += reader.container.findings
        findings += counted_together(
            finding
            for number, scene in enumerate(reader.scenes)
            for finding in metadata_findings(f"{name}: image {number}", scene)
        )
        too_large = size_findings(name, reader, settings)
        findings += too_large or pixel_findings(name, reader)
        opinion = "not asked"
        if not any(map(is_error, findings)) and sum(scene.nbytes for scene in reader.scenes) <= DECODED_WHOLE_BYTES:
            differing, opinion = second_opinion(name, reader, source_of(asset))
            findings += differing
        independent = "not asked"
        if not any(map(is_error, findings)):
            differing, independent = independent_opinions(name, reader, source_of(asset))
            findings += differing
    finally:
        reader.close()
    statistics: dict[str, JsonValue] = {"second_opinion": opinion, "independent_readers": independent}
    return Admission(findings=tuple(findings), statistics=statistics)


def name_findings(name: str, found: str) -> list[Finding]:
    """Return a finding where a file's name promises another format than its content has."""
    promised = promised_formats(name)
    if not promised or found in promised:
        return []
    return [NAME_LIES.broken(name, f"{found} content", expected=" or ".join(promised))]


def metadata_findings(where: str, scene: Scene) -> list[Finding]:
    """Return findings for sizes that are not known and for axes that had to be assumed."""
    findings = []
    sizes = dict(zip("tczyx", scene.shape, strict=True))
    missing = [axis for axis in "zyx" if scene.physical_um[axis] is None and (axis != "z" or sizes["z"] > 1)]
    if missing:
        found = f"no size, or one that is 0 or a print resolution, along {', '.join(missing)}"
        findings.append(SIZE_MISSING.broken(where, found))
    if scene.assumed_axis:
        found = f"{sizes[scene.assumed_axis]:,} unnamed pages, taken as axis {scene.assumed_axis}"
        findings.append(AXIS_ASSUMED.broken(where, found))
    return findings


def size_findings(name: str, reader: ImageReader, settings: ImagingAdmit) -> list[Finding]:
    """Return a finding where decoding one tile, strip or image would take more than is allowed."""
    declared = reader.container.largest_segment_bytes
    if declared <= settings.max_chunk_mb * MB:
        return []
    found = f"{declared / MB:,.0f} MB in one piece"
    return [TOO_LARGE.broken(name, found, expected=f"no more than {settings.max_chunk_mb:,} MB (admit.max_chunk_mb)")]


def pixel_findings(name: str, reader: ImageReader) -> list[Finding]:
    """Return findings for pixels that cannot be decoded, or that a second way of reading sees otherwise."""
    findings = []
    step = max(1, -(-len(reader.scenes) // MAX_SCENES_DECODED))
    for number, scene in list(enumerate(reader.scenes))[::step]:
        where = f"{name}: image {number}"
        try:
            differing = sum(differs(reader, number, region) for region in sampled(scene))
        except DecodingFailed as fault:
            findings.append(NOT_DECODABLE.broken(where, str(fault)))
            continue
        if differing:
            findings.append(
                READERS_DISAGREE.broken(where, f"{differing} of the sampled regions differ", count=differing)
            )
    return findings


def sampled(scene: Scene) -> list[Slices]:
    """Return the regions that are decoded: a small scene whole, else first, middle and last t and z of all channels."""
    t, c, z, y, x = scene.shape
    whole = slice(0, y), slice(0, x)
    if scene.nbytes <= DECODED_WHOLE_BYTES:
        return [(slice(0, t), slice(0, c), slice(0, z), *whole)]
    step = scene.samples
    rows = max(1, DECODED_WHOLE_BYTES // (x * step * scene.dtype.itemsize))
    middle = max(0, (y - rows) // 2)
    return [
        (slice(i, i + 1), slice(j, j + step), slice(k, k + 1), slice(middle, min(y, middle + rows)), slice(0, x))
        for i, k in dict.fromkeys(((0, 0), (t // 2, z // 2), (t - 1, z - 1)))
        for j in range(0, c, step)
    ]


def differs(reader: ImageReader, scene: int, region: Slices) -> bool:
    """Tell whether a region read lazily is not, bit by bit, what reading whole pages gives."""
    lazy, eager = reader.region(scene, region), reader.eager(scene, region)
    return lazy.dtype != eager.dtype or lazy.shape != eager.shape or not np.array_equal(bits(lazy), bits(eager))


def bits(pixels: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """Return pixels as bytes, so that a NaN equals itself."""
    return np.ascontiguousarray(pixels).reshape(-1).view(np.uint8)
