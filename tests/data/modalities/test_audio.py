import numpy as np
import torch
from adamml.config import AudioConfig
from adamml.data.modalities.audio import log_spectrogram, windows

AUDIO = AudioConfig(n_fft=127, window=127, hop=480, steps=64)


def test_windows_start_where_asked_and_stay_inside() -> None:
    samples = np.arange(60_000, dtype=np.int64).astype(np.int16)
    cut = windows(samples, np.array([-0.5, 0.5, 9.0]), AUDIO)
    assert cut.shape == (3, 30_720)
    assert (cut[:, 0] * 2**15).tolist() == [0.0, 12_000.0, float(np.int16(60_000 - 30_720))]


def test_short_sound_is_repeated_and_no_sound_is_zeros() -> None:
    cut = windows(np.array([1, 2, 3], np.int16), np.array([0.0]), AUDIO)
    assert (cut[0, :6] * 2**15).tolist() == [1, 2, 3, 1, 2, 3]
    assert not windows(np.empty(0, np.int16), np.array([0.0, 1.0]), AUDIO).any()


def test_spectrogram_is_log_power_with_the_tone_in_its_bin() -> None:
    t = torch.arange(30_720) / 24_000
    spectrogram = log_spectrogram(torch.sin(2 * torch.pi * 3000 * t)[None], AUDIO)
    assert spectrogram.shape == (1, 1, 1, 64, 64)
    assert int(spectrogram[0, 0, 0].mean(-1).argmax()) == round(3000 / (24_000 / 127))
    silence = log_spectrogram(torch.zeros(1, 30_720), AUDIO)
    torch.testing.assert_close(silence, torch.full_like(silence, float(np.log(AUDIO.floor))))


def test_published_spectrogram_is_256_by_256() -> None:
    assert log_spectrogram(torch.zeros(2, 30_720), AudioConfig()).shape == (2, 1, 1, 256, 256)
