"""Ranks that train together: one process, or several under torch.distributed."""

from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")
"""Type of a value that ranks exchange."""


@dataclass(frozen=True)
class Workers:
    """Place of this process among the ranks that train together."""

    rank: int
    """Number of this process, from 0."""
    world_size: int
    """Number of processes."""
    device: torch.device
    """Device of this process."""

    @classmethod
    def current(cls) -> "Workers":
        """Return this process's place in torch.distributed; alone if that is not initialised."""
        cuda = torch.cuda.is_available()
        device = torch.device("cuda", torch.cuda.current_device()) if cuda else torch.device("cpu")
        if dist.is_available() and dist.is_initialized():
            return cls(dist.get_rank(), dist.get_world_size(), device)
        return cls(0, 1, device)

    def parallel(self, module: nn.Module) -> nn.Module:
        """Return a module that averages its gradients over the ranks; as it is with one rank."""
        if self.world_size == 1:
            return module
        ids = [self.device.index] if self.device.type == "cuda" else None
        return DistributedDataParallel(module, device_ids=ids)

    def gather(self, value: T) -> list[T]:
        """Return every rank's value, in rank order, on every rank."""
        if self.world_size == 1:
            return [value]
        values: list[Any] = [None] * self.world_size
        dist.all_gather_object(values, value)
        return values

    def barrier(self) -> None:
        """Wait until every rank has come here."""
        if self.world_size > 1:
            dist.barrier()
