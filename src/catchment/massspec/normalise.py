"""A run's derived view: the factor that makes intensities comparable between runs. The mzML stays as it is."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from catchment.config import MassspecNormalise
from catchment.massspec.spectra import Table
from catchment.massspec.tables import read_spectra, write_table
from catchment.schema.records import Asset, Dataset, Derived
from catchment.storage import Place

FILE_NAME = "intensity_factors.parquet"


def normalise(dataset: Dataset, asset: Asset, store: Place, place: Place, settings: MassspecNormalise) -> Derived:
    """Write `intensity_factors.parquet`: for each spectrum its time, level, ion current and the run's factor."""
    table = read_spectra(store.path / dataset.product.side_cars["spectra"])
    factor, level = tic_factor(table)
    rows = len(table["index"])
    place.path.mkdir(parents=True, exist_ok=True)
    write_table(
        {
            "index": pa.array(table["index"]),
            "native_id": pa.array(table["native_id"], pa.string()),
            "ms_level": pa.array(table["ms_level"]),
            "rt_s": pa.array(table["rt_s"], mask=np.isnan(table["rt_s"])),
            "tic": pa.array(table["tic"]),
            "factor": pa.array(
                np.full(rows, factor if factor is not None else np.nan), mask=np.full(rows, factor is None)
            ),
        },
        place.path / FILE_NAME,
    )
    return Derived(
        recipe={
            "method": "total ion current",
            "factor": factor,
            "from_ms_level": level,
            "formula": "intensity * factor: parts of the run's total ion current",
            "reads": dataset.product.path,
            "units": {"retention_time": "second", "mz": "m/z", "intensity": "part of the run's total ion current"},
            "changes": "intensities of this view only; spectra, ids and m/z are those of the archival mzML",
        },
        side_cars={"intensity_factors": FILE_NAME},
    )


def tic_factor(table: Table) -> tuple[float | None, int | None]:
    """Return 1 / (total ion current of MS1), and that level; of all spectra (level None) where MS1 has no signal."""
    for level in (1, None):
        chosen = table["ms_level"] == level if level is not None else np.ones(len(table["tic"]), bool)
        total = float(table["tic"][chosen].sum())
        if total > 0 and np.isfinite(1 / total):
            return 1 / total, level
    return None, None
