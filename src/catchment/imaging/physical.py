"""Pixel sizes in micrometres, and which of them are no sizes at all. Pure."""

from __future__ import annotations

import math

# OME 2016-06 UnitsLength that measure something (not `pixel`, not `reference frame`), and what ImageJ writes
MICROMETRES = {
    "m": 1e6,
    "cm": 1e4,
    "centimeter": 1e4,
    "mm": 1e3,
    "millimeter": 1e3,
    "µm": 1.0,
    "μm": 1.0,
    "um": 1.0,
    "\\u00b5m": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "nm": 1e-3,
    "nanometer": 1e-3,
    "pm": 1e-6,
    "å": 1e-4,
}
SECONDS = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0, "d": 86400.0}

INCH_UM = 25_400.0
# resolutions of screens, scanners and printers: what a file has that was never calibrated
PRINT_DPI = (1, 72, 75, 96, 100, 120, 144, 150, 180, 200, 240, 266, 300, 350, 360, 400, 600, 720, 1200, 2400)


def size_um(value: float | None, unit: str = "µm") -> float | None:
    """Return a pixel size in micrometres; None where it is missing, zero, negative, not finite, or from print DPI."""
    factor = MICROMETRES.get(unit.strip().lower())
    if value is None or factor is None or not math.isfinite(value) or value <= 0:
        return None
    size = value * factor
    return None if is_print_resolution(size) else float(f"{size:.12g}")


def is_print_resolution(size: float) -> bool:
    """Tell whether a pixel size in micrometres is an inch over a common DPI: a default, not a measurement."""
    return any(math.isclose(size * dpi, INCH_UM, rel_tol=1e-4) for dpi in PRINT_DPI)


def duration_s(value: float | None, unit: str = "s") -> float | None:
    """Return a duration in seconds; None where it is missing, not positive or not finite."""
    factor = SECONDS.get(unit.strip().lower())
    if value is None or factor is None or not math.isfinite(value) or value <= 0:
        return None
    return float(f"{value * factor:.12g}")
