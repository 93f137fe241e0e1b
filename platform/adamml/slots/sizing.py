"""Number and size of slots, read off the connected cluster."""

from typing import Any

import ray

CPUS_PER_WORKER = 1
"""CPUs, and so torch threads, of a worker without a GPU.

Fixed, because the number of threads changes results. Four workers of one thread do 40% more policy
epochs than two of two, and 7% more recognition (docs/notebook/2026-11-22-slots-or-trainers.md)."""
CPUS_PER_GPU = 8
"""Most CPUs of a worker with a GPU."""


def slot_size(slots: int | None, workers_per_slot: int) -> dict[str, Any]:
    """Return count, workers_per_slot, cpus_per_worker and use_gpu, as start_slots takes them.

    Args:
        slots: as many as the user wants; None for as many as there is room for.
        workers_per_slot: Ray Train workers that share one trial.
    """
    gpus = int(ray.cluster_resources().get("GPU", 0))
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if gpus:
        # All slots have one size: the node with the fewest CPUs per GPU sets it.
        cpus = min(int(n.get("CPU", 0) // n["GPU"]) for n in nodes if n.get("GPU", 0) >= 1)
        cpus = max(1, min(cpus, CPUS_PER_GPU))
    else:
        # The largest node, as smaller ones need not hold a slot.
        cpus = max(1, min(CPUS_PER_WORKER, max(int(n.get("CPU", 0)) for n in nodes)))
    size: dict[str, Any] = {
        "workers_per_slot": workers_per_slot,
        "cpus_per_worker": cpus,
        "use_gpu": gpus > 0,
    }
    return {"count": slots or max(1, room_for_slots(**size)), **size}


def room_for_slots(*, workers_per_slot: int, cpus_per_worker: int, use_gpu: bool) -> int:
    """Return how many slots of this size the cluster holds when nothing else runs on it."""
    workers = 0
    for node in ray.nodes():
        if node["Alive"]:
            has = node["Resources"]
            fit = int(has.get("CPU", 0) // cpus_per_worker)
            workers += min(fit, int(has.get("GPU", 0))) if use_gpu else fit
    return workers // workers_per_slot


def require_slots(
    count: int, *, workers_per_slot: int, cpus_per_worker: int, use_gpu: bool
) -> None:
    """Refuse slots that could never be placed: Ray Train would wait for them for ever.

    Args:
        count: slots to start.
        workers_per_slot: Ray Train workers that share one trial.
        cpus_per_worker: CPUs of each.
        use_gpu: one GPU per worker.

    Raises:
        ValueError: says what is asked for and what the cluster has.
    """
    for name, value in {
        "slots": count,
        "workers_per_slot": workers_per_slot,
        "cpus_per_worker": cpus_per_worker,
    }.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    room = room_for_slots(
        workers_per_slot=workers_per_slot, cpus_per_worker=cpus_per_worker, use_gpu=use_gpu
    )
    if count > room:
        has = ray.cluster_resources()
        each = f"{cpus_per_worker} CPU(s)" + (" and 1 GPU" if use_gpu else "")
        raise ValueError(
            f"slots must be at most {room} on this cluster, got {count}: each has "
            f"{workers_per_slot} worker(s) with {each}, the cluster has "
            f"{has.get('CPU', 0):g} CPUs and {has.get('GPU', 0):g} GPUs"
        )
