"""Every rate of frames and of sound: what is read at a time is what was there at that time."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path

import media
import numpy as np
import pytest
from adamml.config import Config, RgbConfig
from adamml.data.cache.opening import FrameSource, open_frames
from adamml.data.clips import Clips
from adamml.data.dataset import SegmentDataset
from adamml.data.manifest import Manifest
from adamml.data.media.encoding import Encoding
from adamml.data.modalities.audio import windows
from adamml.data.modalities.segments import audio_starts, even_starts, frame_count, frame_indices
from adamml.preparing.making.transcode import transcode

FPS = [
    Fraction(8),
    Fraction(25, 2),
    Fraction(24_000, 1001),
    Fraction(25),
    Fraction(30_000, 1001),
    Fraction(30),
    Fraction(50),
    Fraction(60),
]
SOUNDS = list(product([16_000, 22_050, 24_000, 44_100, 48_000], ["mono", "stereo", "5.1"]))
SECONDS, STEP_S = 2.0, 0.25
RGB = RgbConfig(frames=4, frame_stride=2, crop=24, train_short_side=(24, 24), test_short_side=24)


def pitch_hz(t: np.ndarray) -> np.ndarray:
    """Another in every quarter of a second."""
    return 400 + 300 * np.floor(t / STEP_S)


def steps(t: np.ndarray) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * pitch_hz(t) * t)


def heard_hz(sound: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 8 * len(sound)))
    return float(spectrum.argmax() * rate / (8 * len(sound)))


def film(path: Path, fps: Fraction, rate: int, layout: str, seconds: float = SECONDS) -> Path:
    return media.write_media(
        path,
        times=[float(n / fps) for n in range(round(seconds * fps))],
        fps=fps,
        rate=rate,
        layout=layout,
        wave=steps,
        draw=media.numbered,
    )


@pytest.fixture
def rates(config: Config) -> Config:
    """Every frame is kept, and what is heard of a segment lasts 0.1 s."""
    audio = replace(config.audio, seconds=0.1, n_fft=127, window=127, hop=48, steps=50)
    return replace(config, rgb=RGB, audio=audio)


@pytest.fixture
def opened(
    make_manifest: Callable[..., Manifest],
    rates: Config,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., FrameSource]:
    def open_(name: str, fps: float, seconds: float, gib: str) -> FrameSource:
        monkeypatch.setenv("ADAMML_CACHE", str(tmp_path / f"cache {gib} {name}"))
        monkeypatch.setenv("ADAMML_CACHE_GIB", gib)
        return open_frames(make_manifest([name], duration_s=[seconds], fps=[fps]), rates)

    return open_


def check(source: FrameSource, config: Config, fps: float, seconds: float) -> None:
    """Check frames and sound of segments at the beginning, in the middle and at the end."""
    total = frame_count(seconds, fps)
    starts = even_starts(total, 3, RGB)
    indices = frame_indices(starts, total, RGB)
    np.testing.assert_array_equal(media.numbers_of(source["v0"].frames(indices)), indices)
    begin = audio_starts(starts, fps, RGB, 0.1)
    middle = begin + 0.05
    segments = windows(source["v0"].audio(), begin, config.audio).numpy()
    for sound, t in zip(segments, middle, strict=True):
        if 0.06 < t % STEP_S < STEP_S - 0.06 and t < SECONDS - 0.1:
            assert heard_hz(sound, 24_000) == pytest.approx(float(pitch_hz(t)), abs=25)
    assert len(source["v0"].audio()) == pytest.approx(SECONDS * 24_000, abs=0.15 * 24_000)
    for quarter in range(7):
        part = source["v0"].audio()[round((quarter * STEP_S + 0.04) * 24_000) :][: 24_000 // 6]
        assert heard_hz(part, 24_000) == pytest.approx(400 + 300 * quarter, abs=15)


PAIRS = [(FPS[place % len(FPS)], *sound) for place, sound in enumerate(SOUNDS)]
"""Every rate of frames, and every rate and layout of sound, at least once."""


@pytest.mark.parametrize(("fps", "rate", "layout"), PAIRS)
def test_frames_and_sound_come_at_their_times(
    tmp_path: Path,
    rates: Config,
    opened: Callable[..., FrameSource],
    fps: Fraction,
    rate: int,
    layout: str,
) -> None:
    every_way(tmp_path, rates, opened, fps, rate, layout)


@pytest.mark.slow
@pytest.mark.parametrize("fps", FPS)
def test_every_pair_of_rates_comes_at_its_times(
    tmp_path: Path, rates: Config, opened: Callable[..., FrameSource], fps: Fraction
) -> None:
    for rate, layout in SOUNDS:
        every_way(tmp_path, rates, opened, fps, rate, layout)


def every_way(
    tmp_path: Path,
    rates: Config,
    opened: Callable[..., FrameSource],
    fps: Fraction,
    rate: int,
    layout: str,
) -> None:
    """Read from the file, from the cache, and prepared."""
    (tmp_path / "data").mkdir(exist_ok=True)
    name = f"{float(fps):.2f} {rate} {layout}.mp4"
    source = film(tmp_path / "data" / name, fps, rate, layout)
    check(opened(name, float(fps), SECONDS, "0"), rates, float(fps), SECONDS)
    check(opened(name, float(fps), SECONDS, "1"), rates, float(fps), SECONDS)
    clip = transcode(source, source.with_suffix(".p.mp4"), encoding=Encoding(short_side=48))
    assert clip.fps == pytest.approx(float(fps), rel=1e-3)
    assert clip.duration_s == pytest.approx(SECONDS, abs=0.6 / float(fps))
    prepared = opened(f"{source.stem}.p.mp4", clip.fps, clip.duration_s, "1")
    check(prepared, rates, clip.fps, clip.duration_s)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_of_a_variable_rate_the_frame_that_is_shown_is_read(
    tmp_path: Path, opened: Callable[..., FrameSource], suffix: str
) -> None:
    times = np.cumsum([0.0] + [0.02, 0.02, 0.1, 0.3, 0.02, 0.04] * 4)
    (tmp_path / "data").mkdir()
    source = tmp_path / "data" / f"a.{suffix}"
    media.write_media(source, times=times.tolist(), draw=media.numbered)
    clip = transcode(source, source.with_suffix(".p.mp4"), encoding=Encoding(short_side=48))
    for name, fps, gib in (
        (source.name, 25.0, "0"),
        (source.name, 25.0, "1"),
        ("a.p.mp4", clip.fps, "1"),
    ):
        indices = np.arange(round(2.0 * fps))
        seen = media.numbers_of(opened(name, fps, 2.0, gib)["v0"].frames(indices[None])[0])
        for t, number in zip(indices / fps, seen, strict=True):
            allowed = [np.flatnonzero(times <= t + 0.5 / fps + by).max() for by in (-2e-3, 2e-3)]
            assert number in allowed


@pytest.mark.parametrize("suffix", ["avi", "mkv", "ts", "mp4"])
def test_frames_behind_the_end_are_the_last_in_every_container(
    tmp_path: Path, opened: Callable[..., FrameSource], suffix: str
) -> None:
    (tmp_path / "data").mkdir()
    media.write_media(tmp_path / "data" / f"a.{suffix}", draw=media.numbered)
    for gib in ("0", "1"):
        source = opened(f"a.{suffix}", 25.0, 4.0, gib)
        seen = media.numbers_of(source["v0"].frames(np.array([[90, 99, 100, 140], [0, 1, 2, 3]])))
        assert seen.tolist() == [[90, 99, 99, 99], [0, 1, 2, 3]]
        assert source.bad == {}


@pytest.mark.parametrize("prepare", [False, True])
@pytest.mark.parametrize("count", [1, 3, 7])
def test_a_clip_shorter_than_a_segment_is_repeated(
    tmp_path: Path, rates: Config, opened: Callable[..., FrameSource], count: int, prepare: bool
) -> None:
    (tmp_path / "data").mkdir()
    fps, seconds = 25.0, count / 25
    path = film(tmp_path / "data" / "a.mp4", Fraction(25), 24_000, "mono", seconds)
    if prepare:
        clip = transcode(path, path.with_name("b.mp4"), encoding=Encoding(short_side=48))
        path, fps, seconds = path.with_name("b.mp4"), clip.fps, clip.duration_s
    source = opened(path.name, fps, seconds, "0")
    assert frame_count(seconds, fps) == count
    clips = Clips(rates, source["v0"], np.zeros(2, int), count, fps)
    seen = media.numbers_of(clips._rgb())
    assert seen.tolist() == [[0, 2 % count, 4 % count, 6 % count]] * 2
    sound = source["v0"].audio()
    [window] = windows(
        sound, audio_starts(np.zeros(1), fps, RGB, 1.28), replace(rates.audio, seconds=1.28)
    )
    assert round(0.04 * count * 24_000) <= len(sound) < len(window)
    again = np.resize(sound, len(window))
    np.testing.assert_allclose(window.numpy(), again / 2**15)


def test_a_stride_counts_frames_of_the_videos_own_rate(
    tmp_path: Path, rates: Config, make_manifest: Callable[..., Manifest]
) -> None:
    """The reference reads every frame of a file: at 50 fps a segment is half as long."""
    (tmp_path / "data").mkdir()
    spans = {}
    for fps in (25, 50):
        film(tmp_path / "data" / f"{fps}.mp4", Fraction(fps), 24_000, "mono")
    manifest = make_manifest(["25.mp4", "50.mp4"], duration_s=[2.0, 2.0], fps=[25.0, 50.0])
    frames = open_frames(manifest, rates)
    config = replace(rates, modalities=("rgb",))
    data = SegmentDataset(manifest, config, num_segments=2, training=False, frames=frames)
    for fps, item in zip((25, 50), data, strict=False):
        spans[fps] = item["rgb"]
    assert spans[25].shape == spans[50].shape
    for fps in (25, 50):
        total = frame_count(2.0, fps)
        indices = frame_indices(even_starts(total, 2, RGB), total, RGB)
        assert np.diff(indices / fps, axis=1) == pytest.approx(2 / fps)
        assert (media.numbers_of(frames[f"v{fps // 50}"].frames(indices)) == indices).all()
