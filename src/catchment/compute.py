"""Where per-piece work runs: the only file that imports Dask.

`each(function, pieces)` yields results in the order of the pieces with a bounded number under way. A scheduler is
started only where there are enough pieces to pay for it; it lives in this process (threads) or below it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from distributed import Client

P = TypeVar("P")
R = TypeVar("R")

PIECES_WORTH_A_CLUSTER = 4
UNDER_WAY_PER_THREAD = 2


def available_threads() -> int:
    """Return the threads this step may use: `CATCHMENT_THREADS` (set from the rule), else our processors."""
    given = os.environ.get("CATCHMENT_THREADS", "")
    return int(given) if given.isdecimal() and int(given) > 0 else len(os.sched_getaffinity(0))


@contextlib.contextmanager
def cluster(threads: int, processes: bool = False) -> Iterator[Client]:
    """Yield a Dask client over threads of this process, or as many processes; nothing is left behind."""
    import dask
    from distributed import Client

    # its own setting of this is read when it is imported, which may have been before
    logging.getLogger("distributed").setLevel(logging.WARNING)
    settings = {
        "distributed.worker.daemon": False,
        # pieces stay in this process: no network carries them
        "distributed.admin.large-graph-warning-threshold": "1TB",
    }
    with dask.config.set(settings):
        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
            # in a confined process there is no network to have an address in, and none is needed
            client = Client(
                processes=processes,
                n_workers=threads if processes else 1,
                threads_per_worker=1 if processes else threads,
                # without an address it takes port 8787 and warns where another run has it
                dashboard_address="127.0.0.1:0",
                memory_limit=0,
            )
        with client:
            yield client


def each(
    function: Callable[[P], R], pieces: Iterable[P], threads: int | None = None, processes: bool = False
) -> Iterator[R]:
    """Yield `function(piece)` for each piece, in order; at most two pieces a thread are under way or waiting.

    `processes`: as many processes of one thread each, for libraries that threads of one process crash; function and
    pieces then travel as pickles. The function must be safe to run twice for a piece: a lost worker's piece is run
    again.
    """
    threads = available_threads() if threads is None else threads
    remaining = iter(pieces)
    first = list(islice(remaining, PIECES_WORTH_A_CLUSTER))
    pieces = chain(first, remaining)
    if threads < 2 or len(first) < PIECES_WORTH_A_CLUSTER:
        yield from map(function, pieces)
        return
    with cluster(threads, processes) as client:
        under_way: deque[Any] = deque()
        for piece in pieces:
            under_way.append(client.submit(function, piece, pure=False))
            if len(under_way) >= threads * UNDER_WAY_PER_THREAD:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
