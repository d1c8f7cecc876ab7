"""A ZIP of images, read in place: one member at a time comes out of it, for as long as its pixels are asked for.

An image is read by the reader of its own format, from a temporary file that goes with it.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from catchment.archive.directory import Member, read_directory
from catchment.archive.members import MemberUnsound, blocks_of
from catchment.imaging import rules
from catchment.imaging.axes import Slices
from catchment.imaging.image_sets import Field, Knowledge, SetImage, Sorting
from catchment.imaging.image_table import BadTable, ImageTable, read_table
from catchment.imaging.member_names import FACTS, BadTemplate, known_templates, template_of
from catchment.imaging.readers import Container, ImageReader, Pixels, Scene, Source, UnreadableImage, open_reader
from catchment.imaging.readers.planes import Place, PlaneReader
from catchment.imaging.recognise import IMAGE_ENDINGS, SET_FORMAT, is_image_name, is_of_the_packer, promised_formats
from catchment.schema.records import Finding
from catchment.schema.rules import counted_together, is_error

TABLE_ENDINGS = (".csv", ".tsv")
DOCUMENT_ENDINGS = (".txt", ".md", ".json", ".html", ".htm", ".xml", ".pdf", ".yaml", ".yml")
MAX_TABLE_BYTES = 50_000_000
TABLE_OF_THE_SUBMISSION = "images"
SHOWN = 5


@dataclass(frozen=True)
class Survey:
    """All that is learnt of a set before its pixels are asked for; `members` by their names."""

    fields: tuple[Field, ...]
    members: dict[str, Member]
    container: Container


class ImageSetReader(PlaneReader):
    """An open ZIP of images: its fields are scenes; an image of several planes is a scene as it is."""

    name = "image set"
    version = "1"

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source
        stat = Path(source.path).stat()
        self._survey = survey(source, stat.st_size, stat.st_mtime_ns)
        self.container = self._survey.container
        self.scenes = tuple(field.scene for field in self._survey.fields)
        self._file = Path(source.path).open("rb")  # noqa: SIM115 - closed by `close`
        self._image: tuple[str, ImageReader] | None = None
        self._held = contextlib.ExitStack()

    def close(self) -> None:
        """Let go of the archive and of the image that is open."""
        self._image = None
        self._held.close()
        self._file.close()

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
            name, t, group, z = field.images[group * field.depth + z], 0, 0, 0
        channels = slice(group * samples, (group + 1) * samples)
        return self._open(name), 0, (slice(t, t + 1), channels, slice(z, z + 1), slice(0, y), slice(0, x))

    def _open(self, name: str) -> ImageReader:
        """Return the reader of an image; the last one stays open."""
        if self._image is None or self._image[0] != name:
            self._image = None
            self._held.close()
            reader, _ = self._held.enter_context(opened(self._file, self._survey.members[name], self.source))
            self._image = name, reader
        return self._image[1]


def upright(block: Pixels) -> Pixels:
    """Return one plane of t, c, z, y, x as y, x, samples."""
    return np.moveaxis(block[0, :, 0], 0, -1)


@contextlib.contextmanager
def opened(file: BinaryIO, member: Member, source: Source) -> Iterator[tuple[ImageReader, str]]:
    """Hold an image of an archive open; yield its reader, and the sha256 of its bytes.

    Raises
    ------
    UnreadableImage
        Where the member is not what the archive declares, or no image.
    """
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile() as copy:
        try:
            for block in blocks_of(file, member, source.name):
                digest.update(block)
                copy.write(block)
        except MemberUnsound as fault:
            raise UnreadableImage(fault.finding) from None
        copy.flush()
        own = Source(copy.name, f"{source.name}: {member.name}", source.page_axis)
        reader = open_reader(own)
        try:
            yield reader, digest.hexdigest()
        finally:
            reader.close()


# --- the survey --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def survey(source: Source, size: int, changed_ns: int) -> Survey:
    """Return what a ZIP holds: every member checked, the headers of every image read, all sorted into fields.

    `size` and `changed_ns` (of the file) are there so that a file that changed is surveyed anew.

    Raises
    ------
    UnreadableImage
        With every fault of the archive, of its images and of how they go together.
    """
    directory = read_directory(source.path, source.name)
    if directory.findings:
        raise UnreadableImage(*directory.findings)
    members = {member.name: member for member in directory.members}
    kept = [member for member in directory.members if not is_of_the_packer(member.name)]
    images = [member for member in kept if is_image_name(member.name)]
    if not images:
        raise UnreadableImage(rules.NO_IMAGE.broken(source.name, f"{len(kept):,} members: {listed(kept)}"))
    findings = left_out(kept, source)
    with Path(source.path).open("rb") as file:
        tables, faults = tables_of(file, kept, source)
        found, containers, more = headers_of(file, images, source)
        check_others(file, kept, source, more)
    findings += [*faults, *more]
    sorting = Sorting(source.name, knowledge_of(source, tables, findings))
    fields = sorting.fields(found)
    findings += sorting.findings
    findings = counted_together(findings)
    if any(map(is_error, findings)):
        raise UnreadableImage(*findings)
    instruments = {own.instrument for own in containers}
    container = Container(
        format=SET_FORMAT,
        largest_segment_bytes=max(
            *(own.largest_segment_bytes for own in containers), *(plane_bytes(field.scene) for field in fields)
        ),
        compression=", ".join(sorted({own.compression for own in containers})),
        instrument=instruments.pop() if len(instruments) == 1 else None,
        findings=tuple(findings),
    )
    return Survey(tuple(fields), members, container)


def plane_bytes(scene: Scene) -> int:
    """Return the size of a plane with all its samples: what is taken from an image at a time."""
    *_, y, x = scene.shape
    return y * x * scene.samples * scene.dtype.itemsize


def headers_of(
    file: BinaryIO, images: list[Member], source: Source
) -> tuple[list[SetImage], list[Container], list[Finding]]:
    """Return what the headers of every image say, their containers, and what is wrong with them."""
    found, containers, findings = [], [], list[Finding]()
    for member in images:
        try:
            with opened(file, member, source) as (reader, sha256):
                container = reader.container
                findings += container.findings
                promised = promised_formats(member.name)
                if container.format not in promised:
                    where = f"{source.name}: {member.name}"
                    said = f"{container.format} content"
                    findings.append(rules.NAME_LIES.broken(where, said, expected=" or ".join(promised)))
                if len(reader.scenes) != 1:
                    said = f"{len(reader.scenes)} images in one file"
                    findings.append(rules.NOT_ONE_PLANE.broken(f"{source.name}: {member.name}", said))
                found.append(SetImage(member.name, reader.scenes[0], sha256))
                containers.append(container)
        except UnreadableImage as fault:
            findings += fault.findings
    return found, containers, findings


def tables_of(file: BinaryIO, members: list[Member], source: Source) -> tuple[list[ImageTable], list[Finding]]:
    """Return the tables of file-level metadata, of the archive and of the submission, and those that are none."""
    tables, findings = [], []
    texts: list[tuple[str, str]] = []
    for member in members:
        where = f"{source.name}: {member.name}"
        if not member.name.lower().endswith(TABLE_ENDINGS):
            continue
        if member.bytes > MAX_TABLE_BYTES:
            findings.append(rules.NO_TABLE.broken(where, f"a table of {member.bytes / 1e6:,.0f} MB"))
            continue
        try:
            texts.append((where, b"".join(blocks_of(file, member, source.name)).decode("utf-8-sig")))
        except MemberUnsound as fault:
            findings.append(fault.finding)
        except UnicodeDecodeError as error:
            findings.append(rules.NO_TABLE.broken(where, f"byte {error.start} is not UTF-8"))
    told = dict(source.told).get(TABLE_OF_THE_SUBMISSION)
    if told:
        texts.append((f"annotations: {TABLE_OF_THE_SUBMISSION}", told))
    for where, text in texts:
        try:
            tables.append(read_table(text, PurePosixPath(where.rpartition(": ")[2]).name))
        except BadTable as reason:
            findings.append(rules.NO_TABLE.broken(where, str(reason)))
    return tables, findings


def check_others(file: BinaryIO, members: list[Member], source: Source, findings: list[Finding]) -> None:
    """Read what is neither image nor table to its end: also what is only kept must be what was packed."""
    for member in members:
        if is_image_name(member.name) or member.name.lower().endswith(TABLE_ENDINGS):
            continue
        try:
            for _ in blocks_of(file, member, source.name):
                pass
        except MemberUnsound as fault:
            findings.append(fault.finding)


def left_out(members: list[Member], source: Source) -> list[Finding]:
    """Return a finding for the members that nobody reads: neither images nor tables nor documents."""
    known = (*IMAGE_ENDINGS, *TABLE_ENDINGS, *DOCUMENT_ENDINGS)
    others = [
        member for member in members if not member.name.lower().endswith(known) and PurePosixPath(member.name).suffix
    ]
    if not others:
        return []
    return [rules.LEFT_OUT.broken(f"{source.name}: {others[0].name}", listed(others), count=len(others))]


def listed(members: list[Member]) -> str:
    """Return the first names of some members."""
    names = ", ".join(member.name[:80] for member in members[:SHOWN])
    return names + (", ..." if len(members) > SHOWN else "") if names else "none"


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
