"""A part of a run that is an mzML document by itself: its header, some of its spectra, and what stands around them."""

from __future__ import annotations

import bisect
from itertools import pairwise
from pathlib import Path

import numpy as np

from catchment.massspec.document import Document
from catchment.massspec.source import BLOCK_BYTES, open_source

FIRST, SPREAD = 20, 80
MAX_BYTES = 16 << 20


def excerpt(path: Path, document: Document) -> bytes:
    """Return the document without its index, with the first spectra, some from all over the run, and the last.

    As many as fit into 16 MB besides what stands around them; of chromatograms the same.
    """
    kept: list[bytes] = []
    ranges = ranges_of(document)
    at = 0
    with open_source(path) as source:
        while ranges and (block := source.read(BLOCK_BYTES)):
            while ranges and ranges[0][0] < at + len(block):
                first, end = ranges[0]
                kept.append(block[max(first - at, 0) : end - at])
                if end > at + len(block):
                    break
                ranges.pop(0)
            at += len(block)
    return b"".join(kept) + (b"</indexedmzML>" if document.wrapped else b"")


def ranges_of(document: Document) -> list[tuple[int, int]]:
    """Return the bytes to keep, in their order: all but the elements that are not looked at."""
    left_out: list[tuple[int, int]] = []
    for starts in document.starts.values():
        chosen = chosen_of(starts)
        # the end of the last one is not known; it is always kept, with what follows it
        left_out += [span for number, span in enumerate(pairwise(starts)) if number not in chosen]
    bounds = [0, *(byte for span in sorted(left_out) for byte in span), document.mzml_end]
    return [(first, end) for first, end in zip(bounds[::2], bounds[1::2], strict=True) if end > first]


def chosen_of(starts: list[int]) -> set[int]:
    """Return the numbers of the elements to look at: the first ones, and evenly spaced ones of the rest."""
    spread = np.linspace(FIRST, max(len(starts) - 1, FIRST), SPREAD).astype(int).tolist()
    wanted = sorted({*range(FIRST), *spread} & set(range(len(starts) - 1)))
    sizes = np.cumsum([starts[number + 1] - starts[number] for number in wanted], dtype=np.int64).tolist()
    return set(wanted[: bisect.bisect_right(sizes, MAX_BYTES)])
