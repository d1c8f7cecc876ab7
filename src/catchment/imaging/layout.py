"""How an image is cut: chunks and shards of every level, and the slabs that workers take on. Pure.

A slab is aligned to shards on every level it writes, so each shard is written exactly once, by one worker. It is read
once, a batch of planes at a time; its coarser levels come from memory. Where a plane is too large for that, slabs tile
it, write the levels that their size reaches, and a further pass makes the coarser ones from the last level written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from catchment.imaging.axes import Slices
from catchment.imaging.pyramid import level_shapes

Shape5 = tuple[int, int, int, int, int]

# the largest piece of a plane that a worker holds, all channels that are stored together
TILE_BYTES = 1 << 26
# so many bytes of small planes are read at once
BATCH_BYTES = 1 << 24


@dataclass(frozen=True)
class Level:
    """One resolution level, t, c, z, y, x each."""

    shape: Shape5
    chunks: Shape5
    shards: Shape5

    @property
    def shard_count(self) -> int:
        """Return how many shards cover the level."""
        count = 1
        for size, shard in zip(self.shape, self.shards, strict=True):
            count *= -(-size // shard)
        return count

    @property
    def chunk_count(self) -> int:
        """Return how many chunks cover the level."""
        count = 1
        for size, chunk in zip(self.shape, self.chunks, strict=True):
            count *= -(-size // chunk)
        return count


@dataclass(frozen=True)
class Slab:
    """One worker's piece: bounds (start, stop) of t, c, z, y, x at level `base`, and the levels to write from it.

    `first` is `base` in the pass that reads the source, `base + 1` in those that read a level written before.
    """

    scene: int
    base: int
    first: int
    last: int
    bounds: tuple[tuple[int, int], ...]

    def at(self, level: int, shape: Shape5) -> Slices:
        """Return the slab's region at a level of the given shape."""
        return self.part_at(level, shape, *(slice(start, stop) for start, stop in self.bounds[:3]))

    def part_at(self, level: int, shape: Shape5, t: slice, c: slice, z: slice) -> Slices:
        """Return the region, at a level of the given shape, of some planes of the slab."""
        shift = level - self.base
        y, x = (
            slice(start >> shift, min(-(-stop >> shift), size))
            for (start, stop), size in zip(self.bounds[3:], shape[3:], strict=True)
        )
        return t, c, z, y, x

    def batches(self, itemsize: int, batch_bytes: int = BATCH_BYTES) -> Iterator[tuple[slice, slice, slice]]:
        """Yield t, c, z of the planes to hold at a time: all channels, and as many planes as come to `batch_bytes`."""
        (t0, t1), (c0, c1), (z0, z1), (y0, y1), (x0, x1) = self.bounds
        plane = itemsize * (c1 - c0) * (y1 - y0) * (x1 - x0)
        planes = max(1, batch_bytes // plane)
        z_step = min(planes, z1 - z0)
        t_step = max(1, planes // (z1 - z0))
        for t in range(t0, t1, t_step):
            for z in range(z0, z1, z_step):
                yield slice(t, min(t + t_step, t1)), slice(c0, c1), slice(z, min(z + z_step, z1))

    def holds_planes(self, shape: Shape5) -> bool:
        """Tell whether the planes of the slab are whole ones of an image (or level) of this shape."""
        return self.bounds[3:] == ((0, shape[3]), (0, shape[4]))


def cut_levels(shape: Shape5, chunk_yx: int, shard_yx: int, shard_z: int, shard_c: int = 1) -> tuple[Level, ...]:
    """Return every level with its chunks and shards.

    A chunk is one plane of at most `chunk_yx` in y and x. A shard holds whole chunks, `shard_z` planes in z, `shard_c`
    channels, and as many time points as keep it below `shard_z` full planes of pixels: a long movie of small planes is
    a few files.
    """
    edge = shard_edge(chunk_yx, shard_yx)
    shapes = level_shapes(shape)
    z = min(shard_z, shape[2])
    base = [cut(size, chunk_yx, edge) for size in shape[3:]]
    c = min(shard_c, shape[1])
    room = shard_z * edge * edge // (z * c * base[0][1] * base[1][1])
    t = max(1, min(shape[0], room))
    levels = []
    for level in shapes:
        (chunk_y, shard_y), (chunk_x, shard_x) = (cut(size, chunk_yx, edge) for size in level[3:])
        levels.append(Level(as5(level), (1, 1, 1, chunk_y, chunk_x), (t, c, z, shard_y, shard_x)))
    return tuple(levels)


def as5(shape: tuple[int, ...]) -> Shape5:
    """Return a shape as one of five axes."""
    t, c, z, y, x = shape
    return t, c, z, y, x


def shard_edge(chunk_yx: int, shard_yx: int) -> int:
    """Return the edge of a full shard: whole chunks, at least one."""
    return chunk_yx * max(1, shard_yx // chunk_yx)


def cut(size: int, chunk: int, edge: int) -> tuple[int, int]:
    """Return chunk and shard edge along an axis; a level that is smaller than a shard is one shard."""
    own = min(chunk, size)
    return own, min(edge, own * -(-size // own))


def passes(
    scene: int, levels: tuple[Level, ...], itemsize: int, samples: int, edge: int, tile_bytes: int = TILE_BYTES
) -> Iterator[list[Slab]]:
    """Yield the slabs of each pass over a scene; a pass may begin when the one before it has ended.

    `samples` channels are read together in the first pass, because they are stored together; those of one shard in
    every pass. Where a shard has several channels, they are whole pixels.
    """
    shard_c = levels[0].shards[1]
    base, first, together = 0, 0, max(samples, shard_c)
    while first < len(levels):
        reach = max(reach_of_slab(levels[base].shape, together * itemsize, edge, tile_bytes), first - base)
        last = min(base + reach, len(levels) - 1)
        yield list(slabs_of(scene, levels, base, first, last, together, edge << reach))
        base, first, together = last, last + 1, shard_c


def reach_of_slab(shape: Shape5, pixel_bytes: int, edge: int, tile_bytes: int) -> int:
    """Return how many levels above its base a slab can write: its edge is that of a shard times 2 to this power."""
    reach, longest = 0, max(shape[3:])
    while edge << reach < longest:
        y, x = (min(edge << reach + 1, size) for size in shape[3:])
        if pixel_bytes * y * x > tile_bytes:
            return reach
        reach += 1
    return 64  # the whole plane: every level comes from it


def slabs_of(
    scene: int, levels: tuple[Level, ...], base: int, first: int, last: int, together: int, edge: int
) -> Iterator[Slab]:
    """Yield the slabs that cover a level, in order of t, c, z, y, x."""
    shape, shards = levels[base].shape, levels[base].shards
    steps = (shards[0], together, shards[2], edge, edge)
    spans = [
        [(start, min(start + step, size)) for start in range(0, size, step)]
        for size, step in zip(shape, steps, strict=True)
    ]
    for t in spans[0]:
        for c in spans[1]:
            for z in spans[2]:
                for y in spans[3]:
                    for x in spans[4]:
                        yield Slab(scene, base, first, last, (t, c, z, y, x))
