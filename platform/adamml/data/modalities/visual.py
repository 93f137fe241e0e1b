"""Frames as networks see them: sizes, crops and flips, stacks of motion, normalisation.

What is drawn at random is drawn once per segment and the same for its frames and for every visual
modality, so that flow shows what rgb shows.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from adamml.config import Config, RgbConfig

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Crop:
    """How one segment is cut: the short side it is resized to, where in that, and flipped."""

    short_side: int
    top: int
    left: int
    flip: bool


def train_crops(
    num_segments: int, stored: tuple[int, int], rgb: RgbConfig, rng: np.random.Generator
) -> list[Crop]:
    """A short side from rgb.train_short_side, a place and a flip for each segment.

    Args:
        stored: height and width of the stored frames.
    """
    low, high = rgb.train_short_side
    crops = []
    for _ in range(num_segments):
        short_side = int(rng.integers(low, high + 1))
        room = (side - rgb.crop for side in resized(stored, short_side))
        top, left = (int(rng.integers(0, r + 1)) for r in room)
        crops.append(Crop(short_side, top, left, bool(rng.random() < 0.5)))
    return crops


def even_crops(num_segments: int, stored: tuple[int, int], rgb: RgbConfig) -> list[Crop]:
    """The middle of every segment at rgb.test_short_side."""
    top, left = ((side - rgb.crop) // 2 for side in resized(stored, rgb.test_short_side))
    return [Crop(rgb.test_short_side, top, left, flip=False)] * num_segments


def resized(stored: tuple[int, int], short_side: int) -> tuple[int, int]:
    """Height and width when the short side is that long."""
    scale = short_side / min(stored)
    height, width = (max(short_side, round(side * scale)) for side in stored)
    return height, width


def cut(frames: Tensor, crops: list[Crop], size: int, modality: str) -> Tensor:
    """Resize (antialiased), crop and flip segments; of flow, a flip turns x around as well.

    Args:
        frames: uint8 [S, F, C, h, w].

    Returns:
        uint8 [S, F, C, size, size].
    """
    clips = zip(frames, crops, strict=True)
    return torch.stack([_cut(clip, crop, size, modality) for clip, crop in clips])


def _cut(clip: Tensor, crop: Crop, size: int, modality: str) -> Tensor:
    if min(clip.shape[-2:]) != crop.short_side:
        shape = list(resized((clip.shape[-2], clip.shape[-1]), crop.short_side))
        clip = F.interpolate(clip, size=shape, mode="bilinear", antialias=True)
    clip = clip[..., crop.top : crop.top + size, crop.left : crop.left + size]
    if not crop.flip:
        return clip
    clip = clip.flip(-1)
    if modality == "flow":
        clip[:, ::2] = 255 - clip[:, ::2]
    return clip


def differences(frames: Array) -> Array:
    """rgbdiff as the field keeps it: (later - earlier + 255) / 2, rounded down.

    Args:
        frames: uint8 [S, F, T + 1, 3, h, w].

    Returns:
        uint8 [S, F, 3 T, h, w].
    """
    signed = frames.astype(np.int16)
    halved = (signed[:, :, 1:] - signed[:, :, :-1] + 255) // 2
    return halved.astype(np.uint8).reshape(*frames.shape[:2], -1, *frames.shape[-2:])


def normalise(clips: Tensor, config: Config, modality: str) -> Tensor:
    """uint8 [..., C, h, w] -> float32, by rgb's mean and deviation (also rgbdiff's) or flow's."""
    if modality == "flow":
        offset, scale = _affine((config.motion.mean,), (config.motion.std,), clips.shape[-3])
    else:
        offset, scale = _affine(config.rgb.mean, config.rgb.std, clips.shape[-3])
    normal = torch.empty(clips.shape)
    for out, clip in zip(normal, clips, strict=True):  # a segment at a time stays in the processor
        out.copy_(clip).sub_(offset).mul_(scale)
    return normal


@lru_cache(maxsize=64)
def _affine(mean: tuple[float, ...], std: tuple[float, ...], depth: int) -> tuple[Tensor, Tensor]:
    """What to subtract from 8-bit values, and to multiply by: [depth, 1, 1] each."""
    times = depth // len(mean)
    offset = torch.tensor(mean * times).mul(255).view(depth, 1, 1)
    return offset, torch.tensor(std * times).mul(255).reciprocal().view(depth, 1, 1)
