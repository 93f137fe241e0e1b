"""Threads that read the next batches while the caller computes on this one."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import torch

T = TypeVar("T")
B = TypeVar("B")
AHEAD = 2
"""Number of batches that are being read or ready, besides the one in use. A batch of the published
recipe has 1.7 GB."""


def read_ahead(
    plan: Iterable[list[int]],
    read: Callable[[int], T],
    join: Callable[[list[T]], B],
    *,
    threads: int,
    ahead: int = AHEAD,
) -> Iterator[B]:
    """Yield join([read(row) for row in rows]) for the rows of each batch of a plan, in its order.

    FFmpeg and torch let other threads run while they work, so the rows of a batch are read side by
    side. The threads end with the iterator, also if it is closed or dropped half-way.

    Args:
        plan: the rows of each batch.
        read: reads one row; called in several threads at once.
        join: makes a batch of its items; called in one of the threads.
        threads: number of threads.
        ahead: number of batches to begin before the first is asked for.

    Raises:
        Exception: any exception of read or join, at the place of the batch it happened in.
    """
    # Read before the pool starts: torch's number of threads is also what new threads begin with,
    # so _compute_alone changes it for threads that are started later.
    torch_threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, "adamml-read", initializer=_compute_alone)
    remaining, begun = iter(plan), deque[Future[B]]()

    def begin(count: int) -> None:
        for rows in islice(remaining, count):
            items = [pool.submit(read, row) for row in rows]
            # The join stands behind its items in the queue. When a thread takes it, other threads
            # have taken all of the items, so waiting for them here cannot block for ever.
            begun.append(pool.submit(lambda parts: join([p.result() for p in parts]), items))

    try:
        begin(ahead)
        while begun:
            batch = begun.popleft().result()
            begin(1)
            yield batch
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(torch_threads)


def _compute_alone() -> None:
    """Give this thread no torch threads of its own: each would bring as many as there are cores."""
    torch.set_num_threads(1)
