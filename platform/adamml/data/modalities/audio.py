"""What a network hears of a segment: windows of a video's sound, as log spectrograms."""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchaudio.transforms import Spectrogram

from adamml.config import AudioConfig

Array = np.ndarray[Any, Any]


def windows(samples: Array, starts: Array, audio: AudioConfig) -> Tensor:
    """The sound of each segment: float32 [S, sample_rate * seconds].

    A window that reaches over an end is moved inside; a sound shorter than a window is repeated
    from its beginning. Both as in the released code (load_sound).

    Args:
        samples: int16 [T], the video's whole sound.
        starts: [S], where the windows begin, in seconds.
    """
    length = window_length(audio)
    if len(samples) == 0:
        return torch.zeros(len(starts), length)
    if len(samples) < length:
        samples = np.tile(samples, -(-length // len(samples)))[:length]
    first = window_places(starts, len(samples), audio)
    return as_sound(np.stack([samples[f : f + length] for f in first]))


def window_length(audio: AudioConfig) -> int:
    """In samples."""
    return round(audio.sample_rate * audio.seconds)


def window_places(starts: Array, total: int, audio: AudioConfig) -> Array:
    """The first sample of each window, int64 [S], so that all lie within `total` samples."""
    first = np.rint(starts * audio.sample_rate).astype(np.int64)
    return np.asarray(np.clip(first, 0, total - window_length(audio)))


def as_sound(samples: Array) -> Tensor:
    """int16 -> float32 in [-1, 1)."""
    return torch.from_numpy(samples).float().div_(2**15)


def log_spectrogram(sound: Tensor, audio: AudioConfig) -> Tensor:
    """[S, samples] in [-1, 1] -> log(power + floor), float32 [S, 1, 1, n_fft // 2 + 1, steps]."""
    power: Tensor = _spectrogram(audio.n_fft, audio.window, audio.hop)(sound)
    return power[..., : audio.steps].add(audio.floor).log_()[:, None, None]


@lru_cache(maxsize=8)
def _spectrogram(n_fft: int, window: int, hop: int) -> Spectrogram:
    return Spectrogram(n_fft=n_fft, win_length=window, hop_length=hop, power=2.0)
