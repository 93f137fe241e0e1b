"""Checks of a study whose processes were killed, and of what is left of its job."""

import math
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

RAYS_OWN = "_AutoscalingCoordinatorActor"
"""Name of an actor of Ray itself, one per cluster for all jobs that use Ray Train or Data. The
first of these jobs starts it, and it stays."""
PATIENCE_S = 30.0
"""Longest wait for processes to appear, and to be gone, in seconds."""


class LostError(AssertionError):
    """Loss of a study, or a thing that it left behind."""


def check_study(folder: Path, home: Path, trials: int, policy_epochs: int) -> None:
    """Raise unless every trial is there with all its epochs, and MLflow shows each once.

    Args:
        folder: the study's folder.
        home: the home it is in.
        trials: number of trials that the study must have, each exactly once.
        policy_epochs: number of epochs of each trial before it is trained jointly, if it is.

    Raises:
        LostError: names what is wrong.
    """
    from adamml.journal import read_journal
    from adamml.records import read_study

    study = read_study(folder)
    searched = [t for t in study.trials if t.kind == "trial"]
    require(study.status == "completed", f"the study is {study.status}")
    require(len({t.id for t in searched}) == len(searched) == trials, f"{len(searched)} trials")
    for trial in study.trials:
        require(trial.status == "completed", f"{trial.id} is {trial.status}: {trial.error}")
        values = [v for e in trial.epochs for v in e.metrics.values()] + [*trial.final.values()]
        require(all(map(math.isfinite, values)), f"{trial.id} has values that are not finite")
    for trial in searched:
        events = read_journal(folder / "trials" / trial.id / "journal.jsonl")
        epochs = [e["epoch"] for e in events if e["event"] == "epoch"]
        expected = policy_epochs + (3 if trial.fidelity == "joint" else 0)
        require(epochs == list(range(1, expected + 1)), f"{trial.id} has epochs {epochs}")
    check_mlflow(home, {f"n/{t.id}" for t in study.trials} | {"n"})


def check_mlflow(home: Path, expected: set[str]) -> None:
    from adamml.tracking.store import connect, experiment_name

    client = connect(f"sqlite:///{home / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(experiment_name("n"))
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    counts = Counter(run.data.tags["adamml.id"] for run in runs)
    require(set(counts) == expected, f"MLflow lacks or adds {set(counts) ^ expected}")
    require(set(counts.values()) == {1}, f"MLflow has some twice: {counts}")
    states = {run.info.status for run in runs}
    require(states == {"FINISHED"}, f"MLflow has runs that are {states}")


def check_processes(home: Path) -> None:
    """Raise unless all processes of a job end, which have its home in their environment."""

    def left() -> list[str]:
        lines = []
        for process in psutil.process_iter():
            try:
                line = " ".join(process.cmdline())
                if process.environ().get("ADAMML_HOME") == str(home) and RAYS_OWN not in line:
                    lines.append(line[:80])
            except psutil.Error:
                continue
        return lines

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
    while (rest := left()) and time.monotonic() < deadline:
        time.sleep(0.5)
    require(not rest, f"{what} left: {rest}")


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise LostError(otherwise)
