"""Bring MLflow up to date with journals: which studies, and one projection after another."""

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adamml.home import home, move_home
from adamml.tracking.projector import Projector, follow, in_short


@dataclass(frozen=True, kw_only=True)
class SyncOptions:
    """Which studies MLflow is to show, and where."""

    home: Path | None = None
    """Where studies are kept. Default: $ADAMML_HOME, else ~/.adamml."""
    tracking_uri: str | None = None
    """MLflow server or database. Default: $MLFLOW_TRACKING_URI, else a SQLite file in the home."""
    name: tuple[str, ...] = ()
    """Of the studies. Default: all of the home."""


def studies_of(options: SyncOptions) -> list[Path]:
    """The folders of the studies named, or of all in the home.

    Raises:
        ValueError: there is no such study, or none at all.
    """
    move_home(options.home)
    every = sorted(path.parent for path in (home() / "studies").glob("*/journal.jsonl"))
    found = [folder for folder in every if not options.name or folder.name in options.name]
    if missing := set(options.name) - {folder.name for folder in found}:
        raise ValueError(f"there is no study {missing.pop()!r} in {home() / 'studies'}")
    if not found:
        raise ValueError(f"there is no study in {home() / 'studies'}")
    return found


def project(study_dir: Path, tracking_uri: str) -> list[str]:
    """One pass over a study's journals; returns what did not work, a sentence each."""
    from adamml.tracking.store import MlflowStore  # importing MLflow takes seconds

    return Projector(study_dir, MlflowStore(tracking_uri)).project()


@contextmanager
def _alone(study_dir: Path) -> Iterator[None]:
    """Two projections of one study at a time would create runs twice: the second one waits."""
    with open(study_dir / "tracking.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sync(study_dir: Path, tracking_uri: str, closed: threading.Event | None = None) -> list[str]:
    """Project a study's journals, and go on until `closed`, once where it is None.

    Returns:
        What MLflow does not show, and why; empty where it shows everything.
    """
    if closed is None:
        closed = threading.Event()
        closed.set()
    with _alone(study_dir):
        return _follow(study_dir, tracking_uri, closed)


def _follow(study_dir: Path, tracking_uri: str, closed: threading.Event) -> list[str]:
    """Also opening the store is tried again: its server may come up later than the study."""
    from adamml.tracking.store import MlflowStore  # importing MLflow takes seconds

    projector: Projector | None = None

    def one_pass() -> list[str]:
        nonlocal projector
        try:
            projector = projector or Projector(study_dir, MlflowStore(tracking_uri))
        except Exception as error:
            return [in_short(error)]
        return projector.project()

    return follow(one_pass, closed)
