"""Prepared clips against what their sources show and sound like, by time."""

import resource
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import media
import numpy as np
import pytest
from adamml.data.media.encoding import Encoding, write_clip
from adamml.data.media.frame_excerpts import read_frames
from adamml.data.media.sound import read_audio
from adamml.data.media.video import UnreadableVideo, read_video
from adamml.preparing.making.transcode import CannotWrite, transcode

Write = Callable[..., Path]
SMALL = Encoding(short_side=32)


def _times(frames: np.ndarray) -> np.ndarray:
    """When a frame of write_media was shown, from its grey level."""
    return (frames.mean((1, 2, 3)) - 20) / 50


@pytest.mark.parametrize("suffix", media.CODECS)
def test_every_codec_becomes_the_same_clip(tmp_path: Path, write_media: Write, suffix: str) -> None:
    rate = 48_000 if suffix == "webm" else 24_000
    source = write_media(tmp_path / f"a.{suffix}", rate=rate)
    found = transcode(source, tmp_path / "b.mp4", encoding=SMALL)
    assert (found.fps, found.silent) == (25.0, False)
    assert found.duration_s == pytest.approx(4.0, abs=0.09)
    frames = read_video(tmp_path / "b.mp4", fps=25, every=5, short_side=64)
    assert frames.shape[1:] == (3, 32, 42)
    np.testing.assert_allclose(_times(frames), np.arange(len(frames)) / 5, atol=0.08)
    sound = read_audio(tmp_path / "b.mp4", sample_rate=24_000)
    assert sound is not None
    assert len(sound) == pytest.approx(found.duration_s * 24_000, abs=2400)
    spectrum = np.abs(np.fft.rfft(sound[12_000:36_000].astype(float)))
    assert np.argmax(spectrum) == 1000
    assert not list(tmp_path.glob(".*part*"))


def test_a_span_is_cut_out(tmp_path: Path, write_media: Write) -> None:
    source = write_media(tmp_path / "a.mp4")
    found = transcode(source, tmp_path / "b.mp4", start_s=1.2, end_s=2.8, encoding=SMALL)
    assert found.duration_s == pytest.approx(1.6)
    frames = read_video(tmp_path / "b.mp4", fps=25, every=10, short_side=64)
    np.testing.assert_allclose(_times(frames), 1.2 + np.arange(4) * 0.4, atol=0.06)
    sound = read_audio(tmp_path / "b.mp4", sample_rate=24_000)
    assert sound is not None
    assert len(sound) == pytest.approx(1.6 * 24_000, abs=1024)


def test_key_frames_are_close_together(tmp_path: Path, write_media: Write) -> None:
    source = write_media(tmp_path / "a.mp4", options={"g": "100"})
    transcode(source, tmp_path / "b.mp4", encoding=Encoding(short_side=32, gop=12))
    with av.open(str(tmp_path / "b.mp4")) as container:
        keys = [frame.key_frame for frame in container.decode(video=0)]
    places = np.flatnonzero(keys)
    assert max(np.diff([*places, len(keys)])) <= 12
    whole = read_video(tmp_path / "b.mp4", fps=25, every=1, short_side=32)
    some = read_frames(tmp_path / "b.mp4", [30, 31, 70], fps=25, every=1, short_side=32)
    np.testing.assert_array_equal(some, whole[[30, 31, 70]])


def test_silence_and_odd_sizes(tmp_path: Path, write_media: Write) -> None:
    source = write_media(tmp_path / "a.avi", size=(66, 50), sound=False)
    found = transcode(source, tmp_path / "b.mp4", encoding=Encoding(short_side=33))
    assert found.silent
    assert read_audio(tmp_path / "b.mp4", sample_rate=24_000) is None
    frames = read_video(tmp_path / "b.mp4", fps=25, every=50, short_side=256)
    assert all(side % 2 == 0 for side in frames.shape[2:])


def test_a_span_without_frames_and_a_truncated_file_leave_nothing(
    tmp_path: Path, write_media: Write
) -> None:
    source = write_media(tmp_path / "a.mp4", options={"movflags": "+faststart"})
    with pytest.raises(UnreadableVideo, match="no frame from 9 s on"):
        transcode(source, tmp_path / "b.mp4", start_s=9, end_s=12, encoding=SMALL)
    (tmp_path / "half.mp4").write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    with pytest.raises(UnreadableVideo):
        transcode(tmp_path / "half.mp4", tmp_path / "b.mp4", encoding=SMALL)
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "cache") == ["a.mp4", "half.mp4"]


def test_a_full_disk_is_no_fault_of_the_video(tmp_path: Path, write_media: Write) -> None:
    source = write_media(tmp_path / "a.mp4")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, before[1]))
    try:
        with pytest.raises(CannotWrite, match="must take a clip"):
            transcode(source, tmp_path / "b.mp4", encoding=SMALL)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (tmp_path / "b.mp4").exists()


def test_no_sample_of_the_sound_is_changed(tmp_path: Path, write_media: Write) -> None:
    source = write_media(tmp_path / "a.mp4", sound=False)
    noise = np.random.default_rng(0).integers(-9000, 9000, 90_001).astype(np.int16)
    with av.open(str(source)) as container:
        frames = container.decode(video=0)
        count = write_clip(tmp_path / "b.mp4", frames, Fraction(25), noise, SMALL)
    found = read_audio(tmp_path / "b.mp4", sample_rate=SMALL.sample_rate)
    assert found is not None
    assert count == 100
    np.testing.assert_array_equal(found, noise)
