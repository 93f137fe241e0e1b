"""Same seed, config, device, threads and world size: same numbers, whatever ran here before."""

import os
import random
import zlib

import numpy as np
import torch

from adamml.config import ExecutionConfig


def configure(execution: ExecutionConfig) -> None:
    """Deterministic algorithms everywhere, unless the recipe says `fast`."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only then
    torch.use_deterministic_algorithms(not execution.fast)
    # Filling fresh memory with NaN would only hide reads of it, and takes time
    # (docs/notebook/2026-11-22-forty-trials.md).
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = execution.fast
    torch.backends.cudnn.deterministic = not execution.fast


def seed_everything(*parts: int | str) -> None:
    """Seed torch (CPU and CUDA), numpy and random from these parts.

    Each epoch starts here with (seed, epoch, rank), so the state of the generators at an epoch's
    start is a function of its number: a resumed trial needs no stored generator state.
    """
    seed = _seed(parts)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def generator(*parts: int | str) -> torch.Generator:
    """A CPU generator of its own, from these parts; the global ones are left as they are."""
    return torch.Generator().manual_seed(_seed(parts))


def _seed(parts: tuple[int | str, ...]) -> int:
    return zlib.crc32("/".join(map(str, parts)).encode())
