"""Maximum over neighbouring frames, in a form that is deterministic on CUDA."""

from functools import reduce

import torch
from torch import Tensor


def temporal_max_pool(maps: Tensor, num_frames: int) -> tuple[Tensor, int]:
    """Maximum over three frames around every second one: 8 -> 4 -> 2 -> 1, odd F to (F + 1) / 2.

    What MaxPool3d would do with kernel 3, stride 2 and padding 1 over time. Its backward raises in
    deterministic mode on CUDA, so the maximum is taken elementwise over frame slices.

    Args:
        maps: [B * F, C, H, W], the frames of a segment beside each other.
        num_frames: F.

    Returns:
        maps [B * ceil(F / 2), C, H, W], and the new number of frames.
    """
    if num_frames == 1:
        return maps, 1
    frames = maps.reshape(-1, num_frames, *maps.shape[1:]).unbind(1)
    centres = range(0, num_frames, 2)
    pooled = [reduce(torch.maximum, frames[max(t - 1, 0) : t + 2]) for t in centres]
    return torch.stack(pooled, dim=1).flatten(0, 1), len(pooled)


def pooled_features(maps: Tensor, num_frames: int) -> Tensor:
    """[B * F, C, H, W] -> [B, C]: the mean over space and over the frames that are left."""
    return maps.mean(dim=(2, 3)).reshape(-1, num_frames, maps.shape[1]).mean(dim=1)
