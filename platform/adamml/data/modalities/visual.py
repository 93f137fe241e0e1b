"""Frames as networks take them: resized, cropped, flipped, stacked and normalised.

Random choices are made once per segment, and are the same for all its frames and for all visual
modalities: flow shows what rgb shows.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from adamml.config import Config, RgbConfig


@dataclass(frozen=True, slots=True)
class Crop:
    """The square that is cut from one segment's frames."""

    short_side: int
    """Short side, in pixels, to which the frames are resized before they are cut."""
    top: int
    """First row, in resized pixels."""
    left: int
    """First column, in resized pixels."""
    flip: bool
    """True mirrors the square, left to right."""


def train_crops(
    num_segments: int, stored: tuple[int, int], rgb: RgbConfig, rng: np.random.Generator
) -> list[Crop]:
    """Draw a short side in rgb.train_short_side, a place and a flip for each segment.

    Args:
        num_segments: number of segments.
        stored: height and width of the stored frames.
        rgb: sizes of crops.
        rng: generator; four numbers per segment are drawn from it.
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
    """Return the central square of every segment, at rgb.test_short_side.

    Args:
        num_segments: number of segments.
        stored: height and width of the stored frames.
        rgb: sizes of crops.
    """
    top, left = ((side - rgb.crop) // 2 for side in resized(stored, rgb.test_short_side))
    return [Crop(rgb.test_short_side, top, left, flip=False)] * num_segments


def resized(stored: tuple[int, int], short_side: int) -> tuple[int, int]:
    """Return height and width after resizing to a short side."""
    scale = short_side / min(stored)
    # Rounding must not make the short side shorter than what the crop was chosen for.
    height, width = (max(short_side, round(side * scale)) for side in stored)
    return height, width


def cut(frames: Tensor, crops: list[Crop], size: int, modality: str) -> Tensor:
    """Resize (antialiased), crop and flip segments; uint8 [S, F, C, size, size].

    Args:
        frames: uint8 [S, F, C, h, w].
        crops: a crop per segment.
        size: side of the crops, in pixels.
        modality: name of the modality; a flip also reverses flow's x.
    """
    clips = zip(frames, crops, strict=True)
    return torch.stack([_cut(clip, crop, size, modality) for clip, crop in clips])


def _cut(clip: Tensor, crop: Crop, size: int, modality: str) -> Tensor:
    """Resize, crop and flip the frames of one segment, [F, C, h, w]."""
    if min(clip.shape[-2:]) != crop.short_side:
        shape = list(resized((clip.shape[-2], clip.shape[-1]), crop.short_side))
        clip = F.interpolate(clip, size=shape, mode="bilinear", antialias=True)
    clip = clip[..., crop.top : crop.top + size, crop.left : crop.left + size]
    if not crop.flip:
        return clip
    clip = clip.flip(-1)
    if modality == "flow":
        # Channels are x, y, x, y, ...: in a mirror, what moves right moves left.
        clip[:, ::2] = 255 - clip[:, ::2]
    return clip


def differences(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return rgbdiff as is usual in the field: (later - earlier + 255) / 2, rounded down.

    Args:
        frames: [S, F, T + 1, 3, h, w].

    Returns:
        [S, F, 3 T, h, w].
    """
    signed = frames.astype(np.int16)  # differences of uint8 would wrap around
    halved = (signed[:, :, 1:] - signed[:, :, :-1] + 255) // 2
    return halved.astype(np.uint8).reshape(*frames.shape[:2], -1, *frames.shape[-2:])


def normalise(clips: Tensor, config: Config, modality: str) -> Tensor:
    """Subtract the modality's mean and divide by its standard deviation; float32.

    Args:
        clips: uint8 [..., C, h, w].
        config: gives the means and deviations: rgb's, also for rgbdiff, or flow's.
        modality: name of the modality.
    """
    if modality == "flow":
        offset, scale = _affine((config.motion.mean,), (config.motion.std,), clips.shape[-3])
    else:
        offset, scale = _affine(config.rgb.mean, config.rgb.std, clips.shape[-3])
    normal = torch.empty(clips.shape)
    # A segment at a time stays in the processor's cache through all three steps.
    for out, clip in zip(normal, clips, strict=True):
        out.copy_(clip).sub_(offset).mul_(scale)
    return normal


@lru_cache(maxsize=64)
def _affine(mean: tuple[float, ...], std: tuple[float, ...], depth: int) -> tuple[Tensor, Tensor]:
    """Return what to subtract from 8-bit values, and what to multiply by: [depth, 1, 1] each.

    Args:
        mean: mean of each channel, of values in [0, 1].
        std: standard deviation of each channel.
        depth: number of channels of the clip; the means repeat over a stack.
    """
    times = depth // len(mean)
    offset = torch.tensor(mean * times).mul(255).view(depth, 1, 1)
    return offset, torch.tensor(std * times).mul(255).reciprocal().view(depth, 1, 1)
