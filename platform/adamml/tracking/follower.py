"""A process beside the driver that keeps MLflow up to date; training never waits for it."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

from adamml.home import home

DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
"""Schemes of databases that MLflow opens itself."""
SERVERS = ("http", "https", "databricks")
"""Schemes of MLflow servers."""
SOURCE_ROOT = Path(__file__).resolve().parents[2]
"""Folder that holds the package adamml, for PYTHONPATH."""


def default_tracking_uri() -> str:
    """Return $MLFLOW_TRACKING_URI, or else the URI of the SQLite file in the home."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home() / 'mlflow.db'}"


def is_database(tracking_uri: str) -> bool:
    """Return whether the URI is a database; MLflow has no place of its own for artifacts then."""
    return tracking_uri.partition(":")[0].partition("+")[0] in DATABASES


def check_tracking_uri(tracking_uri: str) -> str:
    """Return the URI if MLflow can use it.

    Raises:
        ValueError: it is neither a server nor a database. MLflow 3 has no file store any more.
    """
    supported = is_database(tracking_uri) or tracking_uri.partition(":")[0] in SERVERS
    if not supported or ":" not in tracking_uri:
        raise ValueError(
            "tracking URI must be a server (http://host:5000) or a database "
            f"(sqlite:////path/mlflow.db), not a folder: got {tracking_uri!r}"
        )
    return tracking_uri


def look_command(tracking_uri: str) -> str:
    """Return the shell command, or the sentence, that tells how to look at the runs."""
    if is_database(tracking_uri):
        return f"{_python()} -m mlflow ui --backend-store-uri {shlex.quote(tracking_uri)}"
    return f"open {tracking_uri} in a browser"


def replay_command(study_dir: Path, tracking_uri: str) -> str:
    """Return the shell command that brings MLflow up to date from the journals."""
    options = f"{shlex.quote(str(study_dir))} --tracking-uri {shlex.quote(tracking_uri)}"
    return f"PYTHONPATH={shlex.quote(str(SOURCE_ROOT))} {_python()} -m adamml.tracking {options}"


class Follower:
    """A projection that runs in another process. If this process dies, it ends after a last pass.

    Args:
        study_dir: folder of the study.
        tracking_uri: of the MLflow server or database.

    Raises:
        ValueError: the tracking URI is neither a server nor a database.
    """

    def __init__(self, study_dir: Path, tracking_uri: str) -> None:
        self._study_dir, self._tracking_uri = Path(study_dir), check_tracking_uri(tracking_uri)
        self.log = self._study_dir / "tracking.log"
        command = [sys.executable, "-m", "adamml.tracking", str(study_dir)]
        paths = [str(SOURCE_ROOT), os.environ.get("PYTHONPATH", "")]
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                [*command, "--tracking-uri", tracking_uri, "--follow"],
                stdin=subprocess.PIPE,  # closes when this process dies, by whatever cause
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
                start_new_session=True,  # Ctrl-C must reach the driver only
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def finish(self, timeout: float = 60.0) -> str | None:
        """Ask for the last pass, and wait for the end.

        Args:
            timeout: seconds after which the process is killed.

        Returns:
            None if MLflow has everything; else a sentence with the reason, and the command that
            catches up.
        """
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            if self._process.wait(timeout) == 0:
                return None
            cause = self.log.read_text(errors="replace").strip().rpartition("\n")[2]
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            cause = f"it did not finish within {timeout:g} s"
        replay = replay_command(self._study_dir, self._tracking_uri)
        return f"MLflow is behind ({cause}). Nothing is lost. To catch up, run:\n  {replay}"


def _python() -> str:
    return shlex.quote(sys.executable)
