from dataclasses import replace

import numpy as np
import pytest
import torch
from adamml.config import AudioConfig, RgbConfig
from adamml.data.modalities import even_rgb, log_spectrogram, train_rgb, windows

RGB = RgbConfig(frames=3, frame_stride=4, crop=24, train_short_side=(26, 30), test_short_side=28)
AUDIO = AudioConfig(n_fft=127, window=127, hop=480, steps=64)


def _still_clips(height: int = 30, width: int = 40) -> torch.Tensor:
    """Two segments of three equal frames."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, size=(2, 1, 3, height, width), dtype=np.uint8)
    return torch.from_numpy(np.repeat(frames, 3, axis=1))


def test_augmentation_is_the_same_for_the_frames_of_a_segment_and_differs_between_segments() -> (
    None
):
    clips = _still_clips()
    clips[1] = clips[0]
    out = train_rgb(clips, RGB, np.random.default_rng(0))
    assert out.shape == (2, 3, 3, 24, 24)
    assert out.dtype == torch.float32
    assert (out[:, 0] == out[:, 1]).all()
    assert (out[:, 0] == out[:, 2]).all()
    assert not torch.equal(out[0], out[1])


def test_half_of_the_segments_are_flipped() -> None:
    ramp = torch.arange(30, dtype=torch.uint8).mul(8).expand(1, 3, 3, 30, 30)
    flips = [
        bool(
            (clip := train_rgb(ramp, RGB, np.random.default_rng(i)))[0, 0, 0, 0, 0]
            > clip[..., -1].min()
        )
        for i in range(100)
    ]
    assert 30 < sum(flips) < 70


def test_even_crop_is_the_normalised_centre() -> None:
    rgb = replace(RGB, test_short_side=30)
    clips = _still_clips()
    expected = clips[..., 3:27, 8:32].float() / 255
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (rgb.mean, rgb.std))
    torch.testing.assert_close(even_rgb(clips, rgb), (expected - mean) / std)


@pytest.mark.parametrize("shape", [(30, 40), (40, 30), (26, 26), (20, 90)])
def test_any_stored_size_gives_the_crop(shape: tuple[int, int]) -> None:
    clips = _still_clips(*shape)
    assert even_rgb(clips, RGB).shape == (2, 3, 3, 24, 24)
    assert train_rgb(clips, RGB, np.random.default_rng(1)).shape == (2, 3, 3, 24, 24)


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
