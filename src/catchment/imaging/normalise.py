"""The derived view of an image: how each channel's values map to 0..1; where asked, a dataset with even illumination.

The archival pixels stay as they are.
"""

from __future__ import annotations

import json

from pydantic import JsonValue

from catchment.config import ImagingNormalise
from catchment.imaging.flat_field import light_by_name, write_evened
from catchment.imaging.image_index import read_index
from catchment.imaging.intensities import Tally
from catchment.imaging.sidecars import read_channels, read_tallies
from catchment.schema.features import FILE_NAME, SIDE_CAR, write_features
from catchment.schema.records import Asset, Dataset, Derived
from catchment.storage import Place

WINDOWS = "intensity_windows.json"
FLAT_FIELD = "flat_field.ome.zarr"
FORMULA = "clip((value - low) / (high - low), 0, 1)"


def normalise(dataset: Dataset, asset: Asset, store: Place, place: Place, settings: ImagingNormalise) -> Derived:
    """Return the recipe: each channel's window between two percentiles of its values, and the formula to apply."""
    side_cars = dataset.product.side_cars
    told = read_channels(store.path, side_cars)
    tallies = read_tallies(store.path, side_cars)
    windows: list[JsonValue] = [
        {"image": channel["image"], "channel": channel["channel"], "name": channel["name"], **window(counted, settings)}
        for channel, counted in zip(told, tallies, strict=True)
    ]
    recipe: dict[str, JsonValue] = {
        "view": "intensity window per channel",
        "formula": FORMULA,
        "low_percentile": settings.low_percentile,
        "high_percentile": settings.high_percentile,
        "source_logical_digest": dataset.product.logical_digest,
        "windows": windows,
    }
    if settings.flat_field:
        light = light_by_name(told)
        write_evened(store.path / dataset.product.path, place.path / FLAT_FIELD, told)
        recipe["flat_field"] = {"path": FLAT_FIELD, "light": {name: list(grid or ()) for name, grid in light.items()}}
    (place.path / WINDOWS).write_text(json.dumps(recipe, indent=1) + "\n", encoding="utf-8")
    derived = {"intensity_windows": WINDOWS}
    proteins = proteins_of(dataset, asset, store)
    if proteins:
        write_features("protein", proteins, place.path / FILE_NAME)
        derived[SIDE_CAR] = FILE_NAME
    return Derived(recipe=recipe, side_cars=derived)


def proteins_of(dataset: Dataset, asset: Asset, store: Place) -> list[tuple[str, str]]:
    """Return the proteins that images show, by gene id (where the table beside them gives it) and by name."""
    index = dataset.product.side_cars.get("images")
    rows = read_index(store.path / index) if index else []
    found = {(row["gene"] or "", row["protein"] or "") for row in rows} - {("", "")}
    target = asset.annotations.get("antibody_target", "")
    return sorted(found | ({("", target)} if target else set()))


def window(counted: Tally, settings: ImagingNormalise) -> dict[str, JsonValue]:
    """Return a channel's window; one without contrast has none, and its view is 0 everywhere."""
    low, high = counted.percentiles([settings.low_percentile, settings.high_percentile])
    return {"low": low, "high": high} if high > low else {"low": None, "high": None}
