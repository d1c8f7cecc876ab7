"""Images in an archive -> fields: which of them are channels and planes of one place, and what is known of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from catchment.imaging import rules
from catchment.imaging.image_table import ImageTable, comparable
from catchment.imaging.member_names import (
    FACTS,
    PROTEIN_OF_INTEREST,
    Reading,
    Template,
    stains,
)
from catchment.imaging.physical import size_um
from catchment.imaging.readers import Scene, SceneMember
from catchment.schema.records import Finding
from catchment.schema.rules import Rule

COLOURS = {
    "blue": "0000FF", "green": "00FF00", "red": "FF0000", "yellow": "FFFF00", "cyan": "00FFFF", "magenta": "FF00FF",
}  # fmt: skip
SAMPLE_NAMES = {1: ("",), 2: (" L", " A"), 3: (" R", " G", " B"), 4: (" R", " G", " B", " A")}
SHOWN = 3


@dataclass(frozen=True)
class SetImage:
    """One image of a set: its path in the archive, its headers, the digest of its bytes."""

    name: str
    scene: Scene
    sha256: str


@dataclass(frozen=True)
class Knowledge:
    """What is said of a whole set: how its names are read, its tables, and facts that hold for every image."""

    templates: tuple[Template, ...]
    tables: tuple[ImageTable, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    pixel_size_um: float | None = None


@dataclass(frozen=True)
class Field:
    """One place: its scene, and the images it is made of: channel by channel, time by time, from the lowest plane up.

    `as_sent`: one image with channels, planes and time points of its own.
    """

    scene: Scene
    images: tuple[str, ...]
    as_sent: bool = False

    def image_at(self, t: int, group: int, z: int) -> str:
        """Return the name of the image that has a plane of a channel (a group of samples)."""
        times, _, depth, *_ = self.scene.shape
        return self.images[(group * times + t) * depth + z]


@dataclass(frozen=True)
class Place:
    """Where an image goes in its field."""

    image: SetImage
    reading: Reading
    template: Template | None

    @property
    def channel(self) -> str:
        """The channel's name, the word in the file's name where nobody says what it shows."""
        known = self.template.channels if self.template else {}
        return known.get(self.reading.channel.casefold(), self.reading.channel)


class Sorting:
    """One set being sorted into fields; `findings` say what does not fit."""

    def __init__(self, archive: str, knowledge: Knowledge) -> None:
        self.archive, self.knowledge = archive, knowledge
        self.findings: list[Finding] = []
        self.unmatched_rows: list[str] = []
        self.common: tuple[str, ...] = ()

    def fields(self, images: Iterable[SetImage]) -> list[Field]:
        """Return the fields of a set, in natural order of their names."""
        groups: dict[tuple[object, ...], list[Place]] = {}
        unread = []
        places = [self.read(image) for image in images]
        self.common = common_folders([place.reading.folder for place in places if place.template])
        for place in places:
            image = place.image
            if place.template is None:
                unread.append(image.name)
            own = tuple(sorted((fact, comparable(fact, value)) for fact, value in place.reading.facts.items()))
            key = (place.reading.folder, own) if place.template else (image.name,)
            groups.setdefault(key, []).append(place)
        if unread:
            self.add(rules.NAME_TELLS_NOTHING, unread[0], "a name that fits no template", len(unread))
        found = [field for group in groups.values() if (field := self.field_of(group)) is not None]
        self.note_missing_channels(found)
        self.note_unmatched_rows()
        return sorted(found, key=lambda field: natural(field.scene.name))

    def add(self, rule: Rule, where: str, found: str, count: int = 1) -> None:
        """Note what is wrong with an image."""
        self.findings.append(rule.broken(f"{self.archive}: {where}", found, count=count))

    def tables_named(self) -> str:
        """Return the names of the tables."""
        return ", ".join(table.name for table in self.knowledge.tables)

    def read(self, image: SetImage) -> Place:
        """Return what the name of an image tells, by the first template that it fits."""
        for template in self.knowledge.templates:
            reading = template.read(image.name)
            if reading is not None:
                return Place(image, reading, template)
        return Place(image, Reading(folder=image.name), None)

    def field_of(self, group: Sequence[Place]) -> Field | None:
        """Return the field that some images make up, None where they do not fit together."""
        first = group[0]
        facts = self.facts_of(group)
        name = name_of(first, len(self.common))
        if len(group) == 1 and not first.reading.channel and self.planes_of(group) == {plane_of(first)}:
            scene = replace(first.image.scene, name=name, facts=facts, members=(member_of(first),))
            return Field(self.sized(scene), (first.image.name,), as_sent=True)
        order = list(first.template.channels.values()) if first.template else []
        channels = sorted({place.channel for place in group}, key=lambda c: (position(c, order), natural(c)))
        planes = self.planes_of(group)
        times, depths = (sorted({plane[axis] for plane in planes}) for axis in (0, 1))
        grid: dict[tuple[str, int, int], Place] = {}
        for place in group:
            at = place.channel, *plane_of(place)
            if at in grid:
                self.add(rules.SAME_PLACE, place.image.name, f"the place of {grid[at].image.name}")
                return None
            grid[at] = place
        order_of_planes = [(channel, t, z) for channel in channels for t in times for z in depths]
        holes = [at for at in order_of_planes if at not in grid]
        if holes:
            told = ", ".join(in_words(at, len(times) > 1) for at in holes[:SHOWN])
            self.add(rules.PLANE_MISSING, first.image.name, f"no image for {told} of {name}", len(holes))
            return None
        if not self.fit_together(group):
            return None
        places = [grid[at] for at in order_of_planes]
        scene = self.scene_of(name, facts, channels, (len(times), len(depths)), places)
        return Field(scene, tuple(place.image.name for place in places))

    def planes_of(self, group: Sequence[Place]) -> set[tuple[int, int]]:
        """Return the time points and planes (t, z) that each channel of a field must have."""
        return set(map(plane_of, group))

    def fit_together(self, group: Sequence[Place]) -> bool:
        """Tell whether images are single planes of one size and one kind of pixel."""
        first = group[0].image
        for place in group:
            scene = place.image.scene
            t, c, z, *_ = scene.shape
            if (t, c, z) != (1, scene.samples, 1):
                found = f"{t} time points, {c // scene.samples} channels, {z} planes in one file"
                self.add(rules.NOT_ONE_PLANE, place.image.name, found)
                return False
            if (scene.shape, scene.dtype) != (first.scene.shape, first.scene.dtype):
                self.add(rules.UNLIKE, place.image.name, f"{kind_of(scene)}; {first.name} has {kind_of(first.scene)}")
                return False
        return True

    def scene_of(
        self, name: str, facts: dict[str, str], channels: Sequence[str], size: tuple[int, int], places: Sequence[Place]
    ) -> Scene:
        """Return the scene of a field, of so many time points and planes, from that of its first image."""
        own = places[0].image.scene
        words = {place.channel: place.reading.channel for place in places}
        samples = SAMPLE_NAMES.get(own.samples, tuple(f" {number}" for number in range(own.samples)))
        sizes = {repr(sorted(place.image.scene.physical_um.items())) for place in places}
        scene = replace(
            own,
            name=name,
            shape=(size[0], len(channels) * own.samples, size[1], *own.shape[3:]),
            channel_names=tuple(f"{shown(channel, facts)}{part}" for channel in channels for part in samples),
            channel_targets=tuple(channel for channel in channels for _ in samples),
            colours=tuple(colour_of(channel, words[channel]) for channel in channels for _ in samples)
            if own.samples == 1
            else own.colours * len(channels),
            physical_um=dict(own.physical_um) if len(sizes) == 1 else {"z": None, "y": None, "x": None},
            facts=facts,
            members=tuple(map(member_of, places)),
        )
        return self.sized(scene)

    def sized(self, scene: Scene) -> Scene:
        """Return a scene with the size of its pixels, where the submitter gives one."""
        size = size_um(self.knowledge.pixel_size_um)
        return scene if size is None else replace(scene, physical_um={**scene.physical_um, "y": size, "x": size})

    # --- what is known of a field --------------------------------------------------------------------------------

    def facts_of(self, group: Sequence[Place]) -> dict[str, str]:
        """Return what names, tables and the submission say of a field, where they do not contradict each other."""
        said = dict(group[0].reading.facts)
        where = group[0].image.name
        self.merge(said, self.knowledge.facts, where, "the submission")
        names = [name for place in group for name in names_of(place)]
        for table in self.knowledge.tables:
            rows = table.rows_for(names, said)
            if len(rows) != 1:
                self.unmatched_rows.append(where)
            else:
                self.merge(said, rows[0], where, table.name)
        return {fact: said[fact] for fact in FACTS if fact in said}

    def merge(self, said: dict[str, str], more: Mapping[str, str], where: str, source: str) -> None:
        """Add facts to what was said; one that is said otherwise is a finding."""
        for fact, value in more.items():
            known = said.setdefault(fact, value)
            if comparable(fact, known) != comparable(fact, value):
                self.add(rules.FACTS_DIFFER, where, f"{fact} {known!r}, but {value!r} in {source}")

    def note_unmatched_rows(self) -> None:
        """Note images of which no table says anything, or two rows say different things."""
        if self.unmatched_rows:
            first, count = self.unmatched_rows[0], len(self.unmatched_rows)
            self.add(rules.NO_ROW, first, f"no row, or rows that differ, in {self.tables_named()}", count)

    def note_missing_channels(self, fields: Sequence[Field]) -> None:
        """Note fields that lack a channel which others have."""
        stacked = [field for field in fields if not field.as_sent]
        every = sorted({target for field in stacked for target in field.scene.channel_targets})
        lacking = [
            (field, [channel for channel in every if channel not in field.scene.channel_targets]) for field in stacked
        ]
        lacking = [(field, channels) for field, channels in lacking if channels]
        if lacking:
            field, channels = lacking[0]
            self.add(rules.CHANNEL_MISSING, field.scene.name, f"no image of {', '.join(channels)}", len(lacking))


def names_of(place: Place) -> tuple[str, ...]:
    """Return the names by which a table may call an image."""
    path = PurePosixPath(place.image.name)
    return (place.image.name, path.name, path.stem, *([place.reading.prefix] if place.reading.prefix else []))


def common_folders(folders: Sequence[str]) -> tuple[str, ...]:
    """Return the folders that all of these paths begin with."""
    common = []
    for parts in zip(*(folder.split("/") for folder in folders), strict=False):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    return tuple(common)


def name_of(place: Place, common: int) -> str:
    """Return the name of a field: what its images' names have in common, but for the first folders, common to all."""
    if place.template is None:
        return place.image.name
    parts = (*place.reading.folder.split("/")[common:], *place.reading.facts.values())
    return " ".join(part for part in parts if part) or PurePosixPath(place.image.name).stem


def member_of(place: Place) -> SceneMember:
    """Return what is kept of an image in the index of its set."""
    return SceneMember(place.image.name, place.image.sha256, place.channel, place.reading.z, place.reading.t)


def plane_of(place: Place) -> tuple[int, int]:
    """Return the time point and the plane of an image, 0 where its name has none."""
    return place.reading.t or 0, place.reading.z or 0


def listed_words(words: Sequence[str]) -> str:
    """Return the first of some words, and how many more there are."""
    rest = f" and {len(words) - SHOWN:,} more" if len(words) > SHOWN else ""
    return ", ".join(words[:SHOWN]) + rest


def in_words(at: tuple[str, int, int], with_time: bool) -> str:
    """Return channel, time point and plane in words."""
    channel, t, z = at
    word = f"channel {channel}" if channel.isdigit() else channel
    return " ".join(filter(None, (word, f"t{t}" if with_time else "", f"z{z}")))


def shown(channel: str, facts: Mapping[str, str]) -> str:
    """Return the name of a channel; that of the protein of interest is the protein, or its gene, where it is known."""
    if channel != PROTEIN_OF_INTEREST:
        return channel
    return facts.get("protein") or facts.get("gene") or channel


def colour_of(channel: str, word: str) -> str | None:
    """Return the colour (`RRGGBB`) of a channel: the one it is called by, else the one of its stain, else None."""
    return COLOURS.get(word.casefold()) or stains().get(channel.casefold(), {}).get("colour")


def position(channel: str, order: Sequence[str]) -> int:
    """Return where a channel stands in an order; behind it where it does not."""
    return order.index(channel) if channel in order else len(order)


def kind_of(scene: Scene) -> str:
    """Return size and kind of pixel in words."""
    *_, y, x = scene.shape
    return f"{x} x {y} pixels of {scene.dtype.name}, {scene.samples} samples each"


def natural(name: str) -> tuple[tuple[str, int], ...]:
    """Return what names are sorted by: numbers in them by their value."""
    parts = re.split(r"(\d+)", name.casefold())
    return tuple((text, int(number or 0)) for text, number in zip(parts[::2], [*parts[1::2], ""], strict=True))
