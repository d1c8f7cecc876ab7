"""The derived dataset of a quantity table: normalised layers beside X as submitted; the archival one stays as it is."""

from __future__ import annotations

import shutil
from typing import Any

import anndata
import numpy as np
from pydantic import JsonValue

from catchment.config import MassspecNormalise
from catchment.massspec.quantities.convert import GZIP_LEVEL
from catchment.massspec.quantities.scaling import (
    median_factors,
    profiles,
    quantile_normalised,
    replicate_factors,
)
from catchment.schema.features import FILE_NAME, SIDE_CAR
from catchment.schema.records import Dataset, Derived
from catchment.storage import Place, environment_fault

NORMALISED = "normalised.h5ad"


def normalise(dataset: Dataset, store: Place, place: Place, settings: MassspecNormalise) -> Derived:
    """Write `normalised.h5ad`: X as submitted of the features that are proteins, and its normalised layers.

    Raises
    ------
    EnvironmentFault
        Where the disk refuses.
    """
    data = anndata.read_h5ad(store.path / dataset.product.path)
    data = data[:, data.var["usable"].to_numpy()].copy()
    for name in list(data.layers):
        del data.layers[name]
    separated = bool(dataset.product.facts.get("separation"))
    recipe = separation_layers(data) if separated else run_layers(data, settings)
    recipe |= {
        "reads": dataset.product.path,
        "layer_of": str(data.uns["quantities"]["quantity"]),
        "features": int(data.n_vars),
        "imputed": "nothing",
        "directlfq": "not offered",
    }
    data.uns["normalisation"] = {name: str(value) for name, value in recipe.items()}
    target = place.path / NORMALISED
    try:
        place.path.mkdir(parents=True, exist_ok=True)
        data.write_h5ad(target, compression="gzip", compression_opts=GZIP_LEVEL, convert_strings_to_categoricals=False)
        shutil.copyfile(store.path / dataset.product.side_cars[SIDE_CAR], place.path / FILE_NAME)
    except OSError as error:
        raise environment_fault(error, target) from error
    return Derived(recipe=recipe, side_cars={"normalised": NORMALISED, SIDE_CAR: FILE_NAME})


def run_layers(data: Any, settings: MassspecNormalise) -> dict[str, JsonValue]:
    """Add the layers of a table of whole runs; return what they are."""
    values = np.asarray(data.X)
    recipe: dict[str, JsonValue] = {"method": " and ".join(settings.quantities) or "none"}
    if "median" in settings.quantities:
        factors = median_factors(values)
        data.obs["median_factor"] = factors
        data.layers["median"] = values * factors[:, None]
        recipe["median"] = "X * median_factor: medians of log2 quantities brought to the mean of the runs' medians"
        recipe["median_factors"] = [float(factor) for factor in factors]
    if "quantile" in settings.quantities:
        data.layers["quantile"] = quantile_normalised(values)
        recipe["quantile"] = "the mean of the runs' log2 quantiles by rank; ranks of equal values averaged"
    return recipe


def separation_layers(data: Any) -> dict[str, JsonValue]:
    """Add the layers of a table of fractions (SEC-MS); return what they are. Totals of fractions stay as they are."""
    values = np.asarray(data.X)
    groups = list(zip(data.obs["sample_id"].astype(str), data.obs["replicate"].astype(str), strict=True))
    factors = replicate_factors(values, groups)
    data.obs["replicate_factor"] = factors
    data.layers["replicate_centred"] = values * factors[:, None]
    data.layers["profile"] = profiles(data.layers["replicate_centred"])
    return {
        "method": "elution profiles",
        "replicate_centred": "X * replicate_factor: the median log2 ratio of proteins' totals over fractions taken out",
        "profile": "replicate_centred / its highest value over all fractions, protein by protein",
        "replicate_factors": [float(factor) for factor in factors],
        "replicates": len(set(groups)),
        "between_fractions": "nothing: the totals of fractions are the elution profile",
    }
