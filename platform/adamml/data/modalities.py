"""What a network sees of a segment, from decoded frames and samples. One entry per modality."""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torchaudio.transforms import Spectrogram

from adamml.config import AudioConfig, RgbConfig


def train_rgb(frames: Tensor, rgb: RgbConfig, rng: np.random.Generator) -> Tensor:
    """Resize, crop and flip at random, the same for all frames of a segment, and normalise.

    Args:
        frames: uint8 [S, F, 3, h, w].

    Returns:
        float32 [S, F, 3, crop, crop].
    """
    return normalise(torch.stack([_augmented(clip, rgb, rng) for clip in frames]), rgb)


def even_rgb(frames: Tensor, rgb: RgbConfig) -> Tensor:
    """Resize, crop the centre, normalise.

    Args:
        frames: uint8 [S, F, 3, h, w].

    Returns:
        float32 [S, F, 3, crop, crop].
    """
    resized = _resized(frames.flatten(0, 1), rgb.test_short_side)
    top, left = ((size - rgb.crop) // 2 for size in resized.shape[-2:])
    crop = resized[..., top : top + rgb.crop, left : left + rgb.crop]
    return normalise(crop.unflatten(0, frames.shape[:2]), rgb)


def _augmented(clip: Tensor, rgb: RgbConfig, rng: np.random.Generator) -> Tensor:
    low, high = rgb.train_short_side
    resized = _resized(clip, int(rng.integers(low, high + 1)))
    top, left = (int(rng.integers(0, size - rgb.crop + 1)) for size in resized.shape[-2:])
    crop = resized[..., top : top + rgb.crop, left : left + rgb.crop]
    return crop.flip(-1) if rng.random() < 0.5 else crop


def _resized(frames: Tensor, short_side: int) -> Tensor:
    """uint8 [n, 3, h, w] with the short side in pixels, antialiased."""
    height, width = frames.shape[-2:]
    if min(height, width) == short_side:
        return frames
    scale = short_side / min(height, width)
    size = [max(short_side, round(height * scale)), max(short_side, round(width * scale))]
    return F.interpolate(frames, size=size, mode="bilinear", antialias=True)


def normalise(frames: Tensor, rgb: RgbConfig) -> Tensor:
    """uint8 [..., 3, h, w] -> float32, by the mean and deviation of rgb."""
    mean = torch.tensor(rgb.mean).mul(255).view(3, 1, 1)
    scale = torch.tensor(rgb.std).mul(255).reciprocal().view(3, 1, 1)
    return frames.float().sub_(mean).mul_(scale)


def windows(
    samples: np.ndarray[Any, Any], starts: np.ndarray[Any, Any], audio: AudioConfig
) -> Tensor:
    """The sound of each segment: float32 [S, sample_rate * seconds].

    A window that reaches over an end is moved inside; a sound shorter than a window is repeated.

    Args:
        samples: int16 [T], the video's whole sound.
        starts: [S], where the windows begin, in seconds.
    """
    length = round(audio.sample_rate * audio.seconds)
    if len(samples) == 0:
        return torch.zeros(len(starts), length)
    if len(samples) < length:
        samples = np.tile(samples, -(-length // len(samples)))[:length]
    first = np.rint(starts * audio.sample_rate).astype(np.int64)
    first = np.clip(first, 0, len(samples) - length)
    cut = np.stack([samples[f : f + length] for f in first])
    return torch.from_numpy(cut).float().div_(2**15)


def log_spectrogram(sound: Tensor, audio: AudioConfig) -> Tensor:
    """[S, samples] in [-1, 1] -> log(power + floor), float32 [S, 1, 1, n_fft // 2 + 1, steps]."""
    power: Tensor = _spectrogram(audio.n_fft, audio.window, audio.hop)(sound)
    return power[..., : audio.steps].add(audio.floor).log_()[:, None, None]


@lru_cache(maxsize=8)
def _spectrogram(n_fft: int, window: int, hop: int) -> Spectrogram:
    return Spectrogram(n_fft=n_fft, win_length=window, hop_length=hop, power=2.0)
