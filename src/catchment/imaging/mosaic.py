"""Tiles of a mosaic: the rectangle they span, what they leave open, and painting them in turn. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

# more crossings of edges than this are no mosaic that a microscope recorded
MAX_CROSSINGS = 100_000_000


@dataclass(frozen=True)
class Rectangle:
    """First row and column, height and width, in pixels."""

    y: int
    x: int
    height: int
    width: int

    @property
    def area(self) -> int:
        """Return how many pixels it has."""
        return self.height * self.width


def span(parts: Iterable[Rectangle]) -> Rectangle:
    """Return the smallest rectangle around others."""
    every = list(parts)
    y, x = min(part.y for part in every), min(part.x for part in every)
    bottom, right = max(part.y + part.height for part in every), max(part.x + part.width for part in every)
    return Rectangle(y, x, bottom - y, right - x)


def open_pixels(parts: Sequence[Rectangle]) -> int | None:
    """Return how many pixels of their span no part covers; None where there are too many edges to tell."""
    whole = span(parts)
    rows = np.unique([edge for part in parts for edge in (part.y, part.y + part.height)])
    columns = np.unique([edge for part in parts for edge in (part.x, part.x + part.width)])
    if rows.size * columns.size > MAX_CROSSINGS:
        return None
    covered = np.zeros((rows.size - 1, columns.size - 1), bool)
    for part in parts:
        top, bottom = np.searchsorted(rows, (part.y, part.y + part.height))
        left, right = np.searchsorted(columns, (part.x, part.x + part.width))
        covered[top:bottom, left:right] = True
    areas = np.diff(rows)[:, np.newaxis] * np.diff(columns)
    return whole.area - int(areas[covered].sum())


def overlap(part: Rectangle, other: Rectangle) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
    """Return where two rectangles meet, as rows and columns of the one and of the other; None where they do not."""
    top, left = max(part.y, other.y), max(part.x, other.x)
    bottom = min(part.y + part.height, other.y + other.height)
    right = min(part.x + part.width, other.x + other.width)
    if top >= bottom or left >= right:
        return None
    return (
        (slice(top - part.y, bottom - part.y), slice(left - part.x, right - part.x)),
        (slice(top - other.y, bottom - other.y), slice(left - other.x, right - other.x)),
    )
