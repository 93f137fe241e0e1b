"""Reads a video in a process of its own if an earlier reader of that video died.

FFmpeg is C code, and a hostile or damaged file may crash the process that decodes it. While a video
is read, a mark file stands beside its shard. A process that finds a mark knows that the reader
before it died at this video, because of the video or of something else. It starts a throwaway
process that reads the video first and so finds out which.
"""

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["ends_its_reader", "marked"]


@contextmanager
def marked(mark: Path) -> Iterator[bool]:
    """Keep a mark file while the block runs; yield True if one was left by an earlier reader."""
    left_behind = mark.exists()
    mark.touch()
    try:
        yield left_behind
    finally:
        # An error of Python's removes the mark; only the death of the process leaves it.
        mark.unlink(missing_ok=True)


def ends_its_reader(read: Callable[[], object], *, limit_s: float) -> str:
    """Call `read` in a process of its own and return how that process died.

    Args:
        read: function without arguments that can be pickled; its result and its exceptions are
            ignored.
        limit_s: longest time that it may take, in seconds.

    Returns:
        A reason for a report of unreadable videos; empty if the process ended well.
    """
    process = multiprocessing.get_context("spawn").Process(target=_ignore_errors, args=(read,))
    process.start()
    process.join(limit_s)
    if process.exitcode is None:
        process.kill()
        process.join()
        return f"reading it takes longer than {limit_s:g} s"
    if process.exitcode < 0:  # multiprocessing gives the number of a signal as a negative code
        name = signal.Signals(-process.exitcode).name
        return f"reading it ended its process ({name})"
    return "" if process.exitcode == 0 else f"reading it ended its process ({process.exitcode})"


def _ignore_errors(read: Callable[[], object]) -> None:
    try:
        read()
    except Exception:  # the caller reads the video again and meets the exception itself
        return
