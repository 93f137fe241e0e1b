"""What every job does around its work: mistakes become one line and an exit status."""

import sys
from collections.abc import Callable

import _path  # noqa: F401


def run(work: Callable[[], int]) -> int:
    """The exit status of work(); 2 for the user's mistakes, 130 after Ctrl-C or SIGTERM."""
    from adamml.study.errors import StudyError

    try:
        return work()
    except (ValueError, OSError, StudyError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130
