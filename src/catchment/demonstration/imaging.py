"""Demonstration images: cells in three channels as OME-TIFF, and a TIFF that was cut on its way.

Drawn from a seed, the same bytes every time. Nothing here uses the package's own reader, so that tests compare two
sides.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

Floats = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint16]

PIXEL_SIZE_UM = 0.108
PLANE_DISTANCE_UM = 0.29
# one 12-bit camera: offset, electrons per count, read noise
OFFSET, GAIN, READ_NOISE, FULL = 100.0, 0.45, 2.5, 4095
CELLS_PER_MEGAPIXEL = 60

# name, colour (RGBA as OME-XML has it), brightness, and the radius of what it stains relative to a nucleus
CHANNELS = (
    ("DAPI", 0x0000FFFF, 1400.0, 1.0),
    ("ALB", 0x00FF00FF, 800.0, 2.1),
    ("mCherry", 0xFF0000FF, 600.0, 1.5),
)


def write_ome_tiff(
    path: Path,
    *,
    seed: int,
    shape_czyx: tuple[int, int, int, int] = (3, 12, 512, 640),
    pixel_size_um: float | None = PIXEL_SIZE_UM,
    compression: str | None = "zlib",
    big_endian: bool = False,
) -> Pixels:
    """Write a z-stack of stained cells as OME-TIFF; return its pixels (c, z, y, x)."""
    pixels = draw_cells(seed, shape_czyx)
    channels = [CHANNELS[index % len(CHANNELS)] for index in range(shape_czyx[0])]
    metadata: dict[str, Any] = {
        "axes": "CZYX",
        # tifffile would write a random one
        "UUID": f"urn:uuid:00000000-0000-4000-8000-{seed:012x}",
        "Name": f"cells {seed}",
        "SignificantBits": 12,
        "Channel": {
            "Name": [name for name, *_ in channels],
            # OME-XML has colours as signed 32-bit numbers
            "Color": [int(np.uint32(colour).astype(np.int32)) for _, colour, *_ in channels],
        },
    }
    if pixel_size_um is not None:
        for axis, size in (("X", pixel_size_um), ("Y", pixel_size_um), ("Z", PLANE_DISTANCE_UM)):
            metadata[f"PhysicalSize{axis}"] = size
            metadata[f"PhysicalSize{axis}Unit"] = "µm"
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(
        path,
        pixels,
        ome=True,
        photometric="minisblack",
        metadata=metadata,
        compression=compression,
        compressionargs={"level": 1} if compression == "zlib" else None,
        tile=(256, 256),
        byteorder=">" if big_endian else "<",
        software="Catchment demonstration",
    )
    return pixels


def write_truncated_tiff(path: Path, *, seed: int = 7, kept: float = 0.6) -> None:
    """Write a small OME-TIFF and keep only its first part, as a broken transfer does."""
    write_ome_tiff(path, seed=seed, shape_czyx=(1, 2, 256, 256), compression=None)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])


def draw_cells(seed: int, shape_czyx: tuple[int, int, int, int]) -> Pixels:
    """Return a stack (c, z, y, x) of round cells over uneven background, with shot and read noise, 12 bits in 16."""
    channels, planes, height, width = shape_czyx
    rng = np.random.default_rng(seed)
    count = max(3, round(CELLS_PER_MEGAPIXEL * height * width / 1e6))
    centres = rng.uniform((0, 0, 0), (planes, height, width), (count, 3))
    radii = rng.uniform(8, 16, count)
    stained = rng.uniform(0.3, 1.0, (count, channels))
    pixels = np.empty(shape_czyx, np.uint16)
    for channel in range(channels):
        _, _, brightness, reach = CHANNELS[channel % len(CHANNELS)]
        background = 40 + 30 * uneven_light(rng, height, width)
        for z in range(planes):
            light = background.copy()
            for (cell_z, y, x), radius, stain in zip(centres, radii * reach, stained[:, channel], strict=True):
                depth = (z - cell_z) * PLANE_DISTANCE_UM / PIXEL_SIZE_UM
                add_cell(light, y, x, radius, brightness * stain * np.exp(-((depth / radius) ** 2)))
            electrons = rng.poisson(light * GAIN) / GAIN
            counts = electrons + OFFSET + rng.normal(0, READ_NOISE, light.shape)
            pixels[channel, z] = np.clip(np.rint(counts), 0, FULL)
    return pixels


def uneven_light(rng: np.random.Generator, height: int, width: int) -> Floats:
    """Return a smooth field (y, x) between 0 and 1: brighter towards one place."""
    y0, x0 = rng.uniform(0.3, 0.7, 2)
    y, x = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)[None]
    light: Floats = np.exp(-2 * ((y - y0) ** 2 + (x - x0) ** 2))
    return light


def add_cell(light: Floats, y: float, x: float, radius: float, height: float) -> None:
    """Add a Gaussian spot to a plane (y, x)."""
    reach = int(3 * radius)
    rows = np.arange(max(0, int(y) - reach), min(light.shape[0], int(y) + reach + 1))
    columns = np.arange(max(0, int(x) - reach), min(light.shape[1], int(x) + reach + 1))
    if height < 1 or not rows.size or not columns.size:
        return
    profile_y = np.exp(-(((rows - y) / radius) ** 2))
    profile_x = np.exp(-(((columns - x) / radius) ** 2))
    light[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += height * profile_y[:, None] * profile_x
