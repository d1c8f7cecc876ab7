"""The resolution levels of an image: shapes, and halving in y and x. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[Any]

SMALLEST_LEVEL_PX = 256
PAIRS: dict[np.dtype[Any], np.dtype[Any]] = {
    np.dtype(np.uint8): np.dtype(np.uint16),
    np.dtype(np.uint16): np.dtype(np.uint32),
}
CACHED_BYTES = 1 << 19  # rows worked on at a time: what is between two operations stays in a processor's cache


def halved(size: int) -> int:
    """Return half of a size, rounded up: a last odd row or column is kept, as the mean of what is there."""
    return (size + 1) // 2


def level_shapes(shape: tuple[int, ...], smallest_px: int = SMALLEST_LEVEL_PX) -> list[tuple[int, ...]]:
    """Return the shape of every level, level 0 first; y and x are last and the only axes that shrink.

    Levels are added until the longer edge is no longer than `smallest_px`.
    """
    shapes = [tuple(shape)]
    while max(shapes[-1][-2:]) > smallest_px:
        *rest, y, x = shapes[-1]
        shapes.append((*rest, halved(y), halved(x)))
    return shapes


def halve(pixels: Pixels) -> Pixels:
    """Return the means of 2x2 blocks over the last two axes (y, x), in the same dtype.

    Integers are exact: the sum of four, rounded to nearest, halves up. Floats are the mean in float32 or wider; a NaN
    in a block makes the block NaN. The last block of an odd edge is the mean of the pixels that exist.
    """
    even = with_even_edges(pixels)
    if pixels.dtype in PAIRS:
        return mean_of_pairs(even)
    top_left, top_right = even[..., 0::2, 0::2], even[..., 0::2, 1::2]
    low_left, low_right = even[..., 1::2, 0::2], even[..., 1::2, 1::2]
    if pixels.dtype.kind == "f":
        return mean_of_floats(top_left, top_right, low_left, low_right)
    if pixels.dtype.itemsize == 8:
        return mean_of_wide_integers(top_left, top_right, low_left, low_right)
    wide = np.add(top_left, top_right, dtype=np.int64 if pixels.dtype.itemsize == 4 else np.int32)
    wide += low_left
    wide += low_right
    wide += 2
    wide >>= 2
    return wide.astype(pixels.dtype)


def mean_of_pairs(pixels: Pixels) -> Pixels:
    """Return the rounded means of 2x2 blocks of 8 or 16 bits, even in y and x: two neighbours are one word of twice the
    width, so that every operation runs over memory as it lies. Twice as fast as picking every other pixel.
    """
    word, bits = PAIRS[pixels.dtype], pixels.dtype.itemsize * 8
    planes = np.ascontiguousarray(pixels).view(word).reshape(-1, pixels.shape[-2], pixels.shape[-1] // 2)
    means = np.empty((planes.shape[0], planes.shape[1] // 2, planes.shape[2]), pixels.dtype)
    height = max(2, CACHED_BYTES // (planes.itemsize * max(1, planes.shape[2])) // 2 * 2)
    low = word.type((1 << bits) - 1)
    for plane, mean in zip(planes, means, strict=True):
        for row in range(0, plane.shape[0], height):
            strip = plane[row : row + height]
            sums = strip & low
            sums += strip >> bits
            total = sums[0::2] + sums[1::2]
            total += 2
            total >>= 2
            mean[row // 2 : (row + height) // 2] = total
    return means.reshape(*pixels.shape[:-2], *means.shape[1:])


def with_even_edges(pixels: Pixels) -> Pixels:
    """Return the array with an odd last row or column repeated: a 2x2 mean over it is then that of what exists."""
    odd_y, odd_x = pixels.shape[-2] % 2, pixels.shape[-1] % 2
    if not (odd_y or odd_x):
        return pixels
    return np.pad(pixels, [(0, 0)] * (pixels.ndim - 2) + [(0, odd_y), (0, odd_x)], mode="edge")


def mean_of_floats(*corners: Pixels) -> Pixels:
    """Return the mean of four equal arrays of floats; each is quartered first, so that no sum overflows."""
    dtype = corners[0].dtype
    total = corners[0].astype(np.promote_types(dtype, np.float32))
    total *= 0.25
    for corner in corners[1:]:
        total += corner * total.dtype.type(0.25)
    return total.astype(dtype)


def mean_of_wide_integers(*corners: Pixels) -> Pixels:
    """Return the rounded mean of four arrays of 64-bit integers within 64 bits: quotients and remainders apart."""
    quotient = sum((corner >> 2 for corner in corners[1:]), corners[0] >> 2)
    remainder = sum((corner & 3 for corner in corners[1:]), corners[0] & 3)
    mean: Pixels = quotient + ((remainder + 2) >> 2)
    return mean
