"""Sound read by seeking equals that of a whole read, or is_exact says that it does not."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from adamml.data.media import sound_excerpts
from adamml.data.media.sound import read_audio
from adamml.data.media.sound_excerpts import is_exact, read_sound

RATE = 24_000


def _write(
    path: Path,
    codec: str,
    *,
    seconds: int = 12,
    rate: int = RATE,
    layout: str = "mono",
    begins_s: float = 0.0,
    options: dict[str, str] | None = None,
) -> Path:
    """A rising tone in noise, beside black frames."""
    channels = {"mono": 1, "stereo": 2}[layout]
    t = np.arange(seconds * rate) / rate
    tone = 8000 * np.sin(2 * np.pi * (200 + 50 * t) * t)
    noise = np.random.default_rng(0).normal(0, 3000, (len(t), channels))
    sound = (tone[:, None] + noise).clip(-(2**15), 2**15 - 1).astype(np.int16)
    pictures = {".webm": "libvpx-vp9", ".avi": "mpeg4"}
    with av.open(str(path), "w") as container:
        video = container.add_stream(pictures.get(path.suffix, "libx264"), rate=25)
        video.width, video.height, video.pix_fmt, video.thread_count = 32, 32, "yuv420p", 1
        audio = container.add_stream(codec, rate=rate, layout=layout, options=options or {})
        for second in range(seconds):  # packets of both lie mixed
            for _ in range(25):
                black = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
                container.mux(video.encode(black))
            part = sound[second * rate : (second + 1) * rate].reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(part, "s16", layout)
            frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = round((second + begins_s) * rate)
            container.mux(audio.encode(frame))
        container.mux(video.encode())
        container.mux(audio.encode())
    return path


def _whole(path: Path) -> np.ndarray:
    sound = read_audio(path, sample_rate=RATE)
    assert sound is not None
    return sound


PLAIN = {"aac_pns": "0"}
"""Without the noise that AAC's decoder makes itself, anew wherever it begins."""
EXACT = {
    "prepared": ("a.mp4", "aac", {}),
    "other rate": ("a.mp4", "aac", {"rate": 44_100, "layout": "stereo", "options": PLAIN}),
    "48 kHz": ("a.mp4", "aac", {"rate": 48_000, "options": PLAIN}),
    "begins late": ("a.mp4", "aac", {"begins_s": 0.7}),
    "Matroska": ("a.mkv", "aac", {"rate": 44_100, "options": PLAIN}),
    "FLAC": ("a.mkv", "flac", {"rate": 44_100, "layout": "stereo"}),
    "PCM": ("a.avi", "pcm_s16le", {"rate": 16_000, "layout": "stereo"}),
    "MP3": ("a.mp4", "libmp3lame", {"rate": 44_100}),
}


@pytest.mark.parametrize("kind", EXACT)
def test_parts_equal_those_of_a_whole_read(tmp_path: Path, kind: str) -> None:
    name, codec, settings = EXACT[kind]
    path = _write(tmp_path / name, codec, **settings)
    whole, length = _whole(path), round(1.28 * RATE)
    assert is_exact(path, whole, sample_rate=RATE)
    rng = np.random.default_rng(1)
    for _ in range(8):
        first = rng.integers(0, len(whole) - length + 1, 3)
        parts = read_sound(path, first, length, sample_rate=RATE)
        np.testing.assert_array_equal(parts, [whole[f : f + length] for f in first])
    ends = np.array([len(whole) - length, 0])
    parts = read_sound(path, ends, length, sample_rate=RATE)
    np.testing.assert_array_equal(parts, [whole[-length:], whole[:length]])


@pytest.mark.parametrize(
    ("name", "codec", "settings"),
    [("a.webm", "libopus", {"rate": 48_000}), ("a.mp4", "aac", {"rate": 48_000})],
)
def test_sound_that_depends_on_all_before_it_is_known(
    tmp_path: Path, name: str, codec: str, settings: dict[str, int]
) -> None:
    path = _write(tmp_path / name, codec, **settings)
    assert not is_exact(path, _whole(path), sample_rate=RATE)


def test_no_more_is_decoded_than_the_parts_and_a_run_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write(tmp_path / "a.mp4", "aac", seconds=20)
    counts: list[int] = []
    given = sound_excerpts._Track._sought

    def counted(track: object, sample: int) -> tuple[object, int, Iterator[object]]:
        frame, at, frames = given(track, sample)  # type: ignore[arg-type]
        counts.append(1)

        def rest() -> Iterator[object]:
            for following in frames:
                counts[-1] += 1
                yield following

        return frame, at, rest()

    monkeypatch.setattr(sound_excerpts._Track, "_sought", counted)
    first = np.array([15, 4, 5]) * RATE
    read_sound(path, first, RATE, sample_rate=RATE)
    assert len(counts) == 2
    seconds = [count * 1024 / RATE for count in counts]
    assert 2.3 <= seconds[0] < 2.5
    assert 1.3 <= seconds[1] < 1.5
