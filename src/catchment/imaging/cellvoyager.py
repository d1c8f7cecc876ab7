"""The index of a plate that a Yokogawa CellVoyager writes: images, channels, sizes. Pure.

`MeasurementData.mlf` lists every image with its place; `MeasurementDetail.mrf` has the sizes of pixels; the `.mes`
file that it names has wells, lamps, filters and colours; the `.wpi` file the size of the plate. Observed in files of a
CV8000, release R2.06.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

from catchment.imaging.guarded_xml import Element, root_of
from catchment.imaging.physical import size_um
from catchment.imaging.plate_index import PlateChannel, PlateIndex
from catchment.imaging.plate_names import INDEX_NAME, PlaneName, Well, plain_number
from catchment.imaging.rules import INDEX_UNFIT
from catchment.schema.records import Finding

NAMESPACE = "{http://www.yokogawa.co.jp/BTS/BTSSchema/1.0}"
DETAIL_NAME = "MeasurementDetail.mrf"
# images of even light, and of the camera in the dark
CORRECTIONS = ("SC_", "DC_")
COLOUR = re.compile(r"#[0-9A-Fa-f]{2}([0-9A-Fa-f]{6})")
# band-pass filters are called by centre and width: `BP525/50`
BAND_PASS = re.compile(r"BP\s*(\d+(?:\.\d+)?)/\d+")

Read = Callable[[str], bytes]


def read_index(folder: str, names: Iterable[str], read: Read, where: str) -> tuple[PlateIndex, list[Finding]]:
    """Return what the files in a plate's folder (with `/` behind it) say, and what is wrong with them.

    `read` returns the bytes of a file by its path; `where` is the plate's name for messages.
    """
    here = {
        name.removeprefix(folder): name for name in names if name.startswith(folder) and "/" not in name[len(folder) :]
    }
    findings: list[Finding] = []

    def document(name: str) -> Element | None:
        """Return the root of one of the files; None where it is not there or cannot be read."""
        if name not in here:
            return None
        root = root_of(read(here[name]), f"{where}: {here[name]}", INDEX_UNFIT)
        if isinstance(root, Finding):
            findings.append(root)
            return None
        return root

    records, detail = document(INDEX_NAME), document(DETAIL_NAME)
    setting = document(told(detail, "MeasurementSettingFileName")) if detail is not None else None
    sample = next(iter(elements(detail, "MeasurementSamplePlate")), None)
    plate = document(told(sample, "WellPlateFileName")) if sample is not None else None
    if records is None:
        return PlateIndex(), findings
    try:
        planes, heights, failed = listed(records, folder)
        channels = channels_of(detail, setting)
        index = PlateIndex(
            name=told(plate, "Name") or told(sample, "Name"),
            rows=count(plate, "Rows") or count(detail, "RowCount"),
            columns=count(plate, "Columns") or count(detail, "ColumnCount"),
            planes=planes,
            z_um=heights,
            failed=failed,
            channels=channels,
            wells=frozenset(
                Well(int(told(one, "Row")), int(told(one, "Column")))
                for one in elements(setting, "TargetWell")
                if (one.text or "").strip() == "true"
            ),
            fields=count(detail, "FieldCount"),
            times=count(detail, "TimePointCount"),
            instrument=" ".join(filter(None, ("Yokogawa", told(detail, "TargetSystem")))),
            corrections=frozenset(path for name, path in here.items() if name.startswith(CORRECTIONS)),
        )
    except ValueError as error:
        findings.append(INDEX_UNFIT.broken(f"{where}: {folder}{INDEX_NAME}", f"an attribute that is odd: {error}"))
        return PlateIndex(), findings
    return index, findings


def told(element: Element | None, attribute: str) -> str:
    """Return an attribute, empty where there is none."""
    return "" if element is None else element.get(f"{NAMESPACE}{attribute}", "").strip()


def count(element: Element | None, attribute: str) -> int | None:
    """Return an attribute that counts something; None where it is not there or 0."""
    return int(told(element, attribute) or 0) or None


def decimal(element: Element | None, attribute: str) -> float | None:
    """Return an attribute that is a number, None where it is not there or 0."""
    return float(told(element, attribute) or 0) or None


def elements(root: Element | None, tag: str) -> list[Element]:
    """Return every element of a tag, at whatever depth."""
    return [] if root is None else list(root.iter(f"{NAMESPACE}{tag}"))


def listed(records: Element, folder: str) -> tuple[dict[str, PlaneName], dict[str, float], tuple[str, ...]]:
    """Return the place of each listed image by its path, its height, and the places that could not be imaged."""
    planes, heights, failed = {}, {}, []
    for record in elements(records, "MeasurementRecord"):
        well = Well(int(told(record, "Row")), int(told(record, "Column")))
        field, t = plain_number(told(record, "FieldIndex") or "1"), count(record, "TimePoint")
        if told(record, "Type") != "IMG":
            failed.append(f"{well.name} field {field} t{t} ({(record.text or 'no reason').strip()[:60]})")
            continue
        name = folder + PurePosixPath((record.text or "").strip().replace("\\", "/")).name
        planes[name] = PlaneName(well, field, plain_number(told(record, "Ch")), t, count(record, "ZIndex"), root=folder)
        heights[name] = float(told(record, "Z") or 0)
    return planes, heights, tuple(failed)


def channels_of(detail: Element | None, setting: Element | None) -> dict[str, PlateChannel]:
    """Return the channels: called by their fluorophore, else by lamp and filter."""
    lamps = {told(lamp, "Name"): decimal(lamp, "WaveLength") for lamp in elements(setting, "LightSource")}
    set_up = {told(one, "Ch"): one for one in elements(setting, "Channel")}
    channels = {}
    for measured in elements(detail, "MeasurementChannel"):
        word = told(measured, "Ch")
        own = set_up.get(word)
        sources = [(one.text or "").strip() for one in elements(own, "LightSourceName")]
        emitted = BAND_PASS.match(told(own, "Acquisition"))
        colour = COLOUR.fullmatch(told(own, "Color"))
        channels[plain_number(word)] = PlateChannel(
            name=told(own, "Fluorophore") or " ".join([*sources, told(own, "Acquisition")]).strip(),
            colour=colour[1].upper() if colour else None,
            excitation_nm=lamps.get(sources[0]) if sources else None,
            emission_nm=float(emitted[1]) if emitted else None,
            pixel_y_um=size_um(decimal(measured, "VerticalPixelDimension")),
            pixel_x_um=size_um(decimal(measured, "HorizontalPixelDimension")),
        )
    return channels
