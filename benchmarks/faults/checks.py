"""What must hold of a study that faults.py has hurt, and what may be left of its job."""

import math
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

RAYS_OWN = "_AutoscalingCoordinatorActor"
"""One per cluster for all jobs that use Ray Train or Data: a part of Ray, whoever came first."""
PATIENCE_S = 30.0
"""For processes to appear, and to be gone."""


class LostError(AssertionError):
    """What a study has lost, or what it left behind."""


def check_study(folder: Path, home: Path, trials: int, policy_epochs: int) -> None:
    """Every trial is there with all its epochs, and MLflow shows each once.

    Args:
        trials: how many the study must have, each exactly once.
        policy_epochs: of each trial, before it is trained jointly, if it is.

    Raises:
        LostError: with what is wrong.
    """
    from adamml.journal import read_journal
    from adamml.records import read_study

    study = read_study(folder)
    found = [t for t in study.trials if t.kind == "trial"]
    require(study.status == "completed", f"the study is {study.status}")
    require(len({t.id for t in found}) == len(found) == trials, f"{len(found)} trials")
    for trial in study.trials:
        require(trial.status == "completed", f"{trial.id} is {trial.status}: {trial.error}")
        values = [v for e in trial.epochs for v in e.metrics.values()] + [*trial.final.values()]
        require(all(map(math.isfinite, values)), f"{trial.id} has values that are not finite")
    for trial in found:
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
