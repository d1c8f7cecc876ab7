"""Fragments in the order of the genome, whatever order they came in, with memory that does not grow with the file.

They are parted into stretches of the genome on disk, and each stretch is sorted by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

STRETCH_BITS = 24  # 17 million bases: some 200 stretches of a human genome
# what is kept of a fragment: its cell as the rank of its name, the number of the line that it came from
KEPT = np.dtype([("start", "<i4"), ("stop", "<i4"), ("cell", "<u4"), ("reads", "<i8"), ("line", "<i8")])
ORDER = ("start", "stop", "cell", "reads")

Kept = npt.NDArray[Any]


class Stretches:
    """Fragments on disk, parted by where they start. `names` are the chromosomes in the order they are written."""

    def __init__(self, folder: Path, lengths: Mapping[str, int]) -> None:
        self.folder = folder
        self.names: Sequence[str] = sorted(lengths)
        sizes = [(lengths[name] >> STRETCH_BITS) + 1 for name in self.names]
        self.firsts = np.concatenate([[0], np.cumsum(sizes)])

    def add(self, chromosome: npt.NDArray[np.int64], fragments: Kept) -> None:
        """Put fragments where they belong; `chromosome` is the place of each one's in `names`."""
        stretch = self.firsts[chromosome] + (fragments["start"] >> STRETCH_BITS)
        order = np.argsort(stretch, kind="stable")
        found, places = np.unique(stretch[order], return_index=True)
        for number, part in zip(found, np.split(fragments[order], places[1:]), strict=False):
            with (self.folder / f"{number:05d}").open("ab") as file:
                part.tofile(file)

    def ordered(self) -> Iterator[tuple[str, Kept]]:
        """Yield the chromosome and the sorted fragments of each stretch that has any, along the genome."""
        for number, name in enumerate(self.names):
            for stretch in range(self.firsts[number], self.firsts[number + 1]):
                path = self.folder / f"{stretch:05d}"
                if path.exists():
                    found = np.fromfile(path, KEPT)
                    yield name, found[np.lexsort([found["line"], *(found[column] for column in reversed(ORDER))])]


def repeats(fragments: Kept) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the lines of sorted fragments that repeat the one before them, and the line that each repeats."""
    again = np.ones(max(len(fragments) - 1, 0), bool)
    for column in ORDER:
        again &= fragments[column][1:] == fragments[column][:-1]
    places = np.flatnonzero(again)
    return fragments["line"][places + 1], fragments["line"][places]
