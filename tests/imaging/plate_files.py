"""Plates as microscopes write them: images of every place by tifffile, and the files beside them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile

BTS = 'xmlns:bts="http://www.yokogawa.co.jp/BTS/BTSSchema/1.0"'
SHAPE = (24, 20)


class At(NamedTuple):
    """A place: row and column from 1, field, channel, plane, time point."""

    row: int
    column: int
    field: int = 1
    channel: int = 1
    z: int = 1
    t: int = 1

    @property
    def well(self) -> str:
        """The well as microscopes write it."""
        return f"{chr(64 + self.row)}{self.column:02d}"


def pixels_at(at: At) -> np.ndarray:
    """The pixels of a place: random, other ones at every place."""
    return np.random.default_rng(tuple(at)).integers(0, 60_000, SHAPE).astype(np.uint16)


def places(wells: Iterable[tuple[int, int]], fields: int, channels: int, planes: int = 1, times: int = 1) -> list[At]:
    """Every place of some wells."""
    return [
        At(row, column, field, channel, z, t)
        for row, column in wells
        for field, channel, z, t in product(
            range(1, fields + 1), range(1, channels + 1), range(1, planes + 1), range(1, times + 1)
        )
    ]


def write_image(path: Path, pixels: np.ndarray, description: str | None = None) -> None:
    """Write one plane."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels, photometric="minisblack", description=description, metadata=None)


def cellvoyager_name(at: At) -> str:
    """The name that a CellVoyager gives an image."""
    return f"plate_{at.well}_T{at.t:04d}F{at.field:03d}L01A{at.channel:02d}Z{at.z:02d}C{at.channel:02d}.tif"


def cellvoyager_record(at: At, type_: str = "IMG") -> str:
    """The line of an index that lists an image."""
    told = {"Type": type_, "Column": at.column, "Row": at.row, "TimePoint": at.t, "FieldIndex": at.field}
    told |= {"ZIndex": at.z, "Ch": at.channel, "Z": 2.5 * (at.z - 1)}
    attributes = " ".join(f'bts:{key}="{value}"' for key, value in told.items())
    return f"<bts:MeasurementRecord {attributes}>{cellvoyager_name(at)}</bts:MeasurementRecord>"


def write_cellvoyager(
    folder: Path, listed: Iterable[At], *, wanted: Iterable[tuple[int, int]] = (), more: str = ""
) -> Path:
    """Write a plate of a CellVoyager with its index, two channels set up; `more` lines stand in the index."""
    listed = list(listed)
    for at in listed:
        write_image(folder / cellvoyager_name(at), pixels_at(at))
    records = "\n".join(map(cellvoyager_record, listed))
    (folder / "MeasurementData.mlf").write_text(
        f"<bts:MeasurementData {BTS}>\n{records}\n{more}</bts:MeasurementData>\n", encoding="utf-8"
    )
    count = max(at.field for at in listed)
    measured = "".join(
        f'<bts:MeasurementChannel bts:Ch="{number}" bts:HorizontalPixelDimension="0.325" '
        f'bts:VerticalPixelDimension="0.65" />'
        for number in (1, 2)
    )
    (folder / "MeasurementDetail.mrf").write_text(
        f'<bts:MeasurementDetail {BTS} bts:MeasurementSettingFileName="my.mes" bts:RowCount="8" bts:ColumnCount="12" '
        f'bts:FieldCount="{count}" bts:TimePointCount="1" bts:TargetSystem="CV8000">'
        f'<bts:MeasurementSamplePlate bts:Name="plate" bts:WellPlateFileName="my.wpi" />{measured}'
        "</bts:MeasurementDetail>",
        encoding="utf-8",
    )
    (folder / "my.wpi").write_text(
        f'<bts:WellPlate {BTS} bts:Name="screen 7" bts:Columns="12" bts:Rows="8" />', encoding="utf-8"
    )
    targets = "".join(
        f'<bts:TargetWell bts:Row="{row}" bts:Column="{column}">true</bts:TargetWell>' for row, column in wanted
    )
    (folder / "my.mes").write_text(
        f"<bts:MeasurementSetting {BTS}><bts:WellSequence>{targets}</bts:WellSequence>"
        '<bts:LightSource bts:Name="405nm" bts:WaveLength="405" />'
        '<bts:Channel bts:Ch="1" bts:Acquisition="BP445/45" bts:Color="#FF002FFF" bts:Fluorophore="">'
        "<bts:LightSourceName>405nm</bts:LightSourceName></bts:Channel>"
        '<bts:Channel bts:Ch="2" bts:Acquisition="BP525/50" bts:Color="#FF00FFA1" bts:Fluorophore="GFP">'
        "<bts:LightSourceName>488nm</bts:LightSourceName></bts:Channel></bts:MeasurementSetting>",
        encoding="utf-8",
    )
    return folder


def metaseries(channel: str, height: float, wavelength: float = 536.0) -> str:
    """The description that MetaXpress writes into an image."""
    told = {
        "spatial-calibration-state": "on", "spatial-calibration-x": 1.5, "spatial-calibration-y": 1.5,
        "spatial-calibration-units": "um", "_IllumSetting_": channel, "wavelength": wavelength, "z-position": height,
    }  # fmt: skip
    props = "".join(f'<prop id="{key}" type="x" value="{value}"/>' for key, value in told.items())
    return f"<MetaData><PlaneInfo>{props}</PlaneInfo></MetaData>"


def imagexpress_name(at: At, *, stack: bool = False, movie: bool = False) -> str:
    """The path that MetaXpress gives an image, with a GUID that begins with a digit."""
    folders = (f"TimePoint_{at.t}/" if movie else "") + (f"ZStep_{at.z}/" if stack else "")
    guid = f"{hash(at) & 0xFFFFFFFF:08X}-92F1-4DFD-98AA-6A01BBD77557"
    return f"{folders}my_plate_{at.well}_s{at.field}_w{at.channel}{guid}.tif"


def write_imagexpress(folder: Path, listed: Iterable[At], *, stack: bool = False, movie: bool = False) -> Path:
    """Write images of an ImageXpress; planes 2 micrometres apart, more or less."""
    for at in listed:
        description = metaseries(("DAPI", "FITC", "FITC")[at.channel - 1], 9000 + 2.0 * at.z + 0.01 * at.channel)
        write_image(folder / imagexpress_name(at, stack=stack, movie=movie), pixels_at(at), description)
    return folder


def htd(wells: Iterable[tuple[int, int]], sites: int, names: Iterable[str], times: int = 1) -> str:
    """An HTD file over 2 x 3 wells."""
    wanted = set(wells)
    lines = ['"HTSInfoFile", Version 1.0', f'"TimePoints", {times}', '"XWells", 3', '"YWells", 2']
    for row in (1, 2):
        cells = ", ".join(str((row, column) in wanted).upper() for column in (1, 2, 3))
        lines.append(f'"WellsSelection{row}", {cells}')
    lines += ['"Sites", TRUE', '"SiteSelection1", ' + ", ".join(["TRUE"] * sites)]
    lines += [f'"WaveName{number}", "{name}"' for number, name in enumerate(names, start=1)]
    return "\r\n".join([*lines, '"EndFile"', ""])
