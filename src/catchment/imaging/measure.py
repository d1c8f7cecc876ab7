"""QC numbers of an image, from what its conversion counted."""

from __future__ import annotations

from typing import Any

from catchment.imaging.sidecars import read_channels
from catchment.schema.records import Metrics, Product
from catchment.storage import Place


def measure(product: Product, place: Place) -> Metrics:
    """Return counts, value range and saturation over all images of a product; per-channel values in channel order.

    `saturated_fraction` is that of the worst channel; None for floats, which have no saturation.
    """
    channels = read_channels(place.path, product.side_cars)
    images: Any = product.facts["image_shapes"]
    size: list[int] = images[0]
    measured = [channel for channel in channels if channel["pixels"]]
    saturated = [channel["saturated_fraction"] for channel in channels if channel["saturated_fraction"] is not None]
    pixels = sum(channel["pixels"] for channel in measured)
    total = sum((channel["mean"] or 0.0) * channel["pixels"] for channel in measured)
    return {
        "n_images": len(images),
        "n_channels": len(channels),
        "n_planes": sum(channel["planes"] for channel in channels),
        **{f"size_{axis}": size[position] for position, axis in enumerate("tczyx")},
        "dtype": channels[0]["dtype"],
        "min": min((channel["min"] for channel in measured), default=None),
        "max": max((channel["max"] for channel in measured), default=None),
        "mean": total / pixels if pixels else None,
        "channel_means": [channel["mean"] or 0.0 for channel in channels],
        "saturated_fraction": max(saturated, default=None),
        "background": [channel["background"] or 0.0 for channel in channels],
        "focus": [channel["focus"] or 0.0 for channel in channels],
        "illumination_flatness": min(
            (one["illumination_flatness"] for one in channels if one["illumination_flatness"] is not None), default=None
        ),
        "empty_planes": sum(channel["empty_planes"] for channel in channels),
        "repeated_planes": sum(channel["repeated_planes"] for channel in channels),
        "empty_channels": sum(channel["empty"] for channel in channels),
        "not_finite_pixels": sum(channel["not_finite"] for channel in channels),
    }
