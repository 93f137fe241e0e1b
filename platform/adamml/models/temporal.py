"""Maximum over neighbouring frames, in a form that is deterministic on CUDA.

Inside a backbone the layout is frame by frame, [F * B, C, H, W]: the first frame of every segment,
then the second of every segment, and so on. So one frame of all segments is a slice, and a
channels_last layout survives the pooling.
"""

from functools import reduce

import torch
from torch import Tensor


def temporal_max_pool(maps: Tensor, num_frames: int) -> tuple[Tensor, int]:
    """Take the maximum over each second frame and its neighbours: 8 -> 4 -> 2 -> 1 frames.

    The result is that of MaxPool3d with kernel 3, stride 2 and padding 1 over time. The backward
    pass of MaxPool3d raises in deterministic mode on CUDA, so the maximum is taken elementwise over
    slices.

    Args:
        maps: [F * B, C, H, W].
        num_frames: F; an odd F becomes (F + 1) / 2.

    Returns:
        Maps [ceil(F / 2) * B, C, H, W] and the new number of frames.
    """
    if num_frames == 1:
        return maps, 1
    frames = maps.chunk(num_frames)
    centres = range(0, num_frames, 2)
    pooled = [reduce(torch.maximum, frames[max(t - 1, 0) : t + 2]) for t in centres]
    return torch.cat(pooled), len(pooled)


def pooled_features(maps: Tensor, num_frames: int) -> Tensor:
    """Average maps [F * B, C, H, W] over space and frames; returns [B, C]."""
    return maps.mean(dim=(2, 3)).reshape(num_frames, -1, maps.shape[1]).mean(dim=0)
