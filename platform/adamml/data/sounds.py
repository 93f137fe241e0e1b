"""What a network hears of a segment: windows of a video's sound, as log spectrograms."""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchaudio.transforms import Spectrogram

from adamml.config import AudioConfig


def windows(
    samples: np.ndarray[Any, Any], starts: np.ndarray[Any, Any], audio: AudioConfig
) -> Tensor:
    """The sound of each segment: float32 [S, sample_rate * seconds].

    A window that reaches over an end is moved inside; a sound shorter than a window is repeated
    from its beginning. Both as in the released code (load_sound).

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
