"""The signal of a run's MS1 spectra over time and m/z, coarse enough to be a picture, gathered while they are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from catchment.massspec.arrays import Floats

MZ_STEP, STEPS = 5.0, 800  # to m/z 4,000; what lies above counts to the last step
MAX_ROWS = 128
ZSTD_LEVEL = 3


@dataclass
class Row:
    """Some MS1 spectra that follow each other: how many, the sum of their times, and intensity by step of m/z."""

    spectra: int
    time_s: float
    intensity: Floats


@dataclass
class SurveyMap:
    """Rows in the order of the run; where they are too many, two become one."""

    rows: list[Row] = field(default_factory=list)

    def add(self, time_s: float, mz: Floats, intensity: Floats) -> None:
        """Add an MS1 spectrum; one without a time has no place in a map."""
        if np.isnan(time_s):
            return
        if len(mz) and not (mz.min() >= 0 and mz.max() < STEPS * MZ_STEP):
            mz = np.clip(mz, 0, (STEPS - 1) * MZ_STEP)
        steps = (mz / MZ_STEP).astype(np.intp)
        signal = np.asarray(np.bincount(steps, intensity, STEPS), np.float64)
        last = self.rows[-1] if self.rows else None
        if last is not None and last.spectra < self.rows[0].spectra:
            last.intensity += signal
            last.spectra, last.time_s = last.spectra + 1, last.time_s + time_s
            return
        self.rows.append(Row(1, time_s, signal))
        self.fold()

    def extend(self, later: SurveyMap) -> None:
        """Add the rows of a part that comes after the spectra so far."""
        self.rows += later.rows
        self.fold()

    def fold(self) -> None:
        """Make one of each two rows until there are few enough."""
        while len(self.rows) > MAX_ROWS:
            pairs = zip(self.rows[::2], [*self.rows[1::2], None][: (len(self.rows) + 1) // 2], strict=True)
            self.rows = [first if second is None else joined(first, second) for first, second in pairs]

    def write(self, path: Path) -> None:
        """Write each step of m/z that holds a signal: time (s, mean of the row), lower end in m/z, mean intensity."""
        cells = np.array([row.intensity / row.spectra for row in self.rows]).reshape(-1, STEPS)
        times = np.array([row.time_s / row.spectra for row in self.rows])
        rows, steps = np.nonzero(cells > 0)
        columns = {"rt_s": times[rows], "mz": steps * MZ_STEP, "intensity": cells[rows, steps]}
        table = pa.table({name: pa.array(values, pa.float64()) for name, values in columns.items()})
        pq.write_table(table, path, compression="zstd", compression_level=ZSTD_LEVEL)


def joined(first: Row, second: Row) -> Row:
    """Return two rows as one."""
    return Row(first.spectra + second.spectra, first.time_s + second.time_s, first.intensity + second.intensity)


def read_map(path: Path) -> dict[str, NDArray[Any]]:
    """Return the columns that `write` wrote."""
    table = pq.read_table(path)
    return {name: table.column(name).to_numpy() for name in table.column_names}
