"""What an interrupted conversion leaves for the next one: a note for each slab whose files are written and compared.

A note is taken at its word only where every file it names has the checksum that it was written with.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from catchment.imaging.digests import Band
from catchment.imaging.intensities import BINS, Tally
from catchment.imaging.layout import Slab
from catchment.imaging.planes import PlaneCounts, Sharpness
from catchment.imaging.shards import checksum

Json = dict[str, Any]
CREATED = "created"


@dataclass(frozen=True)
class Written:
    """What is known of a slab that is written.

    `tallies`: of each channel of it, in the first pass. `planes`: of each plane, or of the part of it that the slab
    has. `bands`: digests of level 0 where the slab has whole planes. `files`: checksum of each file, by its path below
    the image. `differing`: files and tiles that are not as they were written.
    """

    tallies: tuple[Tally, ...]
    planes: tuple[PlaneCounts, ...]
    bands: dict[Band, str]
    files: dict[str, str]
    differing: tuple[str, ...]


@dataclass(frozen=True)
class Progress:
    """The notes of one image: where they lie, and the image they are about."""

    folder: Path
    image: Path

    def begin(self) -> bool:
        """Tell whether the image has to be created; what a run left that did not come so far is removed."""
        if (self.folder / CREATED).exists():
            for left in self.image.glob("*.partial"):
                left.unlink()
            return False
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.image, ignore_errors=True)
        return True

    def created(self) -> None:
        """Note that the arrays are there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / CREATED).touch()

    def finished(self, slab: Slab) -> Written | None:
        """Return what an earlier run noted of a slab; None where there is no note, or a file is not as it says."""
        try:
            written = written_of(json.loads(self.note(slab).read_bytes()))
        except FileNotFoundError:
            return None
        if any(checksum(self.image / name) != expected for name, expected in written.files.items()):
            return None
        return written

    def keep(self, slab: Slab, written: Written) -> None:
        """Note that a slab is written, unless it is not as it should be."""
        if written.differing:
            return
        path = self.note(slab)
        scratch = path.with_suffix(".part")
        scratch.write_text(json.dumps(note_of(written)), encoding="utf-8")
        scratch.rename(path)

    def note(self, slab: Slab) -> Path:
        """Return where the note of a slab lies."""
        starts = "-".join(str(start) for start, _ in slab.bounds)
        return self.folder / f"{slab.first}-{slab.last}-{starts}.json"


def note_of(written: Written) -> Json:
    """Return JSON values that `written_of` turns back."""
    return {
        "tallies": [tally_note(tally) for tally in written.tallies],
        "planes": [
            {
                "place": plane.place,
                "row": plane.row,
                "tally": tally_note(plane.tally) if plane.tally else None,
                "sharpness": asdict(plane.sharpness),
                "grid": plane.grid,
            }
            for plane in written.planes
        ],
        "bands": [[*band, digest] for band, digest in written.bands.items()],
        "files": written.files,
    }


def written_of(note: Json) -> Written:
    """Return what a note says."""
    return Written(
        tallies=tuple(tally_of(one) for one in note["tallies"]),
        planes=tuple(
            PlaneCounts(
                (one["place"][0], one["place"][1], one["place"][2]),
                one["row"],
                tally_of(one["tally"]) if one["tally"] else None,
                Sharpness(**one["sharpness"]),
                tuple(one["grid"]) if one["grid"] else None,
            )
            for one in note["planes"]
        ),
        bands={(t, c, z, y): digest for t, c, z, y, digest in note["bands"]},
        files=note["files"],
        differing=(),
    )


def tally_note(tally: Tally) -> Json:
    """Return a tally as JSON values: the bins that hold anything."""
    bins = np.flatnonzero(tally.counts)
    return {**vars(tally), "counts": [bins.tolist(), tally.counts[bins].tolist()]}


def tally_of(note: Json) -> Tally:
    """Return the tally of a note."""
    counts = np.zeros(BINS, np.int64)
    bins, filled = note["counts"]
    counts[bins] = filled
    return Tally(**{**note, "counts": counts})
