"""File locks between the processes of a node; the kernel drops them when their process dies."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold path exclusively. Yields False, at once and without the lock, where wait is off and another holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True


def hold_shared(path: Path) -> IO[bytes]:
    """Hold path together with other readers until the returned file is closed (or its process ends)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("ab")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file
