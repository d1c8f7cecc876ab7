"""The HTD file of a plate that MetaXpress writes: wells and sites to be imaged, names of wavelengths. Pure.

Lines of quoted keys and their values, as in `"WaveName1", "DAPI"`; `"HTSInfoFile"` first, `"EndFile"` last. The keys
are those seen in HTD files of the Image Data Resource.
"""

from __future__ import annotations

import csv
import re

from catchment.imaging.plate_index import PlateChannel, PlateIndex
from catchment.imaging.plate_names import Well
from catchment.imaging.rules import INDEX_UNFIT
from catchment.schema.records import Finding

ENDING = ".htd"
FIRST_KEY = "HTSInfoFile"


def read_htd(data: bytes, where: str) -> PlateIndex | Finding:
    """Return what an HTD file says of a plate, or why it cannot be read.

    Descriptions are in whatever encoding the microscope's computer had: Latin-1 stands for all.
    """
    lines = csv.reader(data.decode("latin-1").splitlines(), skipinitialspace=True)
    try:
        told = {row[0].strip(): [cell.strip() for cell in row[1:]] for row in lines if row}
    except csv.Error as error:
        return INDEX_UNFIT.broken(where, f"a line that cannot be read: {error}")
    if next(iter(told), "").lstrip("ï»¿") != FIRST_KEY:
        return INDEX_UNFIT.broken(where, f'no "{FIRST_KEY}" in its first line')
    try:
        sites = selected(told, "SiteSelection") if flag(told, "Sites") else [(1, 1)]
        return PlateIndex(
            rows=number(told, "YWells"),
            columns=number(told, "XWells"),
            channels={
                match[1]: PlateChannel(name=cells[0])
                for key, cells in told.items()
                if (match := re.fullmatch(r"WaveName(\d+)", key)) and cells and cells[0]
            },
            wells=frozenset(Well(row, column) for row, column in selected(told, "WellsSelection")),
            fields=len(sites) or None,
            times=number(told, "TimePoints"),
        )
    except ValueError as error:
        return INDEX_UNFIT.broken(where, f"a value that is odd: {error}")


def selected(told: dict[str, list[str]], key: str) -> list[tuple[int, int]]:
    """Return row and column, from 1 on, of each `TRUE` in the lines `key1`, `key2`, ..."""
    return [
        (int(match[1]), column)
        for own, cells in told.items()
        if (match := re.fullmatch(rf"{key}(\d+)", own))
        for column, cell in enumerate(cells, start=1)
        if cell.upper() == "TRUE"
    ]


def flag(told: dict[str, list[str]], key: str) -> bool:
    """Tell whether a key is `TRUE`."""
    return told.get(key, [""])[0].upper() == "TRUE"


def number(told: dict[str, list[str]], key: str) -> int | None:
    """Return a number, None where it is not there or 0."""
    return int(told.get(key, ["0"])[0] or 0) or None
