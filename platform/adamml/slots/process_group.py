"""torch.distributed over the workers of a slot.

Ray Train's TorchTrainer would do this, but brings torch into a slot's launcher and into its
controller, which have no use for it: seconds before every start of a slot's workers.
"""

import contextlib
from collections.abc import Iterator
from datetime import timedelta

import ray
import torch
import torch.distributed as dist
from ray import train
from ray.train.collective import broadcast_from_rank_zero
from ray.train.torch import get_device
from torch.distributed import TCPStore  # type: ignore[attr-defined]

TIMEOUT = timedelta(minutes=30)
"""Longest wait in a collective; Ray Train ends ranks whose other ranks died long before."""


@contextlib.contextmanager
def process_group() -> Iterator[torch.device]:
    """Join all workers of a Ray Train run in a process group, until they leave the block together.

    NCCL on GPUs and gloo on CPUs; a single worker needs none.

    Yields:
        This worker's device, which is also torch's current one.
    """
    device, ranks = get_device(), train.get_context()
    if device.type == "cuda":
        torch.cuda.set_device(device)
    rank, world_size = ranks.get_world_rank(), ranks.get_world_size()
    if world_size == 1:
        yield device
        return
    store = _store(rank, world_size)
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=world_size, timeout=TIMEOUT)
    yield device
    dist.destroy_process_group()  # not after an error: other ranks may be waiting in a collective


def _store(rank: int, world_size: int) -> TCPStore:
    """Return rank 0's store, at a port that the system chose."""
    if rank == 0:
        host = ray.util.get_node_ip_address()
        store = TCPStore(host, 0, world_size, is_master=True, wait_for_workers=False)
        broadcast_from_rank_zero((host, store.port))
        return store
    host, port = broadcast_from_rank_zero(None)
    return TCPStore(host, port, world_size, is_master=False)
