"""What the XML of a CZI says: pixel sizes, channels, scenes, the microscope. Taken with care, like that of OME-TIFF."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from catchment.imaging.guarded_xml import Element, root_of
from catchment.imaging.physical import size_um
from catchment.imaging.rules import NOT_READABLE
from catchment.schema.records import Finding

IMAGE = "./Metadata/Information/Image"
COLOUR = re.compile(r"#(?:[0-9A-Fa-f]{2})?([0-9A-Fa-f]{6})")


@dataclass(frozen=True)
class CziDocument:
    """Sizes in micrometres, None where not known; name and colour by number of channel; names by number of scene."""

    physical_um: dict[str, float | None] = field(default_factory=lambda: {"z": None, "y": None, "x": None})
    names: dict[int, str] = field(default_factory=dict)
    colours: dict[int, str] = field(default_factory=dict)
    scenes: dict[int, str] = field(default_factory=dict)
    significant_bits: int | None = None
    instrument: str | None = None

    def channels(self, first: int, count: int) -> tuple[tuple[str, ...], tuple[str | None, ...]]:
        """Return name and colour of channels from `first` on."""
        numbers = range(first, first + count)
        return (
            tuple(self.names.get(number) or f"channel {number - first}" for number in numbers),
            tuple(self.colours.get(number) for number in numbers),
        )

    def scene_name(self, number: int) -> str:
        """Return the name of a scene."""
        return self.scenes.get(number) or f"scene {number + 1}"


def read_czi_xml(data: bytes, name: str) -> CziDocument | Finding:
    """Return what the XML of a CZI says; nothing where there is none, a finding where it cannot be read."""
    if not data.strip(b"\0 \r\n\t"):
        return CziDocument()
    root = root_of(data.rstrip(b"\0"), f"{name}: metadata", NOT_READABLE)
    if isinstance(root, Finding):
        return root
    channels = root.findall(f"{IMAGE}/Dimensions/Channels/Channel")
    shown = {channel.get("Id"): channel for channel in root.findall("./Metadata/DisplaySetting/Channels/Channel")}
    bits = {as_count(channel.findtext("ComponentBitCount")) for channel in channels}
    return CziDocument(
        physical_um={axis: distance_um(root, axis.upper()) for axis in "zyx"},
        names={
            number: channel.get("Name") or name_of(shown.get(channel.get("Id")))
            for number, channel in enumerate(channels)
        },
        colours={
            number: colour
            for number, channel in enumerate(channels)
            if (colour := colour_of(channel) or colour_of(shown.get(channel.get("Id"))))
        },
        scenes={
            index: scene.get("Name") or ""
            for scene in root.findall(f"{IMAGE}/Dimensions/S/Scenes/Scene")
            if (index := as_index(scene.get("Index"))) is not None
        },
        significant_bits=bits.pop() if len(bits) == 1 else None,
        instrument=root.findtext("./Metadata/Information/Instrument/Microscopes/Microscope/System") or None,
    )


def distance_um(root: Element, axis: str) -> float | None:
    """Return the distance of pixels along an axis; CZI has metres, and 0 where nobody knows."""
    text = root.findtext(f"./Metadata/Scaling/Items/Distance[@Id='{axis}']/Value")
    try:
        value = float(text) if text else math.nan
    except ValueError:
        return None
    return size_um(value, "m")


def name_of(channel: Element | None) -> str:
    """Return the name under which a channel is displayed."""
    return "" if channel is None else channel.get("Name") or ""


def colour_of(channel: Element | None) -> str | None:
    """Return the colour of a channel as `RRGGBB`; CZI has alpha before it."""
    found = COLOUR.fullmatch((channel.findtext("Color") or "").strip()) if channel is not None else None
    return found.group(1).upper() if found else None


def as_count(text: str | None) -> int | None:
    """Return a number of bits, None where it is none."""
    return int(text) if text and text.isdigit() and 0 < int(text) <= 64 else None


def as_index(text: str | None) -> int | None:
    """Return a position, None where it is none."""
    return int(text) if text and text.isdigit() else None
