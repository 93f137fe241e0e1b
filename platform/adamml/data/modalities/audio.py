"""The sound of segments: windows of a video's samples, as log power spectrograms."""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchaudio.transforms import Spectrogram

from adamml.config import AudioConfig


def windows(
    samples: NDArray[np.int16], starts: NDArray[np.floating[Any]], audio: AudioConfig
) -> Tensor:
    """Cut a video's sound into a window for each segment: float32 [S, sample_rate * seconds].

    A window that reaches over an end is moved inside. A sound shorter than a window is repeated
    from its beginning. Both are as in the released code (load_sound). Without sound, all is zero.

    Args:
        samples: [T], the whole sound of the video.
        starts: [S], where the windows begin, in seconds.
        audio: sizes of the windows.
    """
    length = window_length(audio)
    if len(samples) == 0:
        return torch.zeros(len(starts), length)
    if len(samples) < length:
        # -(-a // b) is a / b rounded up.
        samples = np.tile(samples, -(-length // len(samples)))[:length]
    first = window_places(starts, len(samples), audio)
    return as_sound(np.stack([samples[f : f + length] for f in first]))


def window_length(audio: AudioConfig) -> int:
    """Return the number of samples in a window."""
    return round(audio.sample_rate * audio.seconds)


def window_places(
    starts: NDArray[np.floating[Any]], total: int, audio: AudioConfig
) -> NDArray[np.int64]:
    """Return the first sample of each window, [S], moved so that all lie in the sound.

    Args:
        starts: [S], where the windows begin, in seconds.
        total: number of samples of the sound, at least a window's.
        audio: sizes of the windows.
    """
    first = np.rint(starts * audio.sample_rate).astype(np.int64)
    return np.asarray(np.clip(first, 0, total - window_length(audio)))


def as_sound(samples: NDArray[np.int16]) -> Tensor:
    """Return samples as float32 in [-1, 1)."""
    return torch.from_numpy(samples).float().div_(2**15)


def log_spectrogram(sound: Tensor, audio: AudioConfig) -> Tensor:
    """Return log(power + audio.floor): float32 [S, 1, 1, n_fft // 2 + 1, steps].

    Args:
        sound: [S, samples] in [-1, 1).
        audio: sizes of the spectrogram.
    """
    # The transform pads both ends, which makes more columns than are kept.
    power: Tensor = _spectrogram(audio.n_fft, audio.window, audio.hop)(sound)
    return power[..., : audio.steps].add(audio.floor).log_()[:, None, None]


@lru_cache(maxsize=8)
def _spectrogram(n_fft: int, window: int, hop: int) -> Spectrogram:
    return Spectrogram(n_fft=n_fft, win_length=window, hop_length=hop, power=2.0)
