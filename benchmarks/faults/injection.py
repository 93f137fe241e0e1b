"""Starts sweeps and clusters for faults.py, and sends SIGKILL to parts of them."""

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.faults.checks import PATIENCE_S, LostError

PROCESSES: dict[str, tuple[str, ...]] = {
    "worker": ("ray::RayTrainWorker",),
    "controller": ("ray::TrainController",),
    "dispatcher": ("ray::Dispatcher",),
    "relay": ("ray::ImplicitFunc", "ray::relay"),
    "ray": ("gcs_server", "raylet/raylet"),
}
"""Kind -> what the command line of its processes begins with, or holds (for "ray": all of them)."""
STANDING = ("node", "cluster_driver")
"""Kinds that need a standing cluster."""
KINDS = (*PROCESSES, "driver", *STANDING)
LIMIT_S = 400.0
"""For a job to end, or to come to an epoch."""
JOB = Path(__file__).resolve().parents[2] / "jobs" / "sweep_ks.py"


def start(
    home: Path, environment: dict[str, str], options: list[str], program: Path = JOB
) -> subprocess.Popen[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "ADAMML_", "MLFLOW_"))}
    kept |= {"ADAMML_HOME": str(home), "ADAMML_CACHE": str(home / "cache")} | environment
    home.mkdir(parents=True, exist_ok=True)
    with (home / "output.txt").open("a") as output:
        return subprocess.Popen(
            [sys.executable, str(program), *options],
            env=kept,
            cwd=home,
            stdout=output,
            stderr=output,
            text=True,
        )


def finish(process: subprocess.Popen[str], expected: tuple[int, ...] | None = None) -> int:
    try:
        code = process.wait(LIMIT_S)
    except subprocess.TimeoutExpired as error:
        for each in [*psutil.Process(process.pid).children(recursive=True), process]:
            each.kill()
        raise LostError(f"the job did not end within {LIMIT_S:g} s") from error
    if expected is not None and code not in expected:
        raise LostError(f"the job ended with {code}")
    return code


def wait_for_epochs(process: subprocess.Popen[str], study: Path, count: int) -> int:
    """Until so many epochs of trials are in the journals; how many there were."""
    deadline = time.monotonic() + LIMIT_S
    while True:
        journals = list((study / "trials").glob("trial-*/journal.jsonl"))
        found = sum(path.read_text().count('"epoch"') for path in journals) // 2
        if found >= count:
            return found
        if process.poll() is not None or time.monotonic() > deadline:
            raise LostError(f"the job ended before {count} epochs")
        time.sleep(0.05)


def kill(kind: str, process: subprocess.Popen[str], dice: random.Random) -> str:
    """SIGKILL; what was hit."""
    if kind in ("driver", "cluster_driver"):
        process.kill()
        return f"driver {process.pid}"
    deadline = time.monotonic() + PATIENCE_S
    while not (found := processes_of(kind, process.pid)):
        if time.monotonic() > deadline:
            raise LostError(f"there was no {kind} to kill")
        time.sleep(0.05)
    victims = found if kind == "ray" else [dice.choice(found)]
    for victim in victims:
        victim.kill()
    return f"{kind} {', '.join(str(v.pid) for v in victims)}"


def processes_of(kind: str, driver: int) -> list[psutil.Process]:
    found = []
    for process in psutil.Process(driver).children(recursive=True):
        try:
            line = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if any(name in line for name in PROCESSES[kind]):
            found.append(process)
    return found


@contextmanager
def cluster(kinds: Sequence[str]) -> Iterator[tuple[dict[str, str], Callable[[], str]]]:
    """The environment that leads a job to a cluster of two raylets, and what kills the second."""
    if not set(kinds) & set(STANDING):
        yield {}, lambda: ""
        return
    from ray.cluster_utils import Cluster

    os.environ["RAY_AUTH_MODE"] = "disabled"
    with socket.socket() as free:  # another Ray of this machine may have the usual one
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    standing = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 2, "include_dashboard": True, "dashboard_port": port},
    )
    other = standing.add_node(num_cpus=2)

    def kill_node() -> str:
        raylet = other.all_processes["raylet"][0].process.pid
        family = [*psutil.Process(raylet).children(recursive=True), psutil.Process(raylet)]
        for process in family:
            process.kill()
        return f"node with {len(family)} processes"

    try:
        yield {"RAY_ADDRESS": standing.address, "RAY_AUTH_MODE": "disabled"}, kill_node
    finally:
        standing.shutdown()
