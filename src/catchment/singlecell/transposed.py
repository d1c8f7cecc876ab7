"""A CSC matrix of an H5AD by rows, in bounded memory: read once by columns, its values put into bands of rows on disk.

The bands lie in one temporary file (16 bytes a value or fewer), which goes with the object.
"""

from __future__ import annotations

import tempfile
import weakref
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from catchment.singlecell import rules
from catchment.singlecell.layout import Matrix, Unfit
from catchment.singlecell.rules import shown
from catchment.singlecell.stored import StoredValues

COLUMN_VALUES = 1 << 22  # of some columns, read at a time
BAND_VALUES = 1 << 22  # of a band of rows, on average

Int64 = npt.NDArray[np.int64]


class Transposed:
    """Rows of a CSC matrix whose `indptr` is sound; `indptr` says how many values each row has, as in CSR.

    Raises
    ------
    Unfit
        Where a row number is out of range.
    """

    def __init__(self, file: h5py.File, matrix: Matrix) -> None:
        item = file[matrix.path]
        self._height = matrix.shape[0]
        self._record = np.dtype([("row", np.int32), ("column", np.int32), ("value", item["data"].dtype)])
        self._band_rows = max(1, min(self._height, self._height * BAND_VALUES // max(matrix.nnz, 1)))
        bands = -(-self._height // self._band_rows)
        self._parts: list[list[tuple[int, int]]] = [[] for _ in range(bands)]
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # closed with this object
        weakref.finalize(self, self._file.close)
        self._kept: tuple[int, tuple[Int64, npt.NDArray[Any], npt.NDArray[Any]]] | None = None
        counts = np.zeros(self._height, np.int64)
        starts = item["indptr"][()].astype(np.int64)
        indices, data = StoredValues(item["indices"]), StoredValues(item["data"])
        for start in range(0, matrix.nnz, COLUMN_VALUES):
            end = min(start + COLUMN_VALUES, matrix.nnz)
            rows = indices.read(start, end)
            if rows.min() < 0 or rows.max() >= self._height:
                found = f"row numbers {rows.min()} to {rows.max()}, but {self._height:,} rows"
                raise Unfit(rules.SPARSE_BROKEN.broken(shown(matrix.path), found))
            counts += np.bincount(rows, minlength=self._height)
            self._add(rows, columns_of(starts, start, end), data.read(start, end))
        self.indptr: Int64 = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)

    def _add(self, rows: npt.NDArray[Any], columns: Int64, values: npt.NDArray[Any]) -> None:
        """Append values to the bands of their rows."""
        bands = rows // self._band_rows
        order = np.argsort(bands, kind="stable")
        records = np.empty(rows.size, self._record)
        records["row"], records["column"], records["value"] = rows[order], columns[order], values[order]
        ends = np.cumsum(np.bincount(bands, minlength=len(self._parts)))
        for band, (first, end) in enumerate(zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True)):
            if end > first:
                self._parts[band].append((self._file.tell(), end - first))
                self._file.write(records[first:end].tobytes())

    def read(self, first: int, last: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Return columns and values of rows `first` to `last` - 1, row by row; columns rise as they did in the file."""
        parts = []
        for band in range(first // self._band_rows, -(-last // self._band_rows)):
            starts, columns, values = self._band(band)
            low = max(first - band * self._band_rows, 0)
            high = min(last - band * self._band_rows, starts.size - 1)
            span = slice(int(starts[low]), int(starts[high]))
            parts.append((columns[span], values[span]))
        if len(parts) == 1:
            return parts[0]
        columns, values = (np.concatenate(part) for part in zip(*parts, strict=True))
        return columns, values

    def _band(self, band: int) -> tuple[Int64, npt.NDArray[Any], npt.NDArray[Any]]:
        """Return the rows of a band as CSR; the last one is kept, since blocks that follow each other share it."""
        from scipy.sparse import csr_matrix

        if self._kept is None or self._kept[0] != band:
            self._kept = None
            raw = bytearray()
            for offset, count in self._parts[band]:
                self._file.seek(offset)
                raw += self._file.read(count * self._record.itemsize)
            records = np.frombuffer(raw, self._record)
            first = band * self._band_rows
            height = min(self._band_rows, self._height - first)
            ends = np.array([0, records.size])
            ordered = csr_matrix((np.arange(records.size), records["row"] - first, ends), shape=(1, height)).tocsc()
            columns, values = records["column"][ordered.data], records["value"][ordered.data]
            self._kept = (band, (ordered.indptr.astype(np.int64), columns, values))
        return self._kept[1]


def columns_of(starts: Int64, first: int, end: int) -> Int64:
    """Return the column of each stored value from `first` to `end` - 1, from where each column starts."""
    low = int(np.searchsorted(starts, first, side="right")) - 1
    high = int(np.searchsorted(starts, end, side="left"))
    bounds = np.clip(starts[low : high + 1], first, end)
    return np.repeat(np.arange(low, high), np.diff(bounds))
