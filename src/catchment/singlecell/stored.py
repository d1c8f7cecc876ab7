"""A list of numbers in an HDF5 file, read in parts: compressed chunks are inflated by libdeflate, not by HDF5.

HDF5 inflates with zlib under a lock of its own: a third of what a conversion of a matrix costs. Where a chunk is stored
in any way but gzip (with or without shuffle), or not at all, HDF5 reads it.
"""

from __future__ import annotations

from typing import Any

import h5py
import imagecodecs
import numpy as np
import numpy.typing as npt

GZIP, SHUFFLE = 1, 2
OWN_FILTERS = ([GZIP], [SHUFFLE, GZIP])


class StoredValues:
    """A one-dimensional dataset of numbers, in its own type but in the machine's byte order."""

    def __init__(self, dataset: h5py.Dataset) -> None:
        plist = dataset.id.get_create_plist()
        filters = [plist.get_filter(number)[0] for number in range(plist.get_nfilters())]
        self._dataset = dataset
        self._type = dataset.dtype.newbyteorder("=")
        self._chunk = int(dataset.chunks[0]) if filters in OWN_FILTERS and dataset.dtype.isnative else 0
        self._shuffled = SHUFFLE in filters
        self._kept: tuple[int, npt.NDArray[Any]] | None = None

    def read(self, first: int, end: int) -> npt.NDArray[Any]:
        """Return values `first` to `end` - 1.

        Raises
        ------
        OSError, RuntimeError
            Where the file is damaged.
        """
        if not self._chunk:
            values: npt.NDArray[Any] = self._dataset[first:end]
            return values.astype(self._type, copy=False)
        out = np.empty(max(end - first, 0), self._type)
        for number in range(first // self._chunk, -(-end // self._chunk)):
            start = number * self._chunk
            own_first, own_end = max(first, start), min(end, start + self._chunk)
            room = out[own_first - first : own_end - first]
            if room.size < self._chunk or not self._inflated_into(number, room):
                room[:] = self._whole(number)[own_first - start : own_end - start]
        return out

    def _whole(self, number: int) -> npt.NDArray[Any]:
        """Return a chunk; the last one is kept, since two parts that follow each other share it."""
        if self._kept is None or self._kept[0] != number:
            values = np.empty(self._chunk, self._type)
            if not self._inflated_into(number, values):
                start = number * self._chunk
                values = self._dataset[start : start + self._chunk]
            self._kept = (number, values)
        return self._kept[1]

    def _inflated_into(self, number: int, room: npt.NDArray[Any]) -> bool:
        """Inflate a whole chunk into its place; False where only HDF5 can read it."""
        info = self._dataset.id.get_chunk_info_by_coord((number * self._chunk,))
        if info.byte_offset is None or info.filter_mask:
            return False
        _, stored = self._dataset.id.read_direct_chunk((number * self._chunk,))
        place = room.view(np.uint8)
        if self._shuffled:
            place = np.empty(room.nbytes, np.uint8)
        size = len(imagecodecs.deflate_decode(stored, out=place.data))
        if size != room.nbytes:
            raise OSError(f"{self._dataset.name}: chunk {number} holds {size:,} bytes, expected {room.nbytes:,}")
        if self._shuffled:
            room.view(np.uint8).reshape(-1, room.itemsize)[:] = place.reshape(room.itemsize, -1).T
        return True
