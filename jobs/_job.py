"""What every job does around its work: mistakes become one line and an exit status."""

import errno
import sys
from collections.abc import Callable
from typing import Any

import _path  # noqa: F401

FULL = "\nMake space where home and cache are kept; the same command then goes on where it stopped."


def run(work: Callable[[], int]) -> int:
    """The exit status of work(); 2 for the user's mistakes, 130 after Ctrl-C or SIGTERM."""
    from adamml.study.running.errors import StudyError

    try:
        return work()
    except (ValueError, OSError, StudyError) as error:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        print(f"error: {error}{FULL if full else ''}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130


def study(options: Any, work: str) -> int:
    """Options of a sweep -> its exit status, with everything printed that there is to say.

    Args:
        work: what of adamml.study.sweep: "sweep" or "confirm".
    """
    # Only now: torch and ray take seconds to import, and --help needs neither.
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
