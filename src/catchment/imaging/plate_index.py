"""What the files of a microscope say of a plate, beside the names of its images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from catchment.imaging.plate_names import PlaneName, Well


@dataclass(frozen=True)
class PlateChannel:
    """A channel; sizes of its pixels in micrometres, wavelengths in nanometres, colour as `RRGGBB`."""

    name: str = ""
    colour: str | None = None
    excitation_nm: float | None = None
    emission_nm: float | None = None
    pixel_y_um: float | None = None
    pixel_x_um: float | None = None


@dataclass(frozen=True)
class PlateIndex:
    """What is known of a plate. What nobody tells is None or empty.

    planes
        where each image goes, by its path, where an index lists them; `z_um` is the height of each.
    failed
        places that the microscope says it could not image, in words.
    channels
        by the word that names have for them.
    wells, fields, times
        what was to be imaged: which wells, how many fields of each, how many time points.
    corrections
        images of the microscope itself, by their paths: of its camera in the dark, of even light.
    """

    name: str = ""
    rows: int | None = None
    columns: int | None = None
    planes: Mapping[str, PlaneName] | None = None
    z_um: Mapping[str, float] = field(default_factory=dict)
    failed: tuple[str, ...] = ()
    channels: Mapping[str, PlateChannel] = field(default_factory=dict)
    wells: frozenset[Well] = frozenset()
    fields: int | None = None
    times: int | None = None
    instrument: str | None = None
    corrections: frozenset[str] = frozenset()
