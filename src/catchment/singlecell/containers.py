"""Which container of counts an HDF5 file is, if it is no H5AD."""

from __future__ import annotations

import h5py

from catchment.singlecell.counts import Container
from catchment.singlecell.loom import is_loom, read_loom
from catchment.singlecell.tenx import is_tenx, read_tenx


def container_of(file: h5py.File) -> Container | None:
    """Return what a 10x or loom file holds; None for an H5AD, or what is none of these.

    Raises
    ------
    Unfit
        Where it is such a file, but contradicts itself.
    """
    if is_tenx(file):
        return read_tenx(file)
    return read_loom(file) if is_loom(file) else None
