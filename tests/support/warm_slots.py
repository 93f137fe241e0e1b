"""Slots of noop_trials.py, and what there is of them on the cluster."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray
from adamml.slots.pool import Slots, start_slots
from ray.util.state import list_actors, list_placement_groups

TRIALS = Path(__file__).with_name("noop_trials.py")
RAYS_OWN = {"_AutoscalingCoordinatorActor"}
"""Ray Train's detached singleton: one per cluster, for all jobs, as long as the cluster lives."""


def slots_of(workers: int, folder: Path, *, count: int = 1) -> Any:
    return start_slots(
        count=count,
        workers_per_slot=workers,
        cpus_per_worker=1,
        use_gpu=False,
        storage=folder / "train",
        execute="noop_trials:run",
        context={"folder": str(folder)},
    )


def run_one(slots: Slots, id: str, **spec: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Its terminal record and its reports."""
    reports: list[dict[str, Any]] = []
    ends = slots.run({id: spec}, on_report=lambda _, metrics: reports.append(metrics))
    return ends[id], reports


def wait_until(condition: Callable[[], bool], seconds: float = 90.0) -> None:
    """On two busy cores a slot of two workers takes half a minute to come up."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def address() -> str:
    """Of this cluster: without it the state API gives up where several run on one machine."""
    return str(ray.get_runtime_context().gcs_address)


def alive(name: str = "") -> list[int]:
    """Process ids of this cluster's living actors."""
    actors = list_actors(address(), filters=[("state", "=", "ALIVE")])
    return [a.pid for a in actors if a.class_name not in RAYS_OWN and name in a.class_name]


def placed() -> list[Any]:
    return [p for p in list_placement_groups(address()) if p.state != "REMOVED"]
