"""Normalised counts as a view: a factor for each cell and a recipe, never a second matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import tiledbsoma

from catchment import soma
from catchment.config import SinglecellNormalise
from catchment.schema.features import FILE_NAME, SIDE_CAR, write_features
from catchment.schema.records import Asset, Dataset, Derived
from catchment.singlecell.sidecars import write_table
from catchment.storage import Place

SIZE_FACTORS = "size_factors.parquet"


def normalise(dataset: Dataset, asset: Asset, store: Place, place: Place, settings: SinglecellNormalise) -> Derived:
    """Return the recipe and the size factors (total counts over target) of log1p of counts per ten thousand.

    A cell without counts has the factor 1: it stays all zeros, and nothing is divided by zero.
    """
    cells = pq.read_table(store.path / dataset.product.side_cars["qc"], columns=["soma_joinid", "total_counts"])
    total = cells["total_counts"].to_numpy()
    factor = np.where(total > 0, total / settings.target_sum, 1.0)
    write_table(place, SIZE_FACTORS, cells.append_column("size_factor", pa.array(factor)))
    write_features("gene", genes_of(dataset, store), place.path / FILE_NAME)
    return Derived(
        recipe={
            "method": "log1p_cptt",
            "formula": "log1p(count / size_factor)",
            "target_sum": settings.target_sum,
            "layer": "ms/RNA/X/raw",
            "size_factors": SIZE_FACTORS,
        },
        side_cars={"size_factors": SIZE_FACTORS, SIDE_CAR: FILE_NAME},
    )


def genes_of(dataset: Dataset, store: Place) -> list[tuple[str, str]]:
    """Return id and name of each gene that a dataset measured."""
    with tiledbsoma.Experiment.open((store / dataset.product.path).uri, context=soma.context()) as experiment:
        var = experiment.ms["RNA"].var.read(column_names=["var_id", "feature_name"]).concat()
    ids, names = (var[name].cast(pa.string()).to_pylist() for name in ("var_id", "feature_name"))
    return [(id_, "" if name == id_ else name) for id_, name in zip(ids, names, strict=True)]


def normalised(counts: Any, size_factors: npt.NDArray[np.float64]) -> Any:
    """Return the view of some cells as the recipe has it: log1p of each count over the size factor of its cell.

    Parameters
    ----------
    counts
        raw counts as a sparse matrix of scipy, cells x genes.
    size_factors
        one for each of its rows.
    """
    view = counts.tocsr().astype(np.float64)
    view.data = np.log1p(view.data / np.repeat(size_factors, np.diff(view.indptr)))
    return view
