"""Slabs cover every level once, on shard bounds: no two writers meet, no shard is written twice."""

from __future__ import annotations

import itertools
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from catchment.imaging.layout import cut_levels, passes, shard_edge

SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 9), st.integers(1, 1500), st.integers(1, 1500))


def test_a_microscope_stack_is_cut_as_configured() -> None:
    level = cut_levels((1, 3, 12, 4096, 5000), 1024, 2048, 8)[0]
    assert (level.chunks, level.shards) == ((1, 1, 1, 1024, 1024), (1, 1, 8, 2048, 2048))
    assert level.shard_count == 3 * 2 * 2 * 3


def test_a_long_movie_of_small_planes_is_one_shard() -> None:
    level = cut_levels((1000, 1, 1, 30, 40), 1024, 2048, 8)[0]
    assert (level.chunks, level.shards, level.shard_count) == ((1, 1, 1, 30, 40), (1000, 1, 1, 30, 40), 1)


def test_channels_may_share_their_shards() -> None:
    levels = cut_levels((1, 4, 1, 2048, 2048), 1024, 2048, 8, shard_c=4)
    assert [level.shard_count for level in levels] == [1, 1, 1, 1]
    assert levels[0].shards == (1, 4, 1, 2048, 2048)
    assert {slab.bounds[1] for slab in next(passes(0, levels, 1, 1, 2048))} == {(0, 4)}


def test_a_shard_is_whole_chunks() -> None:
    assert shard_edge(1000, 2048) == 2000
    assert shard_edge(4096, 2048) == 4096


@given(SHAPES, st.sampled_from([16, 100, 256]), st.sampled_from([16, 250, 512]), st.integers(1, 4))
def test_shards_hold_whole_chunks_on_every_level(shape: tuple, chunk: int, shard: int, shard_z: int) -> None:
    for level in cut_levels(shape, chunk, shard, shard_z):
        assert all(shard % chunk == 0 for shard, chunk in zip(level.shards, level.chunks, strict=True))
        assert all(chunk <= size for chunk, size in zip(level.chunks, level.shape, strict=True))


@given(
    SHAPES,
    st.sampled_from([16, 100]),
    st.sampled_from([250, 512]),
    st.integers(1, 4),
    st.sampled_from([0, 20]),
    st.sampled_from([1, 9]),
)
def test_every_shard_of_every_level_is_written_exactly_once(
    shape: tuple, chunk: int, shard: int, shard_z: int, room_bits: int, shard_c: int
) -> None:
    levels = cut_levels(shape, chunk, shard, shard_z, shard_c)
    edge = shard_edge(chunk, shard)
    written: Counter = Counter()
    done = -1
    for slabs in passes(0, levels, 2, 1, edge, tile_bytes=1 << room_bits):
        assert slabs[0].base <= max(done, 0)
        for slab in slabs:
            for number in range(slab.first, slab.last + 1):
                level = levels[number]
                spans = []
                for part, size, step in zip(slab.at(number, level.shape), level.shape, level.shards, strict=True):
                    assert part.start % step == 0
                    assert part.stop == size or part.stop % step == 0
                    spans.append(range(part.start // step, -(-part.stop // step)))
                written.update((number, *place) for place in itertools.product(*spans))
        done = slabs[0].last
    assert set(written.values()) == {1}
    assert len(written) == sum(level.shard_count for level in levels)


def test_a_plane_too_large_for_a_slab_is_tiled_and_coarse_levels_come_in_further_passes() -> None:
    levels = cut_levels((1, 1, 1, 20_000, 30_000), 1024, 2048, 8)
    plan = list(passes(0, levels, 2, 1, 2048, tile_bytes=1 << 26))
    assert len(plan) > 1
    assert [slabs[0].first for slabs in plan[1:]] == [slabs[0].last + 1 for slabs in plan[:-1]]
    assert plan[-1][0].last == len(levels) - 1
    for slab in plan[0]:
        (y0, y1), (x0, x1) = slab.bounds[3:]
        assert (y1 - y0) * (x1 - x0) * 2 <= 1 << 26


def test_samples_that_are_stored_together_are_read_together() -> None:
    levels = cut_levels((1, 6, 1, 50, 50), 16, 32, 1)
    first = next(passes(0, levels, 1, 3, 32))
    assert {slab.bounds[1] for slab in first} == {(0, 3), (3, 6)}
