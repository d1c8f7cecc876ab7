"""Images of a plate -> fields of its wells: channels, time points and planes put together, and what is missing. Pure.

Channels that were taken at the same planes make up one image of a field. Where some were taken at others (a stack of
one channel and a projection of the next), each kind is an acquisition of its own: nothing is filled up with zeros.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from catchment.imaging import rules
from catchment.imaging.image_sets import (
    SAMPLE_NAMES,
    Field,
    Knowledge,
    Place,
    SetImage,
    Sorting,
    colour_of,
    listed_words,
    natural,
    plane_of,
)
from catchment.imaging.member_names import Reading, Template
from catchment.imaging.plate_index import PlateChannel, PlateIndex
from catchment.imaging.plate_names import PlaneName, Well, row_letters
from catchment.imaging.readers import Plate, Scene, Spot

T = TypeVar("T")
# planes (t, z) that channels have in common
Pattern = frozenset[tuple[int, int]]
# a stage stands where it was told to within this part of a step
STEP_TOLERANCE = 0.25
# heights are recorded to so many digits
HEIGHT_DIGITS = 2
NO_TEMPLATE = Template("", re.compile(""), {})


class PlateSorting(Sorting):
    """One plate being sorted into fields; afterwards `plate` tells what holds for all of it."""

    def __init__(self, name: str, knowledge: Knowledge, planes: Mapping[str, PlaneName], index: PlateIndex) -> None:
        super().__init__(name, knowledge)
        self.planes, self.index = planes, index
        self.acquisitions: list[tuple[bool, tuple[str, ...], Pattern]] = []
        self.z_step_um: float | None = None
        self.channels: dict[str, PlateChannel] = {}

    def read(self, image: SetImage) -> Place:
        """Return where an image goes, by the index or by its name."""
        told = self.planes[image.name]
        facts = {"plate": told.plate or self.index.name, "well": told.well.name, "field": told.field}
        own = {fact: value for fact, value in facts.items() if value}
        return Place(image, Reading("", own, told.channel, told.z, t=told.t), NO_TEMPLATE)

    def fields(self, images: Iterable[SetImage]) -> list[Field]:
        """Return the fields of a plate, well by well; in each, acquisition by acquisition."""
        places = [self.read(image) for image in images]
        self.channels = self.channels_of(places)
        self.acquisitions = acquisitions_of(places)
        self.z_step_um = self.step_of(places)
        groups: dict[tuple[int, Well, str], list[Place]] = {}
        for place in places:
            told = self.planes[place.image.name]
            groups.setdefault((self.acquisition_of(place), told.well, told.field), []).append(place)
        ordered = sorted(groups.items(), key=lambda item: (item[0][1], item[0][0], natural(item[0][2])))
        found = [(key, field) for key, group in ordered if (field := self.field_of(group)) is not None]
        finished = [(acquisition, self.finished(field, acquisition, well)) for (acquisition, well, _), field in found]
        for number in range(len(self.acquisitions)):
            self.note_missing_channels([field for acquisition, field in finished if acquisition == number])
        self.note_missing_fields(groups)
        self.note_unmatched_rows()
        return [field for _, field in finished]

    def plate(self) -> Plate:
        """Return the plate: every row and column that it has, where that is known; else those with images."""
        wells = {plane.well for plane in self.planes.values()}
        last_row, last_column = max(well.row for well in wells), max(well.column for well in wells)
        rows = range(1, max(self.index.rows or 0, last_row) + 1) if self.index.rows else sorted({w.row for w in wells})
        columns = (
            range(1, max(self.index.columns or 0, last_column) + 1)
            if self.index.columns
            else sorted({well.column for well in wells})
        )
        return Plate(
            name=self.index.name or only({plane.plate for plane in self.planes.values()}) or self.archive,
            rows=tuple(map(row_letters, rows)),
            columns=tuple(f"{column:02d}" for column in columns),
            acquisitions=tuple(map(self.acquisition_name, range(len(self.acquisitions)))),
        )

    # --- channels ------------------------------------------------------------------------------------------------

    def channels_of(self, places: Sequence[Place]) -> dict[str, PlateChannel]:
        """Return the channels by their words: as the index, else as the images themselves have them; names differ."""
        said: dict[str, set[tuple[str, float | None]]] = {}
        for place in places:
            own = place.image.scene
            named = own.channel_names[0] if own.stage_z_um is not None else ""
            said.setdefault(place.channel, set()).add((named, own.emission_nm[0] if own.emission_nm else None))
        known = {word: name for template in self.knowledge.templates for word, name in template.channels.items()}
        channels = {}
        for word, own_words in said.items():
            name, emission_nm = only(own_words) or ("", None)
            told = self.index.channels.get(word, PlateChannel())
            name = known.get(word.casefold()) or told.name or name
            channels[word] = replace(told, name=name, emission_nm=told.emission_nm or emission_nm)
        names = [channel.name for channel in channels.values()]
        return {
            word: channel
            if channel.name and names.count(channel.name) == 1
            else replace(channel, name=f"{channel.name or 'channel'} {word or 0}")
            for word, channel in channels.items()
        }

    def finished(self, field: Field, acquisition: int, well: Well) -> Field:
        """Return a field with the names, colours and wavelengths of its channels, its sizes, and its spot."""
        scene = field.scene if field.as_sent else self.with_channels(field.scene)
        several = f", {self.acquisition_name(acquisition)}" if len(self.acquisitions) > 1 else ""
        own = [self.channels[member.channel] for member in scene.members]
        sizes = {
            "y": only({one.pixel_y_um for one in own} - {None}),
            "x": only({one.pixel_x_um for one in own} - {None}),
        }
        if scene.shape[2] > 1 and not field.as_sent:
            sizes["z"] = self.z_step_um
        scene = replace(
            scene,
            name=f"{well.name} field {scene.facts.get('field', '1')}{several}",
            physical_um={**scene.physical_um, **{axis: size for axis, size in sizes.items() if size is not None}},
            spot=Spot(row_letters(well.row), f"{well.column:02d}", acquisition),
        )
        return replace(field, scene=self.sized(scene))

    def with_channels(self, scene: Scene) -> Scene:
        """Return a scene with what is known of its channels; those of colour images have several samples each."""
        words = list(dict.fromkeys(member.channel for member in scene.members))
        own = [self.channels[word] for word in words for _ in range(scene.samples)]
        parts = SAMPLE_NAMES.get(scene.samples, tuple(f" {number}" for number in range(scene.samples)))
        colours = [one.colour or colour_of(one.name, word) for one, word in zip(own, words, strict=False)]
        return replace(
            scene,
            channel_names=tuple(f"{self.channels[word].name}{part}" for word in words for part in parts),
            channel_targets=tuple(one.name for one in own),
            colours=tuple(colours) if scene.samples == 1 else scene.colours,
            excitation_nm=tuple(one.excitation_nm for one in own),
            emission_nm=tuple(one.emission_nm for one in own),
        )

    def step_of(self, places: Sequence[Place]) -> float | None:
        """Return the distance of planes in micrometres; None where there is one plane, or steps differ."""
        stacks: dict[tuple[object, ...], dict[int, float]] = {}
        for place in places:
            told, own = self.planes[place.image.name], place.image.scene.stage_z_um
            height = self.index.z_um.get(place.image.name, own)
            if told.z is not None and height is not None:
                stacks.setdefault((told.well, told.field, told.channel, told.t), {})[told.z] = height
        steps = [(stack[z] - stack[z - 1]) for stack in stacks.values() for z in stack if z - 1 in stack]
        if not steps:
            return None
        step = statistics.median(steps)
        if not step or any(abs(own - step) > abs(step) * STEP_TOLERANCE for own in steps):
            return None
        return abs(round(step, HEIGHT_DIGITS))

    # --- what is there and what is not ---------------------------------------------------------------------------

    def acquisition_of(self, place: Place) -> int:
        """Return the number of the acquisition that an image is part of."""
        projected = place.reading.z is None
        return next(
            number
            for number, (flat, channels, _) in enumerate(self.acquisitions)
            if flat == projected and place.channel in channels
        )

    def acquisition_name(self, number: int) -> str:
        """Return an acquisition in words: its channels and planes."""
        flat, channels, pattern = self.acquisitions[number]
        depth = len({z for _, z in pattern})
        planes = "single planes" if flat or depth == 1 else f"stacks of {depth}"
        return f"{planes}: {', '.join(self.channels[channel].name for channel in channels)}"

    def planes_of(self, group: Sequence[Place]) -> set[tuple[int, int]]:
        """Return the planes that each channel of a field must have: those of its acquisition."""
        return set(self.acquisitions[self.acquisition_of(group[0])][2])

    def note_missing_fields(self, groups: Iterable[tuple[int, Well, str]]) -> None:
        """Note wells, fields and time points that were meant to be taken, or that others have, and are not there."""
        missing = [f"{spot} (the microscope failed)" for spot in self.index.failed]
        there: dict[Well, set[str]] = {}
        for _, well, field in groups:
            there.setdefault(well, set()).add(field)
        missing += [f"well {well.name}" for well in sorted(self.index.wells - set(there))]
        every = set().union(*there.values())
        for well, fields in sorted(there.items()):
            missing += [f"field {field} of well {well.name}" for field in sorted(every - fields, key=natural)]
        if self.index.fields and len(every) < self.index.fields:
            missing.append(f"{self.index.fields - len(every)} of {self.index.fields} fields of each well")
        times = {t for _, _, pattern in self.acquisitions for t, _ in pattern}
        if self.index.times and len(times) < self.index.times:
            missing.append(f"{self.index.times - len(times)} of {self.index.times} time points")
        if missing:
            self.add(rules.PLATE_INCOMPLETE, "wells", f"no image of {listed_words(missing)}", len(missing))


def only(values: set[T]) -> T | None:
    """Return the one value of a set; None where there are several, or none."""
    return next(iter(values)) if len(values) == 1 else None


def acquisitions_of(places: Sequence[Place]) -> list[tuple[bool, tuple[str, ...], Pattern]]:
    """Return the acquisitions of a plate: whether planes have no number, channels, and planes (t, z) of each.

    The planes of a channel are all that it has anywhere on the plate. Stacks come first.
    """
    planes: dict[tuple[bool, str], set[tuple[int, int]]] = {}
    for place in places:
        planes.setdefault((place.reading.z is None, place.channel), set()).add(plane_of(place))
    together: dict[tuple[bool, Pattern], list[str]] = {}
    for (flat, channel), own in sorted(planes.items(), key=lambda item: (item[0][0], natural(item[0][1]))):
        together.setdefault((flat, frozenset(own)), []).append(channel)
    return [(flat, tuple(channels), pattern) for (flat, pattern), channels in together.items()]
