"""Frame around every job: errors become one line and an exit status."""

import errno
import sys
from collections.abc import Callable
from typing import Any

import _path  # noqa: F401

AGAIN = "Run the same command again to continue."
FULL = f"\nFree space on the disks of the home and the cache. {AGAIN}"
"""Advice after an error of a full disk."""
INTERRUPTED = f"\nInterrupted. {AGAIN}"
"""Message after Ctrl-C or SIGTERM."""


def run(work: Callable[[], int]) -> int:
    """Do the work and return its exit status: 2 after a mistake of the user, 130 after Ctrl-C.

    SIGTERM counts as Ctrl-C: the study's session turns it into a KeyboardInterrupt.
    """
    from adamml.study.running.errors import StudyError

    try:
        return work()
    except (ValueError, OSError, StudyError) as error:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        print(f"error: {error}{FULL if full else ''}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(INTERRUPTED, file=sys.stderr)
        return 130


def study(options: Any, work: str) -> int:
    """Search or retrain as the options of a sweep say, print a summary, and return the exit status.

    Args:
        options: the job's SweepOptions.
        work: "sweep", to search, or "confirm", to retrain what an earlier sweep chose.
    """
    # Imported here, because torch and ray take seconds to import and --help needs neither.
    from adamml.tracking.follower import look_command
    from adamml.study import sweep
    from adamml.study.options.sweep import resolve

    from analysis.report import write_artifacts
    from analysis.summary import print_interim, print_summary
    from search_spaces import space_of

    plan = resolve(options, space_of)
    if options.dry_run:
        print(sweep.dry_run(plan))
        return 0
    if work == "sweep":
        end = sweep.sweep(plan, write_artifacts, print_interim)
    else:
        end = sweep.confirm(plan, write_artifacts)
    print_summary(end, look_command(plan.tracking_uri))
    return 1 if end.failed else 0
