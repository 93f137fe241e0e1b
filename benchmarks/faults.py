"""Kill parts of a sweep at random moments: what does a study lose?

    python benchmarks/faults.py --kind all --rounds 5

A round runs `jobs/sweep_ks.py --recipe tiny` (videos and unimodal networks are made once), waits
until a random number of epochs is in the journals, and sends SIGKILL to one process of the kind.
Where the job need not survive, the same command is run again. Then the study must have every trial
exactly once with every epoch, finite values, one MLflow run for each, and nothing may be left: no
process, and on a standing cluster no actor and no placement group of ours or of Ray Train.

Kinds: worker, controller (of Ray Train), dispatcher, relay, driver, ray (the whole local instance),
node (one of two raylets of a standing cluster), cluster_driver (the driver on such a cluster). The
last line is JSON.
"""

import json
import math
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "platform"))

PROCESSES: dict[str, tuple[str, ...]] = {
    "worker": ("ray::RayTrainWorker",),
    "controller": ("ray::TrainController",),
    "dispatcher": ("ray::Dispatcher",),
    "relay": ("ray::ImplicitFunc", "ray::relay"),
    "ray": ("gcs_server", "raylet/raylet"),
}
"""Kind -> what the command line of its processes begins with, or holds (for "ray": all of them)."""
STANDING = ("node", "cluster_driver")
SURVIVED = ("worker", "controller", "relay", "node")
"""Without these a job goes on; without others the same command is run again."""
KINDS = (*PROCESSES, "driver", *STANDING)
TRIALS, POLICY_EPOCHS = 4, 12
SLOTS = 2
SWEEP = ["--recipe", "tiny", "--name", "n", "--trials", str(TRIALS)]
SWEEP += ["--no-confirm", "--override", f"stages.policy_only={POLICY_EPOCHS}"]
RAYS_OWN = "_AutoscalingCoordinatorActor"
"""One per cluster for all jobs that use Ray Train or Data: a part of Ray, whoever came first."""
LIMIT_S, PATIENCE_S = 400.0, 30.0


@dataclass(frozen=True)
class Options:
    kind: str = "all"
    """worker, controller, dispatcher, relay, driver, ray, node, cluster_driver, or all."""
    rounds: int = 5
    seed: int = 0
    """Of the moments."""


class LostError(AssertionError):
    """What a study has lost, or what it left behind."""


def main(options: Options) -> None:
    kinds = KINDS if options.kind == "all" else (options.kind,)
    if unknown := set(kinds) - set(KINDS):
        raise SystemExit(f"error: unknown kind {unknown.pop()!r}; choose from {', '.join(KINDS)}")
    counts = {}
    with tempfile.TemporaryDirectory(prefix="adamml-faults-") as folder:
        template = make_template(Path(folder))
        for kind in kinds:
            dice, good = random.Random(f"{options.seed} {kind}"), 0
            for number in range(options.rounds):
                home = Path(folder) / f"{kind}-{number}"
                try:
                    told = play_round((kind,), template, home, dice)
                    good += 1
                except LostError as lost:
                    told = f"LOST: {lost}"
                print(f"{kind} {number}: {told}", flush=True)
                shutil.rmtree(home, ignore_errors=True)
            counts[kind] = good
    print(json.dumps({"rounds": options.rounds, "whole": counts}), flush=True)
    if any(count < options.rounds for count in counts.values()):
        raise SystemExit(1)


def make_template(folder: Path) -> Path:
    """A home with videos, decoded frames, unimodal networks and an empty MLflow database, made by a
    study that is thrown away. Copy it with symlinks=True: frames are those of one place's videos.
    """
    from adamml.tracking import connect

    home, videos = folder / "template", folder / "videos"
    home.mkdir()
    videos.mkdir()
    (home / "data").symlink_to(videos)
    options = ["--recipe", "tiny", "--name", "n", "--trials", "2", "--slots", "1", "--no-confirm"]
    process = start(home, {}, [*options, "--override", "stages.policy_only=1"])
    finish(process, expected=(0,))
    shutil.rmtree(home / "studies")
    (home / "mlflow.db").unlink()
    connect(f"sqlite:///{home / 'mlflow.db'}").search_experiments()
    return home


def play_round(
    kinds: Sequence[str], template: Path, home: Path, dice: random.Random, slots: int = SLOTS
) -> str:
    """One study that is hurt by each of the kinds, all of them STANDING or none; says when.

    Raises:
        LostError: with what is wrong.
    """
    shutil.copytree(template, home, symlinks=True)
    options = ["--slots", str(slots), *SWEEP]
    told, study, share = [], home / "studies" / "n", TRIALS * POLICY_EPOCHS // len(kinds)
    with cluster(kinds) as (environment, kill_node):
        process = start(home, environment, options)
        for number, kind in enumerate(kinds):
            epochs = wait_for_epochs(process, study, number * share + dice.randrange(1, share))
            hit = kill_node() if kind == "node" else kill(kind, process, dice)
            told.append(f"{hit} killed after {epochs} epochs")
            if kind not in SURVIVED:
                told.append(f"the job ended with {finish(process)} and was run again")
                process = start(home, environment, options)
        finish(process, expected=(0,))
        check_study(study, home)
        check_processes(home)
        if set(kinds) & set(STANDING):
            check_cluster(environment["RAY_ADDRESS"])
    return "; ".join(told)


def start(home: Path, environment: dict[str, str], options: list[str]) -> subprocess.Popen[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "ADAMML_", "MLFLOW_"))}
    kept |= {"ADAMML_HOME": str(home), "ADAMML_CACHE": str(home / "cache")} | environment
    home.mkdir(parents=True, exist_ok=True)
    with (home / "output.txt").open("a") as output:
        return subprocess.Popen(
            [sys.executable, str(ROOT / "jobs" / "sweep_ks.py"), *options],
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


def check_study(folder: Path, home: Path) -> None:
    from adamml.journal import read_journal
    from adamml.records import read_study

    study = read_study(folder)
    trials = [t for t in study.trials if t.kind == "trial"]
    require(study.status == "completed", f"the study is {study.status}")
    require(len({t.id for t in trials}) == len(trials) == TRIALS, f"{len(trials)} trials")
    for trial in study.trials:
        require(trial.status == "completed", f"{trial.id} is {trial.status}: {trial.error}")
        values = [v for e in trial.epochs for v in e.metrics.values()] + [*trial.final.values()]
        require(all(map(math.isfinite, values)), f"{trial.id} has values that are not finite")
    for trial in trials:
        events = read_journal(folder / "trials" / trial.id / "journal.jsonl")
        epochs = [e["epoch"] for e in events if e["event"] == "epoch"]
        expected = POLICY_EPOCHS + (3 if trial.fidelity == "joint" else 0)
        require(epochs == list(range(1, expected + 1)), f"{trial.id} has epochs {epochs}")
    check_mlflow(home, {f"n/{t.id}" for t in study.trials} | {"n"})


def check_mlflow(home: Path, expected: set[str]) -> None:
    from collections import Counter

    from adamml.tracking import connect, experiment_name

    client = connect(f"sqlite:///{home / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(experiment_name("n"))
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    found = Counter(run.data.tags["adamml.id"] for run in runs)
    require(set(found) == expected, f"MLflow lacks or adds {set(found) ^ expected}")
    require(set(found.values()) == {1}, f"MLflow has some twice: {found}")
    states = {run.info.status for run in runs}
    require(states == {"FINISHED"}, f"MLflow has runs that are {states}")


def check_processes(home: Path) -> None:
    """A job's processes have its home in their environment."""

    def left() -> list[str]:
        found = []
        for process in psutil.process_iter():
            try:
                line = " ".join(process.cmdline())
                if process.environ().get("ADAMML_HOME") == str(home) and RAYS_OWN not in line:
                    found.append(line[:80])
            except psutil.Error:
                continue
        return found

    wait_until_empty(left, "processes")


def check_cluster(address: str) -> None:
    import ray
    from ray.util.state import list_actors, list_placement_groups

    ray.init(address, log_to_driver=False, logging_level="ERROR")
    try:
        states = [("state", "!=", "DEAD")]
        wait_until_empty(
            lambda: [
                f"{a.class_name} {a.state}"
                for a in list_actors(address, filters=states)
                if a.class_name != RAYS_OWN
            ],
            "actors",
        )
        removed: Any = [("state", "!=", "REMOVED")]
        wait_until_empty(
            lambda: [p.placement_group_id for p in list_placement_groups(address, filters=removed)],
            "placement groups",
        )
    finally:
        ray.shutdown()


def wait_until_empty(left: Callable[[], list[str]], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while (found := left()) and time.monotonic() < deadline:
        time.sleep(0.5)
    require(not found, f"{what} left: {found}")


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise LostError(otherwise)


if __name__ == "__main__":
    import tyro

    main(tyro.cli(Options, description=__doc__))
