"""Project a study's journals into MLflow, in a process of its own.

python -m adamml.tracking STUDY_DIR --tracking-uri URI     # catch up; twice changes nothing
"""

import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import tyro

from adamml.tracking.follower import default_tracking_uri
from adamml.tracking.sync import sync


@dataclass(frozen=True)
class Options:
    study_dir: tyro.conf.Positional[Path]
    """Folder of the study."""
    tracking_uri: str = field(default_factory=default_tracking_uri)
    """MLflow server or database."""
    follow: bool = False
    """Continue until standard input closes."""


def main(options: Options) -> int:
    """Return 1 and print the problems, in one last line, if MLflow lacks something."""
    closed = threading.Event()
    if options.follow:
        threading.Thread(target=_wait_for_end_of_input, args=[closed], daemon=True).start()
    else:
        closed.set()
    problems = sync(options.study_dir, options.tracking_uri, closed)
    if problems:
        print("; ".join(problems), flush=True)  # the driver shows the last line
    return 1 if problems else 0


def _wait_for_end_of_input(closed: threading.Event) -> None:
    sys.stdin.buffer.read()
    closed.set()


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options, prog="python -m adamml.tracking", description=__doc__)))
