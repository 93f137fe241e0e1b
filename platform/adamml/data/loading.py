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
"""Batches being read or ready, besides the one in use: one of the published recipe has 1.7 GB."""


def read_ahead(
    plan: Iterable[list[int]],
    read: Callable[[int], T],
    join: Callable[[list[T]], B],
    *,
    threads: int,
    ahead: int = AHEAD,
) -> Iterator[B]:
    """join([read(row) for row in rows]) for each rows of the plan, in its order.

    FFmpeg and torch let other threads run while they work, so the rows of a batch are read side by
    side. The threads end with the iterator, also where it is closed or dropped half-way.

    Raises:
        What read or join raises, in place of the batch it happened in.
    """
    own = torch.get_num_threads()  # asked before others set theirs, or theirs became this one's
    pool = ThreadPoolExecutor(threads, "adamml-read", initializer=_compute_alone)
    remaining, begun = iter(plan), deque[Future[B]]()

    def begin(count: int) -> None:
        for rows in islice(remaining, count):
            items = [pool.submit(read, row) for row in rows]
            # Behind its items in the queue: when a thread takes it, others have all of them.
            begun.append(pool.submit(lambda found: join([f.result() for f in found]), items))

    try:
        begin(ahead)
        while begun:
            batch = begun.popleft().result()
            begin(1)
            yield batch
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(own)  # also what threads begin with that are started later


def _compute_alone() -> None:
    """Each of these threads would else bring a team of torch's own."""
    torch.set_num_threads(1)
