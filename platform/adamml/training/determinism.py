"""Determinism: the numbers of a trial do not depend on what ran in its process before.

They follow from seed, config, device, number of threads and world size.
"""

import os
import random
import zlib

import numpy as np
import torch

from adamml.config import ExecutionConfig


def configure(execution: ExecutionConfig) -> None:
    """Make torch use deterministic algorithms only, unless execution.fast is set."""
    # cuBLAS is deterministic only with a workspace of fixed size.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(not execution.fast)
    # By default this mode fills fresh memory with NaN. That changes no loss, and a policy-only
    # epoch takes 1.55 s with it, 1.44 s without (docs/notebook/2026-11-22-forty-trials.md).
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = execution.fast
    torch.backends.cudnn.deterministic = not execution.fast


def seed_everything(*parts: int | str) -> None:
    """Seed the global generators of torch (CPU and CUDA), numpy and random from these parts.

    Each epoch begins with a call for (seed, epoch, rank). The generators' state at its beginning
    thus follows from its number, and a resumed trial needs no stored state.
    """
    seed = _seed(parts)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def generator(*parts: int | str) -> torch.Generator:
    """Return a new CPU generator, seeded from these parts; the global ones stay as they are."""
    return torch.Generator().manual_seed(_seed(parts))


def _seed(parts: tuple[int | str, ...]) -> int:
    return zlib.crc32("/".join(map(str, parts)).encode())
