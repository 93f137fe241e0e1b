"""What every job does around its work: mistakes become one line and an exit status."""

import errno
import sys
from collections.abc import Callable

import _path  # noqa: F401

FULL = "\nMake space where home and cache are kept; the same command then goes on where it stopped."


def run(work: Callable[[], int]) -> int:
    """The exit status of work(); 2 for the user's mistakes, 130 after Ctrl-C or SIGTERM."""
    from adamml.study.errors import StudyError

    try:
        return work()
    except (ValueError, OSError, StudyError) as error:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        print(f"error: {error}{FULL if full else ''}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130
