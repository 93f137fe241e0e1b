import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from adamml.data.media.frame_excerpts import read_frames
from adamml.data.media.sound import read_audio
from adamml.data.media.video import (
    Limits,
    UnreadableVideo,
    probe,
    read_video,
)

Write = Callable[..., Path]


def _times(frames: np.ndarray) -> np.ndarray:
    """Return the times of write_media's frames, from their grey levels."""
    return (frames.mean((1, 2, 3)) - 20) / 50


def test_every_nth_frame_comes_at_its_time_and_size(tmp_path: Path, write_media: Write) -> None:
    path = write_media(tmp_path / "a.mp4")
    frames = read_video(path, fps=25, every=4, short_side=30)
    assert frames.shape == (25, 3, 30, 40)
    assert frames.dtype == np.uint8
    np.testing.assert_allclose(_times(frames), np.arange(25) * 4 / 25, atol=0.05)


def test_small_videos_are_not_enlarged(tmp_path: Path, write_media: Write) -> None:
    path = write_media(tmp_path / "a.mp4")
    assert read_video(path, fps=25, every=50, short_side=256).shape == (2, 3, 48, 64)


def test_variable_frame_rate_is_read_by_time(tmp_path: Path, write_media: Write) -> None:
    slow_then_fast = [i * 0.2 for i in range(10)] + [2 + i * 0.02 for i in range(98)]
    path = write_media(tmp_path / "a.mp4", times=slow_then_fast)
    seen = _times(read_video(path, fps=25, every=5, short_side=48))
    np.testing.assert_allclose(seen, np.arange(len(seen)) * 0.2, atol=0.06)
    assert len(seen) == 20


@pytest.mark.parametrize("rate", [24_000, 44_100])
def test_sound_is_mono_at_the_asked_rate_and_in_time(
    tmp_path: Path, write_media: Write, rate: int
) -> None:
    sound = read_audio(write_media(tmp_path / "a.mp4", rate=rate), sample_rate=24_000)
    assert sound is not None
    assert sound.dtype == np.int16
    assert abs(len(sound) - 3.96 * 24_000) < 0.1 * 24_000
    spectrum = np.abs(np.fft.rfft(sound[24_000:48_000].astype(float)))
    assert spectrum.argmax() == 1000


def test_video_without_sound_gives_none(tmp_path: Path, write_media: Write) -> None:
    path = write_media(tmp_path / "a.mp4", sound=False)
    assert read_audio(path, sample_rate=24_000) is None
    assert probe(path) is False
    assert probe(write_media(tmp_path / "b.mp4")) is True


def _missing(path: Path, write: Write) -> None:
    pass


def _empty(path: Path, write: Write) -> None:
    path.touch()


def _folder(path: Path, write: Write) -> None:
    path.mkdir()


def _fifo(path: Path, write: Write) -> None:
    os.mkfifo(path)


def _text(path: Path, write: Write) -> None:
    path.write_text("this is no video\n" * 100)


def _truncated(path: Path, write: Write) -> None:
    content = write(path).read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _truncated_behind_its_index(path: Path, write: Write) -> None:
    content = write(path, size=(320, 240), options={"movflags": "faststart"}).read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _playlist(path: Path, write: Write) -> None:
    """Opened as HLS, this would read another file of the machine."""
    write(path.with_name("other.mp4"))
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nother.mp4\n#EXT-X-ENDLIST\n")


def _sound_only(path: Path, write: Write) -> None:
    import wave

    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes(bytes(48_000))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_missing, "missing"),
        (_empty, "empty"),
        (_folder, "not a regular file"),
        (_fifo, "not a regular file"),
        (_text, "not a readable video"),
        (_truncated, "not a readable video"),
        (_truncated_behind_its_index, "truncated|cannot be decoded"),
        (_playlist, "not a readable video"),
        (_sound_only, "not a readable video|no video stream"),
    ],
)
def test_broken_files_are_one_exception_with_path_and_reason(
    tmp_path: Path,
    write_media: Write,
    damage: Callable[[Path, Write], None],
    reason: str,
) -> None:
    path = tmp_path / "a.mp4"
    damage(path, write_media)
    with pytest.raises(UnreadableVideo, match=reason) as error:
        read_video(path, fps=25, every=1, short_side=30)
    assert error.value.path == path
    with pytest.raises(UnreadableVideo, match=reason):
        probe(path)
    if damage is not _truncated_behind_its_index:
        with pytest.raises(UnreadableVideo, match=reason):
            read_audio(path, sample_rate=24_000)
        with pytest.raises(UnreadableVideo, match=reason):
            read_frames(path, [0, 9], fps=25, every=1, short_side=30)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(seconds=2.0), "longer than 2 s"),
        (Limits(pixels=1000), "more than 1000 pixels"),
        (Limits(stored_bytes=10_000), "more than 10000 bytes"),
    ],
)
def test_files_beyond_the_limits_are_refused(
    tmp_path: Path, write_media: Write, limits: Limits, reason: str
) -> None:
    path = write_media(tmp_path / "a.mp4")
    with pytest.raises(UnreadableVideo, match=reason):
        read_video(path, fps=25, every=1, short_side=30, limits=limits)


def test_the_exception_survives_a_process_boundary() -> None:
    error = pickle.loads(pickle.dumps(UnreadableVideo(Path("a.mp4"), "empty")))
    assert (error.path, error.reason) == (Path("a.mp4"), "empty")
