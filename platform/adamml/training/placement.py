"""Placement of a model on the device of its process."""

import torch
from torch import nn

from adamml.config import Config
from adamml.training.workers import Workers


def placed(model: nn.Module, config: Config, workers: Workers) -> nn.Module:
    """Return a model on its process's device, in channels_last order.

    On several GPUs its batch norm is synchronised if execution.sync_batch_norm says so.
    """
    cuda = workers.device.type == "cuda"
    if cuda and workers.world_size > 1 and config.execution.sync_batch_norm == "cuda":
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    return model.to(workers.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
