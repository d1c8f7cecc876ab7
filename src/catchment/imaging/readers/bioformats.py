"""Formats that only Bio-Formats reads: whose companion files must be there, and which pictures are left out."""

from __future__ import annotations

import dataclasses

from catchment.imaging.readers import Source, UnreadableImage
from catchment.imaging.readers.streamed import StreamedReader
from catchment.imaging.readers.trust import Trusted
from catchment.imaging.rules import FRAMES_MISSING, SLIDE_PICTURES
from catchment.imaging.slides import is_picture

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
        if not kept:
            found = "no image but pictures of the slide and its label"
            raise UnreadableImage(FRAMES_MISSING.broken(self.source.name, found))
        if pictures:
            finding = SLIDE_PICTURES.broken(self.source.name, "pictures of the slide", count=pictures)
            self.container = dataclasses.replace(self.container, findings=(finding,))
