"""Drawing many pictures in several processes."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

Drawn = TypeVar("Drawn")

_CHUNK = 16


def in_order(draw: Callable[[int], Drawn], count: int, workers: int) -> Iterator[Drawn]:
    """What ``draw`` gives for 0 to ``count`` - 1, in that order.

    Args:
        draw: can be pickled where there is more than one worker.
        count: how many.
        workers: processes; they change nothing but the time. For few pictures one will do.
    """
    if workers == 1 or count < 2 * _CHUNK:
        yield from map(draw, range(count))
        return
    # Started afresh, not forked: a fork of a program with threads may wait for one it lacks.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_ignore_interrupts) as pool:
        yield from pool.map(draw, range(count), chunksize=_CHUNK)


def _ignore_interrupts() -> None:
    """Ctrl-C reaches every process of a terminal; the one that gave the work ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
