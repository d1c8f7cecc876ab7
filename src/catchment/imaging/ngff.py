"""OME-Zarr metadata as plain values: those of 0.5, and how 0.4 has them. Pure.

Source of the shapes: OME-Zarr 0.5 and 0.4, "multiscales", "omero" and "bioformats2raw.layout".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from catchment.imaging.axes import TCZYX

Json = dict[str, JsonValue]

VERSION = "0.5"
# Zarr v2: no shards, attributes not below `ome`, versions inside the parts
VERSION_WITHOUT_SHARDS = "0.4"
VERSIONED_PARTS = ("multiscales", "omero", "plate", "well", "image-label")
TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
# colours of channels that bring none: a single one is white
COLOURS = ("0000FF", "00FF00", "FF0000", "FF00FF", "00FFFF", "FFFF00")


@dataclass(frozen=True)
class ChannelDisplay:
    """How a channel is first shown: name, colour `RRGGBB`, range of its values, and the window inside it."""

    label: str
    colour: str
    low: float
    high: float
    start: float
    end: float


def image_attributes(
    name: str,
    levels: int,
    physical_um: dict[str, float | None],
    time_increment_s: float | None,
    channels: Sequence[ChannelDisplay],
) -> Json:
    """Return the attributes of an image group. An axis whose size is not known has scale 1 and no unit."""
    sizes = {"t": time_increment_s, "c": None, **physical_um}
    multiscale: Json = {
        "name": name,
        "axes": [axis(letter, sizes[letter]) for letter in TCZYX],
        "datasets": [
            {
                "path": str(level),
                "coordinateTransformations": [{"type": "scale", "scale": list(scale(sizes, level))}],
            }
            for level in range(levels)
        ],
        "type": "mean",
        "metadata": {"description": "means of 2x2 pixels in y and x, integers rounded to nearest, halves up"},
    }
    omero: Json = {"channels": [channel(display) for display in channels]}
    return {"ome": {"version": VERSION, "multiscales": [multiscale], "omero": omero}}


def is_sharded(version: str) -> bool:
    """Tell whether a version of OME-Zarr is Zarr v3, with shards."""
    return version != VERSION_WITHOUT_SHARDS


def as_version(attributes: Json, version: str) -> Json:
    """Return attributes of 0.5 as a version has them."""
    if is_sharded(version):
        return attributes
    inside = attributes.get("ome")
    parts = {name: value for name, value in inside.items() if name != "version"} if isinstance(inside, dict) else {}
    return {name: with_version(value, version) if name in VERSIONED_PARTS else value for name, value in parts.items()}


def with_version(part: JsonValue, version: str) -> JsonValue:
    """Return a part of 0.4 attributes, or each of several, saying its version."""
    if isinstance(part, list):
        return [with_version(each, version) for each in part]
    return {**part, "version": version} if isinstance(part, dict) else part


def axis(letter: str, size: float | None) -> Json:
    """Return one axis; a unit is given only where the size is known."""
    described: Json = {"name": letter, "type": TYPES[letter]}
    if size is not None and letter != "c":
        described["unit"] = "second" if letter == "t" else "micrometer"
    return described


def scale(sizes: dict[str, float | None], level: int) -> list[float]:
    """Return the scale of a level: y and x double from one to the next, since levels are means of 2x2 pixels."""
    return [(sizes[letter] or 1.0) * (2.0**level if letter in "yx" else 1.0) for letter in TCZYX]


def channel(display: ChannelDisplay) -> Json:
    """Return one channel of the rendering settings."""
    return {
        "label": display.label,
        "color": display.colour,
        "active": True,
        "window": {"min": display.low, "max": display.high, "start": display.start, "end": display.end},
    }


def colour_of(index: int, count: int, given: str | None) -> str:
    """Return the colour a channel is shown in: its own, white where it is alone, else the next of a fixed series."""
    if given:
        return given
    return "FFFFFF" if count == 1 else COLOURS[index % len(COLOURS)]


def collection_attributes() -> Json:
    """Return the attributes of the root over several images."""
    return {"ome": {"version": VERSION, "bioformats2raw.layout": 3}}


def series_attributes(paths: Sequence[str]) -> Json:
    """Return the attributes of the `OME` group beside the images: their paths in order."""
    return {"ome": {"version": VERSION, "series": list(paths)}}
