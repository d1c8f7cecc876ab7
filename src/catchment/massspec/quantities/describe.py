"""What the header of a quantity table says, and why one that is none of those known cannot be described."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import catchment
from catchment.massspec.faults import Broken, shown
from catchment.massspec.quantities import rules
from catchment.massspec.quantities.layouts import layout_of
from catchment.massspec.quantities.stream import header_of, is_parquet
from catchment.massspec.quantities.table import columns_of
from catchment.schema.records import Asset, Description, Unreadable

TEXT_ENDINGS = (".tsv", ".txt", ".csv")


def describe(asset: Asset) -> Description | Unreadable:
    """Return what a table's header says; only its first line, or the footer of a Parquet file, is read."""
    path, name = Path(asset.files[0].path), shown(asset.name)
    try:
        header = header_of(path)
        layout = layout_of(header)
        if layout is None:
            some = ", ".join(map(shown, header[:6]))
            raise Broken(rules.UNKNOWN_LAYOUT, f"{len(header):,} columns, the first of them {some}")
        columns = columns_of(layout, header)
    except Broken as broken:
        return Unreadable(findings=(broken.finding(name),))
    parquet = is_parquet(path)
    promised = PurePosixPath(asset.name.lower().removesuffix(".gz")).suffix
    if promised in TEXT_ENDINGS if parquet else promised == ".parquet":
        words = "Parquet" if parquet else "text"
        return Unreadable(findings=(rules.NAME_LIES.broken(name, words),))
    runs = {run for own in columns.runs.values() for run in own.values() if run}
    return Description(
        format=layout.format,
        reader="catchment.massspec.quantities",
        reader_version=catchment.__version__,
        axes=("run", "column"),
        shape=(len(runs), len(header)),
        dtype="float64",
        units={"quantity": "as submitted"},
        facts={
            "bytes": path.stat().st_size,
            "software": layout.software,
            "level": layout.level,
            "shape": layout.shape,
            "container": "parquet" if parquet else "text",
            "quantities": list(columns.runs),
        },
    )
