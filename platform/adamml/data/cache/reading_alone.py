"""A video whose reading ended a process is read in a process of its own before anything else is.

FFmpeg is C, and what it does with some file nobody has tried may end the process that reads it. A
mark stands beside the shard while a video is read; who finds one later knows that its reader died
there, of the video or of something else, and lets a process that nobody needs find out which.
"""

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["ends_its_reader", "marked"]


@contextmanager
def marked(mark: Path) -> Iterator[bool]:
    """Keep a mark while a video is read; yields whether one stood there already."""
    stood = mark.exists()
    mark.touch()
    try:
        yield stood
    finally:
        mark.unlink(missing_ok=True)


def ends_its_reader(read: Callable[[], object], *, limit_s: float) -> str:
    """
    Args:
        read: one that can be pickled; what it raises is not of interest.
        limit_s: the longest it may take.

    Returns:
        What became of the process that called it; "" where that lived.
    """
    process = multiprocessing.get_context("spawn").Process(target=_try, args=(read,))
    process.start()
    process.join(limit_s)
    if process.exitcode is None:
        process.kill()
        process.join()
        return f"reading it takes longer than {limit_s:g} s"
    if process.exitcode < 0:
        name = signal.Signals(-process.exitcode).name
        return f"reading it ended its process ({name})"
    return "" if process.exitcode == 0 else f"reading it ended its process ({process.exitcode})"


def _try(read: Callable[[], object]) -> None:
    try:
        read()
    except Exception:  # whoever asked reads it once more, and is told there
        return
