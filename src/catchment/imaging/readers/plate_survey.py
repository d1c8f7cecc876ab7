"""Which files of a set are images of a plate, and what the microscope wrote beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catchment.imaging import cellvoyager, htd, rules
from catchment.imaging.image_sets import listed_words
from catchment.imaging.member_names import BadTemplate, regex_of
from catchment.imaging.plate_index import PlateIndex
from catchment.imaging.plate_names import INDEX_NAME, Naming, PlaneName, anywhere, index_folder, known_naming, naming_of
from catchment.imaging.readers import Source, UnreadableImage
from catchment.imaging.readers.members import Members
from catchment.schema.records import Finding

NAMES_OF_THE_SUBMISSION = "plate_names"
MAX_INDEX_BYTES = 200_000_000


@dataclass(frozen=True)
class PlateFiles:
    """The images of a plate, where each goes, and what is known of all; `findings` say what does not fit."""

    planes: Mapping[str, PlaneName]
    index: PlateIndex
    findings: tuple[Finding, ...]

    @property
    def images(self) -> list[str]:
        """Return the paths of the images, sorted."""
        return sorted(self.planes)


def plate_files(source: Source, members: Members, names: Sequence[str], images: Sequence[str]) -> PlateFiles | None:
    """Return the plate that a set is; None where a ZIP is none.

    Raises
    ------
    UnreadableImage
        Where a folder is no plate, or what is said of it cannot be used.
    """
    told = dict(source.told).get(NAMES_OF_THE_SUBMISSION)
    folder = None if told else index_folder(names)
    if folder is not None:
        return from_index(source, members, folder, names, images)
    naming = naming_of(images, pattern_of(told, source)) if told else known_naming(images)
    if naming is None or not naming.planes:
        if told or source.files:
            fault = rules.NO_PLATE.broken(source.name, f"{len(images):,} images, such as {images[0]}")
            raise UnreadableImage(fault)
        return None
    return from_names(source, members, naming, names, images)


def pattern_of(told: str, source: Source) -> re.Pattern[str]:
    """Return the submitter's pattern ready for use."""
    try:
        return anywhere(regex_of(told))
    except BadTemplate as reason:
        fault = rules.BAD_NAMING.broken(f"{source.name}: annotations: {NAMES_OF_THE_SUBMISSION}", str(reason))
        raise UnreadableImage(fault) from None


def from_index(
    source: Source, members: Members, folder: str, names: Sequence[str], images: Sequence[str]
) -> PlateFiles:
    """Return the plate of a CellVoyager: its index says where images go."""

    def read(name: str) -> bytes:
        """Return a file of the microscope."""
        if members.sizes[name] > MAX_INDEX_BYTES:
            found = f"{members.sizes[name] / 1e6:,.0f} MB, more than {MAX_INDEX_BYTES / 1e6:,.0f}"
            raise UnreadableImage(rules.INDEX_UNFIT.broken(f"{source.name}: {name}", found))
        return members.data(name)

    index, findings = cellvoyager.read_index(folder, names, read, source.name)
    planes = {} if index.planes is None else dict(index.planes)
    if not planes and not findings:
        findings.append(rules.INDEX_UNFIT.broken(f"{source.name}: {folder}{INDEX_NAME}", "no image in it"))
    absent = sorted(set(planes) - set(images))
    if absent:
        where = f"{source.name}: {folder}{INDEX_NAME}"
        findings.append(rules.LISTED_ABSENT.broken(where, listed_words(absent), count=len(absent)))
    others = sorted(set(images) - set(planes) - index.corrections)
    there = {name: plane for name, plane in planes.items() if name not in absent}
    return PlateFiles(there, index, (*findings, *off_plate(source, others)))


def from_names(
    source: Source, members: Members, naming: Naming, names: Sequence[str], images: Sequence[str]
) -> PlateFiles:
    """Return the plate that names tell; with what an HTD file says, where there is just one."""
    index, findings = PlateIndex(), list[Finding]()
    written = [name for name in names if name.lower().endswith(htd.ENDING)]
    if len(written) == 1:
        told = htd.read_htd(members.data(written[0]), f"{source.name}: {written[0]}")
        if isinstance(told, Finding):
            findings.append(told)
        else:
            index = told
    others = sorted(set(images) - set(naming.planes) - naming.thumbnails)
    return PlateFiles(naming.planes, index, (*findings, *off_plate(source, others)))


def off_plate(source: Source, names: Sequence[str]) -> list[Finding]:
    """Return a finding for images that have no place on the plate."""
    if not names:
        return []
    return [rules.OFF_PLATE.broken(f"{source.name}: {names[0]}", listed_words(names), count=len(names))]
