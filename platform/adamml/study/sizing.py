"""How many slots, and how large: read off the connected cluster."""

from typing import Any

import ray

from adamml.cluster import room_for_slots

CPUS_PER_WORKER = 1
"""CPUs, and so torch threads, of a worker without a GPU; fixed, because threads change numbers.
Four workers of one thread do 40% more policy epochs than two of two, and 7% more recognition
(EXPERIMENTS.md, 2026-11-22)."""
CPUS_PER_GPU = 8
"""At most so many beside each GPU."""


def slot_size(slots: int | None, workers_per_slot: int) -> dict[str, Any]:
    """count, workers_per_slot, cpus_per_worker and use_gpu, as start_slots takes them.

    Args:
        slots: how many the user wants; None for as many as there is room for.
    """
    gpus = int(ray.cluster_resources().get("GPU", 0))
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if gpus:
        cpus = min(int(n.get("CPU", 0) // n["GPU"]) for n in nodes if n.get("GPU", 0) >= 1)
        cpus = max(1, min(cpus, CPUS_PER_GPU))
    else:
        cpus = max(1, min(CPUS_PER_WORKER, max(int(n.get("CPU", 0)) for n in nodes)))
    size: dict[str, Any] = {
        "workers_per_slot": workers_per_slot,
        "cpus_per_worker": cpus,
        "use_gpu": gpus > 0,
    }
    return {"count": slots or max(1, room_for_slots(**size)), **size}
