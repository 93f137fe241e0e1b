"""The job as its user runs it: another process, in another folder, with a home of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]
JOB = ROOT / "jobs" / "sweep_ks.py"
LIMIT_S = 400


def environment(home: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "ADAMML_", "MLFLOW_"))}
    return kept | {"ADAMML_HOME": str(home), "ADAMML_CACHE": str(home / "cache"), "COLUMNS": "160"}


def start(home: Path, *options: str, job: Path = JOB) -> subprocess.Popen[str]:
    home.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [sys.executable, str(job), *options],
        env=environment(home),
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell's background jobs, and all they start, ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def sweep(home: Path, *options: str, job: Path = JOB) -> tuple[int, str]:
    """Exit code and everything printed."""
    process = start(home, *options, job=job)
    output, _ = process.communicate(timeout=LIMIT_S)
    return process.returncode, output


def interrupted(
    home: Path, study: str, trial: str, epochs: int, *options: str, job: Path = JOB
) -> tuple[int, str]:
    """Ctrl-C after so many epochs of a trial: exit code and everything printed."""
    process = start(home, *options, job=job)
    wait_for_epochs(process, home / "studies" / study, trial, epochs)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=90)
    return process.returncode, output


def wait_for_epochs(
    process: subprocess.Popen[str], study: Path, trial: str, count: int, patience_s: float = 240.0
) -> None:
    """Until the trial's journal has so many lines of epochs."""
    journal = study / "trials" / trial / "journal.jsonl"
    deadline = time.monotonic() + patience_s
    while not journal.exists() or journal.read_text().count('"epoch"') < count:
        assert process.poll() is None, "the sweep ended"
        assert time.monotonic() < deadline
        time.sleep(0.1)


def processes_of(home: Path) -> list[str]:
    """Command lines of processes that were started for this home and still run."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("ADAMML_HOME") == str(home):
                found.append(" ".join(process.cmdline())[:100])
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def assert_nothing_is_left(home: Path, patience_s: float = 20.0) -> None:
    deadline = time.monotonic() + patience_s
    while processes_of(home) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert processes_of(home) == []


def events(study: Path, trial: str) -> list[dict[str, Any]]:
    lines = (study / "trials" / trial / "journal.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def epochs_of(study: Path) -> dict[str, list[int]]:
    """Trial -> the epochs in its journal, in order."""
    return {
        folder.name: [e["epoch"] for e in events(study, folder.name) if e["event"] == "epoch"]
        for folder in sorted((study / "trials").iterdir())
    }
