"""Sweeps and clusters for the rounds of the benchmark, and SIGKILL to parts of them."""

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
"""Texts in the command line of a process, by kind. Of "ray", all such processes are killed."""
STANDING = ("node", "cluster_driver")
"""Kinds that need a standing cluster."""
KINDS = (*PROCESSES, "driver", *STANDING)
LIMIT_S = 400.0
"""Longest wait for a job to end, or to come to an epoch, in seconds."""
JOB = Path(__file__).resolve().parents[2] / "jobs" / "sweep_ks.py"


def start(
    home: Path, environment: dict[str, str], options: list[str], program: Path = JOB
) -> subprocess.Popen[str]:
    inherited = {
        k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "ADAMML_", "MLFLOW_"))
    }
    inherited |= {"ADAMML_HOME": str(home), "ADAMML_CACHE": str(home / "cache")} | environment
    home.mkdir(parents=True, exist_ok=True)
    with (home / "output.txt").open("a") as output:
        return subprocess.Popen(
            [sys.executable, str(program), *options],
            env=inherited,
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
    """Wait until so many epochs of trials are in the journals; return how many are there."""
    deadline = time.monotonic() + LIMIT_S
    while True:
        journals = list((study / "trials").glob("trial-*/journal.jsonl"))
        epochs = sum(path.read_text().count('"epoch"') for path in journals) // 2
        if epochs >= count:
            return epochs
        if process.poll() is not None or time.monotonic() > deadline:
            raise LostError(f"the job ended before {count} epochs")
        time.sleep(0.05)


def kill(kind: str, process: subprocess.Popen[str], dice: random.Random) -> str:
    """Kill a process of this kind; return which."""
    if kind in ("driver", "cluster_driver"):
        process.kill()
        return f"driver {process.pid}"
    deadline = time.monotonic() + PATIENCE_S
    while not (candidates := processes_of(kind, process.pid)):
        if time.monotonic() > deadline:
            raise LostError(f"there was no {kind} to kill")
        time.sleep(0.05)
    victims = candidates if kind == "ray" else [dice.choice(candidates)]
    for victim in victims:
        victim.kill()
    return f"{kind} {', '.join(str(v.pid) for v in victims)}"


def processes_of(kind: str, driver: int) -> list[psutil.Process]:
    processes = []
    for process in psutil.Process(driver).children(recursive=True):
        try:
            line = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if any(name in line for name in PROCESSES[kind]):
            processes.append(process)
    return processes


@contextmanager
def cluster(kinds: Sequence[str]) -> Iterator[tuple[dict[str, str], Callable[[], str]]]:
    """Start a cluster of two raylets where a kind needs one.

    Yields:
        The environment that leads a job to it, and a function that kills the second raylet and says
        so.
    """
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
