"""The process beside the driver that keeps MLflow up to date; training never waits for it."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

from adamml.home import home

DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
SERVERS = ("http", "https", "databricks")
SOURCE_ROOT = Path(__file__).resolve().parents[2]


def default_tracking_uri() -> str:
    """$MLFLOW_TRACKING_URI, else the SQLite file in the home."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home() / 'mlflow.db'}"


def is_database(tracking_uri: str) -> bool:
    """Whether MLflow opens a database itself, so that artifacts need a folder of ours."""
    return tracking_uri.partition(":")[0].partition("+")[0] in DATABASES


def check_tracking_uri(tracking_uri: str) -> str:
    """The URI itself.

    Raises:
        ValueError: neither a server nor a database: MLflow 3 has no file store any more.
    """
    known = is_database(tracking_uri) or tracking_uri.partition(":")[0] in SERVERS
    if not known or ":" not in tracking_uri:
        raise ValueError(
            "tracking URI must be a server (http://host:5000) or a database "
            f"(sqlite:////path/mlflow.db), not a folder: got {tracking_uri!r}"
        )
    return tracking_uri


def look_command(tracking_uri: str) -> str:
    """What to run, or where to go, to look at the runs."""
    if is_database(tracking_uri):
        return f"{_python()} -m mlflow ui --backend-store-uri {shlex.quote(tracking_uri)}"
    return f"open {tracking_uri} in a browser"


def replay_command(study_dir: Path, tracking_uri: str) -> str:
    """Brings MLflow up to date from the journals, at any later time."""
    options = f"{shlex.quote(str(study_dir))} --tracking-uri {shlex.quote(tracking_uri)}"
    return f"PYTHONPATH={shlex.quote(str(SOURCE_ROOT))} {_python()} -m adamml.tracking {options}"


class Follower:
    """A running projection. It ends by itself, after a last pass, when its driver is gone."""

    def __init__(self, study_dir: Path, tracking_uri: str) -> None:
        self._study_dir, self._tracking_uri = Path(study_dir), check_tracking_uri(tracking_uri)
        self.log = self._study_dir / "tracking.log"
        command = [sys.executable, "-m", "adamml.tracking", str(study_dir)]
        paths = [str(SOURCE_ROOT), os.environ.get("PYTHONPATH", "")]
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                [*command, "--tracking-uri", tracking_uri, "--follow"],
                stdin=subprocess.PIPE,  # closes when this process dies, however it dies
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
                start_new_session=True,  # Ctrl-C is the driver's to handle
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def finish(self, timeout: float = 60.0) -> str | None:
        """Let it do its last pass and end.

        Returns:
            None if MLflow has everything; else why it is behind and the command that catches up.
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
        return f"MLflow is behind ({cause}); nothing is lost, catch up with:\n  {replay}"


def start_projection(study_dir: Path, tracking_uri: str) -> Follower:
    """Project this study's journals into MLflow from now on, in another process.

    Raises:
        ValueError: the tracking URI is not a server or a database.
    """
    return Follower(study_dir, tracking_uri)


def _python() -> str:
    return shlex.quote(sys.executable)
