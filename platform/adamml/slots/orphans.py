"""Ray Train's detached cleaners, which a killed driver leaves on a cluster that lives on.

Each Ray Train run starts one to free its placement group should its controller die. Afterwards it
ends itself, but asks for that from a thread that is not the actor's, which Ray need not grant:
with Ray 2.60 none was left in our tries (docs/notebook/2026-11-22-killed-parts.md), but one per run
has been seen to stay.
"""

import logging
import os
import signal
from typing import Any

import ray
from ray.util.state import list_actors, list_jobs

from adamml.cluster import on_node

log = logging.getLogger(__name__)

CLEANER = "PlacementGroupCleaner"
OVER = ("SUCCEEDED", "FAILED", "STOPPED")
LIMIT = 10_000


def remove_orphans() -> int:
    """End the cleaners of drivers that are gone, on a cluster that was joined; return the count.

    A cluster of our own has none: it began with this driver.
    """
    if "RAY_ADDRESS" not in os.environ:
        return 0
    # Without it the cluster that was started last on this machine would be asked.
    address = str(ray.get_runtime_context().gcs_address)
    over = {job.job_id for job in list_jobs(address, limit=LIMIT) if job.status in OVER}
    filters: list[Any] = [("class_name", "=", CLEANER), ("state", "=", "ALIVE")]
    orphans = [a for a in list_actors(address, filters=filters, limit=LIMIT) if a.job_id in over]
    end = ray.remote(num_cpus=0, max_retries=0)(_end)
    nodes = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
    ends = [
        end.options(scheduling_strategy=on_node(a.node_id)).remote(a.pid)
        for a in orphans
        if a.node_id in nodes
    ]
    removed = sum(bool(ended) for ended in ray.get(ends))
    if removed:
        log.info("ended %d cleaner(s) of drivers that are gone", removed)
    return removed


def _end(pid: int) -> bool:
    """End a process of this node, if it is still a cleaner's."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            if CLEANER.encode() not in file.read():
                return False
        os.kill(pid, signal.SIGKILL)
    except OSError:
        return False
    return True
