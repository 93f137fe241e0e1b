"""Bringing MLflow up to date: the choice of studies, and their projection by one process each."""

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adamml.home import home, move_home
from adamml.tracking.projector import Projector, follow, one_line


@dataclass(frozen=True, kw_only=True)
class SyncOptions:
    """Bring MLflow up to date with the journals of studies."""

    home: Path | None = None
    """Folder that holds the studies. Default: $ADAMML_HOME, else ~/.adamml."""
    tracking_uri: str | None = None
    """URI of the MLflow server or database. Default: $MLFLOW_TRACKING_URI, else a SQLite file in
    the home."""
    name: tuple[str, ...] = ()
    """Names of the studies. Default: all studies of the home."""


def studies_of(options: SyncOptions) -> list[Path]:
    """Return the folders of the named studies, or of all in the home.

    Raises:
        ValueError: a study is missing, or the home has none.
    """
    move_home(options.home)
    every = sorted(path.parent for path in (home() / "studies").glob("*/journal.jsonl"))
    folders = [folder for folder in every if not options.name or folder.name in options.name]
    if missing := set(options.name) - {folder.name for folder in folders}:
        raise ValueError(f"there is no study {missing.pop()!r} in {home() / 'studies'}")
    if not folders:
        raise ValueError(f"there is no study in {home() / 'studies'}")
    return folders


def project(study_dir: Path, tracking_uri: str) -> list[str]:
    """Project a study's journals in one pass; return problems, a sentence each."""
    from adamml.tracking.store import MlflowStore  # importing MLflow takes seconds

    return Projector(study_dir, MlflowStore(tracking_uri)).project()


@contextmanager
def _alone(study_dir: Path) -> Iterator[None]:
    """Hold the lock of a study's projection: two at the same time would create its runs twice."""
    with open(study_dir / "tracking.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sync(study_dir: Path, tracking_uri: str, closed: threading.Event | None = None) -> list[str]:
    """Project a study's journals, repeatedly until `closed` is set.

    Args:
        study_dir: folder of the study.
        tracking_uri: of the MLflow server or database.
        closed: set when the study has ended; None to project once.

    Returns:
        Problems of the last pass, a sentence each; empty if MLflow shows everything.
    """
    if closed is None:
        closed = threading.Event()
        closed.set()
    with _alone(study_dir):
        return _follow(study_dir, tracking_uri, closed)


def _follow(study_dir: Path, tracking_uri: str, closed: threading.Event) -> list[str]:
    """Repeat passes. Each pass tries to open a store that could not be opened before."""
    from adamml.tracking.store import MlflowStore  # importing MLflow takes seconds

    projector: Projector | None = None  # MLflow's server may start later than the study

    def one_pass() -> list[str]:
        nonlocal projector
        try:
            projector = projector or Projector(study_dir, MlflowStore(tracking_uri))
        except Exception as error:
            return [one_line(error)]
        return projector.project()

    return follow(one_pass, closed)
