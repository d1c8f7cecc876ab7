"""What the headers of an H5AD, or of counts in another container, say, once its container has proved safe."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import h5py

from catchment.schema.records import Asset, Description, Finding, Unreadable
from catchment.singlecell import rules
from catchment.singlecell.container import READ_FAULTS, container_findings, is_damage, opened
from catchment.singlecell.containers import container_of
from catchment.singlecell.layout import Layout, Unfit, layout_of, members, text_of
from catchment.singlecell.reading import uns_text
from catchment.singlecell.recognise import HDF5_SIGNATURE
from catchment.singlecell.rules import shown
from catchment.singlecell.tenx import is_folder, read_folder

# how HDF5 says that a file is cut off
CUT_OFF = re.compile(r"truncated file: eof = (\d+).*stored_eof = (\d+)")


def describe(asset: Asset) -> Description | Unreadable:
    """Return a dataset's shape, type of counts and parts; or why it cannot (or must not) be read.

    What is no H5AD (a matrix of 10x, a loom) is described as far as its headers go; `prepare` makes an H5AD of it.
    """
    if is_folder(asset):
        return described(lambda: read_folder(asset).description())
    path = Path(asset.files[0].path)
    with path.open("rb") as start:
        first = start.read(16)
    if not first.startswith(HDF5_SIGNATURE):
        found = f"{first!r} at the start" if first else "an empty file"
        return Unreadable(findings=(rules.UNREADABLE.broken("/", found, expected=f"{HDF5_SIGNATURE!r}"),))
    return described(lambda: describe_hdf5(path))


def described(look: Callable[[], Description | Unreadable]) -> Description | Unreadable:
    """Return what a look at a file comes to, damage included."""
    try:
        return look()
    except Unfit as unfit:
        return Unreadable(findings=unfit.findings)
    except READ_FAULTS as error:
        return Unreadable(findings=(unreadable(error),))


def describe_hdf5(path: Path) -> Description | Unreadable:
    """Return the description of an HDF5 file whose container proves safe."""
    with opened(str(path)) as file:
        unsafe = container_findings(file)
        if unsafe:
            return Unreadable(findings=unsafe)
        container = container_of(file)
        return container.description() if container else description_of(file, layout_of(file))


def unreadable(error: BaseException) -> Finding:
    """Return the finding for what was raised on a damaged file.

    Raises
    ------
    BaseException
        The error itself, where it is no damage of the file but a fault of ours (`container.is_damage`).
    """
    if not is_damage(error):
        raise error
    cut = CUT_OFF.search(str(error))
    found = f"{int(cut[1]):,} bytes, where its header says {int(cut[2]):,}" if cut else shown(error, 300)
    return rules.UNREADABLE.broken("/", found)


def description_of(file: h5py.File, layout: Layout) -> Description:
    """Return the description of a file whose layout is known."""
    raw = layout.raw
    return Description(
        format="h5ad",
        reader="h5py",
        reader_version=h5py.__version__,
        axes=("obs", "var"),
        shape=raw.shape,
        dtype=raw.dtype,
        facts={
            "raw": raw.path,
            "encoding": raw.encoding,
            "nnz": raw.nnz,
            "stored_bytes": raw.stored_bytes,
            "obs_columns": column_names(file[layout.obs]),
            "var_columns": column_names(file[layout.var]),
            "layers": {
                shown(name): {"encoding": matrix.encoding, "nnz": matrix.nnz}
                for name, matrix in sorted(layout.layers.items())
            },
            "obsm": {shown(name): list(shape) for name, shape in sorted(layout.obsm.items())},
            "left_behind": [shown(path) for path in layout.left_behind],
            "organism_ontology_term_id": shown(uns_text(file, "organism_ontology_term_id") or "") or None,
            "title": shown(uns_text(file, "title") or "", 500) or None,
        },
    )


def column_names(table: h5py.Group | h5py.Dataset) -> list[str]:
    """Return the names of a table's columns, its index left out."""
    index = text_of(table.attrs.get("_index")) or "_index"
    return [shown(name) for name in members(table) if name not in (index, "index", "__categories")]
