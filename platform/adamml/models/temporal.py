"""Maximum over neighbouring frames, in a form that is deterministic on CUDA.

Inside a backbone frames lie frame by frame, [F * B, C, H, W]: the first frame of every segment,
then the second of every segment. A frame is then a slice, and channels_last survives pooling.
"""

from functools import reduce

import torch
from torch import Tensor


def temporal_max_pool(maps: Tensor, num_frames: int) -> tuple[Tensor, int]:
    """Maximum over three frames around every second one: 8 -> 4 -> 2 -> 1, odd F to (F + 1) / 2.

    What MaxPool3d would do with kernel 3, stride 2 and padding 1 over time. Its backward raises in
    deterministic mode on CUDA, so the maximum is taken elementwise over frame slices.

    Args:
        maps: [F * B, C, H, W].
        num_frames: F.

    Returns:
        maps [ceil(F / 2) * B, C, H, W], and the new number of frames.
    """
    if num_frames == 1:
        return maps, 1
    frames = maps.chunk(num_frames)
    centres = range(0, num_frames, 2)
    pooled = [reduce(torch.maximum, frames[max(t - 1, 0) : t + 2]) for t in centres]
    return torch.cat(pooled), len(pooled)


def pooled_features(maps: Tensor, num_frames: int) -> Tensor:
    """[F * B, C, H, W] -> [B, C]: the mean over space and over the frames that are left."""
    return maps.mean(dim=(2, 3)).reshape(num_frames, -1, maps.shape[1]).mean(dim=0)
