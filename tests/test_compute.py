"""Pieces come back in order, few are under way at a time, and nothing stays behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catchment import compute
from catchment.compute import UNDER_WAY_PER_THREAD, available_threads, each
from catchment.isolation import Limits, call

from .isolation_functions import squares_of

THREADS = 2
ROOM = THREADS * UNDER_WAY_PER_THREAD


def square(number: int) -> int:
    return number * number


def slow_first(number: int) -> int:
    time.sleep(0.1 if number == 0 else 0)
    return number


def own_thread(_: int) -> int:
    time.sleep(0.05)
    return threading.get_ident()


def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "cluster", lambda threads: pytest.fail(f"a cluster of {threads} threads was started"))


def test_results_come_in_the_order_of_the_pieces() -> None:
    assert list(each(slow_first, range(20), THREADS)) == list(range(20))


def test_no_pieces_are_no_results(monkeypatch: pytest.MonkeyPatch) -> None:
    no_cluster(monkeypatch)
    assert list(each(square, [], THREADS)) == []


def test_one_thread_or_few_pieces_start_no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    no_cluster(monkeypatch)
    assert list(each(square, range(10), 1)) == [n * n for n in range(10)]
    assert list(each(square, range(3), THREADS)) == [0, 1, 4]


def test_one_thread_takes_a_piece_only_when_the_last_is_done() -> None:
    taken: list[int] = []

    def pieces() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    results = each(square, pieces(), 1)
    next(results)
    assert len(taken) <= compute.PIECES_WORTH_A_CLUSTER
    results.close()  # type: ignore[attr-defined]


def test_few_pieces_are_under_way_and_a_generator_is_not_drained_ahead() -> None:
    taken = 0

    def pieces() -> Iterator[int]:
        nonlocal taken
        for number in range(200):
            taken += 1
            yield number

    ahead = []
    for given, _ in enumerate(each(square, pieces(), THREADS)):
        ahead.append(taken - given)
    assert len(ahead) == 200
    assert max(ahead) <= max(ROOM, compute.PIECES_WORTH_A_CLUSTER)


def test_pieces_run_side_by_side() -> None:
    assert len(set(each(own_thread, range(8), THREADS))) == THREADS


def test_the_exception_of_a_piece_is_raised_and_nothing_stays_behind() -> None:
    before = set(threading.enumerate())
    ran: list[int] = []

    def fail_at_five(number: int) -> int:
        ran.append(number)
        if number == 5:
            raise ValueError("piece 5 is damaged")
        return number

    seen = []
    with pytest.raises(ValueError, match="piece 5 is damaged"):
        for number in each(fail_at_five, range(1_000), THREADS):
            seen.append(number)
    assert seen == [0, 1, 2, 3, 4]
    assert len(ran) <= 5 + ROOM + 1
    workers = [t for t in set(threading.enumerate()) - before if t.name.startswith("Dask-Default-Threads")]
    assert workers == []


def test_stopping_early_leaves_nothing_behind() -> None:
    results = each(square, range(1_000), THREADS)
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]
    assert [t for t in threading.enumerate() if t.name.startswith("Dask-Default-Threads")] == []


@pytest.mark.parametrize(
    "piece", [(square, 3), ("sum", [1]), "square-1", {"a": (square, 2)}, [(len, "abc")], None, slice(0, 3)]
)
def test_a_piece_reaches_the_function_as_it_is(piece: Any) -> None:
    assert list(each(lambda value: value, [piece] * 4, THREADS)) == [piece] * 4


def test_a_large_piece_passes_without_a_warning() -> None:
    block = np.zeros(3_000_000)
    assert list(each(lambda value: value.nbytes, [block] * 4, THREADS)) == [block.nbytes] * 4


def test_threads_are_those_of_the_rule_else_our_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATCHMENT_THREADS", "7")
    assert available_threads() == 7
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2})
    for nonsense in ("", "0", "-1", "many", "²"):
        monkeypatch.setenv("CATCHMENT_THREADS", nonsense)
        assert available_threads() == 3
    monkeypatch.delenv("CATCHMENT_THREADS")
    assert available_threads() == 3


def test_the_threads_of_the_rule_are_the_threads_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATCHMENT_THREADS", "1")
    no_cluster(monkeypatch)
    assert list(each(square, range(6))) == [0, 1, 4, 9, 16, 25]


def test_pieces_are_computed_in_a_confined_child_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    squares = call(squares_of, tuple(range(6)), THREADS, limits=Limits(wall_seconds=60))
    assert squares == [0, 1, 4, 9, 16, 25]
