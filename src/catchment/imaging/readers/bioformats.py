"""Formats that only Bio-Formats reads: whose companion files must be there, and which pictures are left out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from catchment.imaging.ets_layout import EtsLayout, walk_ets
from catchment.imaging.readers import Source, UnreadableImage
from catchment.imaging.readers.streamed import StreamedReader
from catchment.imaging.readers.trust import Trusted
from catchment.imaging.rules import FRAMES_MISSING, GAPS, PIXELS_MISSING, SLIDE_PICTURES
from catchment.imaging.slides import is_picture
from catchment.schema.records import Finding

FRAMES = ".ets"


class BioformatsReader(StreamedReader):
    """An image file that Bio-Formats has open."""

    def __init__(self, source: Source, trusted: Trusted) -> None:
        if trusted.format == "vsi" and not any(name.lower().endswith(FRAMES) for name, _ in source.companions):
            found = "a VSI alone: in it are only pictures of the slide and its label"
            raise UnreadableImage(FRAMES_MISSING.broken(source.name, found))
        super().__init__(source, trusted)

    def _open(self, trusted: Trusted) -> None:
        """Open the file, without the pictures of a slide."""
        super()._open(trusted)
        kept = [number for number, scene in enumerate(self.scenes) if not is_picture(scene.name)]
        pictures = self.pictures + len(self.scenes) - len(kept)
        self.scenes = tuple(self.scenes[number] for number in kept)
        self.told = tuple(self.told[number] for number in kept)
        self._numbers = [self._numbers[number] for number in kept]
        findings = self._faults(trusted)
        if not kept:
            found = "no image but pictures of the slide and its label"
            raise UnreadableImage(FRAMES_MISSING.broken(self.source.name, found))
        if pictures:
            findings.append(SLIDE_PICTURES.broken(self.source.name, "pictures of the slide", count=pictures))
        self.container = dataclasses.replace(self.container, findings=tuple(findings))

    def _faults(self, trusted: Trusted) -> list[Finding]:
        """Return what is wrong with the frames of a VSI, but does not keep it from being read.

        Raises
        ------
        UnreadableImage
            Where the tiles are not those of the images: what is missing would be read as 0.
        """
        if trusted.format != "vsi":
            return []
        layouts = frames_of(self.source)
        findings = []
        for number, scene in enumerate(self.scenes):
            where, (height, width) = f"{self.source.name}: image {number}", scene.shape[3:]
            own = next((layout for layout in layouts if layout.holds(height, width)), None)
            if own is None:
                found = f"{height:,} x {width:,} pixels, and no .ets file with tiles for these"
                raise UnreadableImage(PIXELS_MISSING.broken(where, found))
            if own.missing:
                findings.append(GAPS.broken(where, f"{own.missing:,} tiles were never stored, and are 0 here"))
        return findings


def frames_of(source: Source) -> list[EtsLayout]:
    """Return the layout of each of a slide's `.ets` files; raises `UnreadableImage` where one is damaged."""
    layouts = []
    for name, path in source.companions:
        if name.lower().endswith(FRAMES):
            with Path(path).open("rb") as file:
                layout = walk_ets(file, name)
            if isinstance(layout, Finding):
                raise UnreadableImage(layout)
            layouts.append(layout)
    return layouts
