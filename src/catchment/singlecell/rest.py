"""What a SOMA cannot carry of an H5AD, as it is, in an HDF5 file beside it: nothing of a submission is lost."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import h5py

REST = "rest.h5"


def write_rest(file: h5py.File, paths: Iterable[str], target: Path) -> None:
    """Copy parts of a file to where they were, under groups with the attributes that theirs had."""
    with h5py.File(target, "w", libver="latest") as rest:
        for path in sorted({found_at(file, path) for path in paths}):
            for parent in reversed(PurePosixPath(path).parents):
                name = str(parent)
                if name != "." and name not in rest:
                    rest.create_group(name).attrs.update(file[name].attrs)
            rest.copy(file[path], rest, path, expand_soft=True)


def found_at(file: h5py.File, path: str) -> str:
    """Return the path itself, or of what holds it where it is no object of its own (a column of a compound dataset)."""
    own = PurePosixPath(path)
    for holder in reversed(own.parents):
        if isinstance(file.get(str(holder)), h5py.Dataset):
            return str(holder)
    return path
