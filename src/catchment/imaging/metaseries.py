"""What MetaMorph and MetaXpress write into the description of a TIFF: pixel size, channel, height of stage. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from catchment.imaging.guarded_xml import root_of
from catchment.imaging.physical import size_um
from catchment.imaging.rules import DOCTYPE, NOT_READABLE
from catchment.schema.records import Finding

START = "<MetaData>"


@dataclass(frozen=True)
class MetaSeries:
    """Sizes and height in micrometres, the wavelength in nanometres; None or empty where not known."""

    pixel_y_um: float | None = None
    pixel_x_um: float | None = None
    channel: str = ""
    wavelength_nm: float | None = None
    stage_z_um: float | None = None
    software: str | None = None


def read_metaseries(description: str, name: str) -> MetaSeries | Finding | None:
    """Return what a description says; None where it is of another kind or damaged, a finding where it has a DOCTYPE."""
    if not description.startswith(START):
        return None
    root = root_of(description.rstrip("\0"), f"{name}: ImageDescription", NOT_READABLE)
    if isinstance(root, Finding):
        return root if root.code == DOCTYPE.code else None
    told = {prop.get("id", ""): prop.get("value", "") for prop in root.iter("prop")}
    calibrated = told.get("spatial-calibration-state") == "on"
    unit = told.get("spatial-calibration-units", "") if calibrated else ""
    words = (told.get("ApplicationName", ""), told.get("ApplicationVersion", ""))
    return MetaSeries(
        pixel_y_um=size_um(decimal(told.get("spatial-calibration-y")), unit),
        pixel_x_um=size_um(decimal(told.get("spatial-calibration-x")), unit),
        channel=told.get("_IllumSetting_", "").strip(),
        wavelength_nm=decimal(told.get("wavelength")) or None,
        stage_z_um=decimal(told.get("z-position")),
        software=" ".join(filter(None, words)) or None,
    )


def decimal(text: str | None) -> float | None:
    """Return a number, None where it is none."""
    try:
        return float(text) if text else None
    except ValueError:
        return None
