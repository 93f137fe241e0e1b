"""Project a study's journals into MLflow, in a process of its own.

It may be repeated: what MLflow has already stays as it is.

python -m adamml.tracking STUDY_DIR --tracking-uri URI
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
    """Command-line options."""

    study_dir: tyro.conf.Positional[Path]
    """Folder of the study."""
    tracking_uri: str = field(default_factory=default_tracking_uri)
    """URI of the MLflow server or database. Default: $MLFLOW_TRACKING_URI, else a SQLite file in
    the home."""
    follow: bool = False
    """Repeat the projection until standard input closes, then do it a last time."""


def main(options: Options) -> int:
    """Project the journals; print a last line of problems and return 1 if MLflow lacks anything."""
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
