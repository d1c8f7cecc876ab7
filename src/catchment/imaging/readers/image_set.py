"""A set of images, read in place: a ZIP, or the folder of a plate. One image is open at a time.

An image is read by the reader of its own format; one in a ZIP from a temporary file that goes with it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np

from catchment.imaging import rules
from catchment.imaging.axes import Slices
from catchment.imaging.image_sets import Field, Knowledge, SetImage, Sorting
from catchment.imaging.image_table import PLACES, PLACES_OF_PLATE, BadTable, ImageTable, read_table
from catchment.imaging.member_names import FACTS, BadTemplate, known_templates, template_of
from catchment.imaging.plates import PlateSorting
from catchment.imaging.readers import Container, ImageReader, Pixels, Scene, Source, UnreadableImage
from catchment.imaging.readers.members import Members, members_of
from catchment.imaging.readers.planes import Place, PlaneReader
from catchment.imaging.readers.plate_survey import PlateFiles, plate_files
from catchment.imaging.recognise import (
    IMAGE_ENDINGS,
    PLATE_FORMAT,
    SET_FORMAT,
    is_image_name,
    promised_formats,
)
from catchment.schema.records import Finding
from catchment.schema.rules import counted_together, is_error

TABLE_ENDINGS = (".csv", ".tsv")
DOCUMENT_ENDINGS = (".txt", ".md", ".json", ".html", ".htm", ".xml", ".pdf", ".yaml", ".yml")
MAX_TABLE_BYTES = 50_000_000
TABLE_OF_THE_SUBMISSION = "images"
SHOWN = 5


@dataclass(frozen=True)
class Survey:
    """All that is learnt of a set before its pixels are asked for."""

    fields: tuple[Field, ...]
    members: Members
    container: Container


class ImageSetReader(PlaneReader):
    """An open set of images: its fields are scenes; an image of several planes is a scene as it is."""

    name = "image set"
    version = "2"

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source
        stat = Path(source.path).stat()
        self._survey = survey(source, stat.st_size, stat.st_mtime_ns)
        self.container = self._survey.container
        self.scenes = tuple(field.scene for field in self._survey.fields)
        self._image: tuple[str, ImageReader] | None = None
        self._held = contextlib.ExitStack()

    def close(self) -> None:
        """Let go of the image that is open."""
        self._image = None
        self._held.close()

    def plane(self, place: Place) -> Pixels:
        """Return a plane as the reader of its image gives it."""
        image, scene, wanted = self._inside(place)
        return upright(image.region(scene, wanted))

    def second_plane(self, place: Place) -> Pixels:
        """Return a plane by the second way of the reader of its image."""
        image, scene, wanted = self._inside(place)
        return upright(image.eager(scene, wanted))

    def _inside(self, place: Place) -> tuple[ImageReader, int, Slices]:
        """Return the reader of the image that has a plane, and where in it the plane is."""
        number, t, group, z = place
        field = self._survey.fields[number]
        _, _, _, y, x = field.scene.shape
        samples = field.scene.samples
        name = field.images[0]
        if not field.as_sent:
            name, t, group, z = field.image_at(t, group, z), 0, 0, 0
        channels = slice(group * samples, (group + 1) * samples)
        return self._open(name), 0, (slice(t, t + 1), channels, slice(z, z + 1), slice(0, y), slice(0, x))

    def _open(self, name: str) -> ImageReader:
        """Return the reader of an image; the last one stays open."""
        if self._image is None or self._image[0] != name:
            self.close()
            reader, _ = self._held.enter_context(self._survey.members.opened(name))
            self._image = name, reader
        return self._image[1]


def upright(block: Pixels) -> Pixels:
    """Return one plane of t, c, z, y, x as y, x, samples."""
    return np.moveaxis(block[0, :, 0], 0, -1)


# --- the survey --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def survey(source: Source, size: int, changed_ns: int) -> Survey:
    """Return what a set holds: every file checked, the headers of every image read, all sorted into fields.

    `size` and `changed_ns` (of the file) are there so that a file that changed is surveyed anew.

    Raises
    ------
    UnreadableImage
        With every fault of the archive, of its images and of how they go together.
    """
    members = members_of(source)
    names = list(members.sizes)
    images = [name for name in names if is_image_name(name)]
    if not images:
        raise UnreadableImage(rules.NO_IMAGE.broken(source.name, f"{len(names):,} members: {listed(names)}"))
    plate = plate_files(source, members, names, images)
    findings = [*plate.findings] if plate else left_out(names, source)
    tables, faults = tables_of(members, source, PLACES_OF_PLATE if plate else PLACES)
    found, containers, more = headers_of(members, plate.images if plate else images, source)
    check_others(members, {image.name for image in found}, more)
    findings += [*faults, *more]
    sorting = sorting_of(source, knowledge_of(source, tables, findings), plate)
    fields = sorting.fields(found) if found else []
    findings = counted_together([*findings, *sorting.findings])
    if any(map(is_error, findings)):
        raise UnreadableImage(*findings)
    instruments = {own.instrument for own in containers}
    told = plate.index.instrument if plate else None
    container = Container(
        format=PLATE_FORMAT if source.files else SET_FORMAT,
        largest_segment_bytes=max(
            *(own.largest_segment_bytes for own in containers), *(plane_bytes(field.scene) for field in fields)
        ),
        compression=", ".join(sorted({own.compression for own in containers})),
        instrument=told or (instruments.pop() if len(instruments) == 1 else None),
        findings=tuple(findings),
        plate=sorting.plate() if isinstance(sorting, PlateSorting) else None,
    )
    return Survey(tuple(fields), members, container)


def sorting_of(source: Source, knowledge: Knowledge, plate: PlateFiles | None) -> Sorting:
    """Return what puts the images of a set into fields: those of a plate, or of places that their names tell."""
    if plate is None:
        return Sorting(source.name, knowledge)
    return PlateSorting(source.name, knowledge, plate.planes, plate.index)


def plane_bytes(scene: Scene) -> int:
    """Return the size of a plane with all its samples: what is taken from an image at a time."""
    *_, y, x = scene.shape
    return y * x * scene.samples * scene.dtype.itemsize


def headers_of(
    members: Members, images: Iterable[str], source: Source
) -> tuple[list[SetImage], list[Container], list[Finding]]:
    """Return what the headers of every image say, their containers, and what is wrong with them."""
    found, containers, findings = [], [], list[Finding]()
    for name in images:
        where = f"{source.name}: {name}"
        try:
            with members.opened(name) as (reader, sha256):
                container = reader.container
                findings += container.findings
                promised = promised_formats(name)
                if container.format not in promised:
                    said = f"{container.format} content"
                    findings.append(rules.NAME_LIES.broken(where, said, expected=" or ".join(promised)))
                if len(reader.scenes) != 1:
                    said = f"{len(reader.scenes)} images in one file"
                    findings.append(rules.NOT_ONE_PLANE.broken(where, said))
                found.append(SetImage(name, reader.scenes[0], sha256))
                containers.append(container)
        except UnreadableImage as fault:
            findings += fault.findings
    return found, containers, findings


def tables_of(members: Members, source: Source, places: Sequence[str]) -> tuple[list[ImageTable], list[Finding]]:
    """Return the tables of file-level metadata, of the set and of the submission, and those that are none."""
    tables, findings = [], []
    texts: list[tuple[str, str]] = []
    for name, size in members.sizes.items():
        where = f"{source.name}: {name}"
        if not name.lower().endswith(TABLE_ENDINGS):
            continue
        if size > MAX_TABLE_BYTES:
            findings.append(rules.NO_TABLE.broken(where, f"a table of {size / 1e6:,.0f} MB"))
            continue
        try:
            texts.append((where, members.data(name).decode("utf-8-sig")))
        except UnreadableImage as fault:
            findings += fault.findings
        except UnicodeDecodeError as error:
            findings.append(rules.NO_TABLE.broken(where, f"byte {error.start} is not UTF-8"))
    told = dict(source.told).get(TABLE_OF_THE_SUBMISSION)
    if told:
        texts.append((f"annotations: {TABLE_OF_THE_SUBMISSION}", told))
    for where, text in texts:
        try:
            tables.append(read_table(text, PurePosixPath(where.rpartition(": ")[2]).name, places))
        except BadTable as reason:
            findings.append(rules.NO_TABLE.broken(where, str(reason)))
    return tables, findings


def check_others(members: Members, read: set[str], findings: list[Finding]) -> None:
    """Have every other file checked: also what is only kept must be what was packed."""
    for name in members.sizes:
        if name in read or name.lower().endswith(TABLE_ENDINGS):
            continue
        try:
            members.check(name)
        except UnreadableImage as fault:
            findings += fault.findings


def left_out(names: list[str], source: Source) -> list[Finding]:
    """Return a finding for the files that nobody reads: neither images nor tables nor documents."""
    known = (*IMAGE_ENDINGS, *TABLE_ENDINGS, *DOCUMENT_ENDINGS)
    others = [name for name in names if not name.lower().endswith(known) and PurePosixPath(name).suffix]
    if not others:
        return []
    return [rules.LEFT_OUT.broken(f"{source.name}: {others[0]}", listed(others), count=len(others))]


def listed(names: list[str]) -> str:
    """Return the first of some names."""
    shown = ", ".join(name[:80] for name in names[:SHOWN])
    return shown + (", ..." if len(names) > SHOWN else "") if shown else "none"


def knowledge_of(source: Source, tables: list[ImageTable], findings: list[Finding]) -> Knowledge:
    """Return what is said of the whole set, by its submitter and by its tables."""
    told = dict(source.told)
    templates = known_templates()
    try:
        if told.get("member_names"):
            templates = (template_of(told["member_names"], told.get("channels", "")),)
        elif told.get("channels"):
            templates = tuple(template_of(own.text, told["channels"]) for own in templates)
    except BadTemplate as reason:
        findings.append(rules.BAD_NAMING.broken(f"{source.name}: annotations", str(reason)))
    size = told.get("pixel_size_um", "")
    try:
        pixel_size_um = float(size) if size else None
    except ValueError:
        findings.append(rules.BAD_NAMING.broken(f"{source.name}: annotations: pixel_size_um", repr(size[:50])))
        pixel_size_um = None
    facts = {fact: told[fact] for fact in FACTS if told.get(fact)}
    return Knowledge(templates, tuple(tables), facts, pixel_size_um)
