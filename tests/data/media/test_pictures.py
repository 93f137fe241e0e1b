"""Folders of pictures, as the reference prepares them, against what they show and sound like."""

import os
from dataclasses import replace
from pathlib import Path

import cv2
import media
import numpy as np
import pytest
from adamml.data.media.encoding import Encoding
from adamml.data.media.pictures import TEMPLATES, Pictures, read_flow, read_pictures, read_wav
from adamml.data.media.sound import read_audio
from adamml.data.media.video import LIMITS, UnreadableVideo, read_video
from adamml.preparing.making.pictures import join_pictures
from picture_folders import grey_of, write_pictures, write_wav

SMALL = Encoding(short_side=32)


def pictures(root: Path, first: int = 1, last: int = 60, name: str = "v") -> Pictures:
    return Pictures(folder=root / name, first=first, last=last, roots=(root.resolve(),))


def hertz_of(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples.astype(float)))
    return float(np.argmax(spectrum)) * 24_000 / len(samples)


@pytest.mark.parametrize("template", TEMPLATES)
def test_pictures_and_their_part_of_the_sound_become_a_clip(tmp_path: Path, template: str) -> None:
    write_pictures(tmp_path / "v", range(1, 61), template=template)
    sound = write_wav(tmp_path / "v.wav", 2.0, rate=48_000, channels=2)
    clip = join_pictures(
        pictures(tmp_path, 21, 50), tmp_path / "b.mp4", fps=30, sound=sound, encoding=SMALL
    )
    assert (clip.duration_s, clip.fps, clip.silent) == (1.0, 30.0, False)
    frames = read_video(tmp_path / "b.mp4", fps=30, every=1, short_side=32)
    assert frames.shape == (30, 3, 32, 42)
    wanted = [grey_of(number) for number in range(21, 51)]
    np.testing.assert_allclose(frames.mean((1, 2, 3)), wanted, atol=1.5)
    samples = read_audio(tmp_path / "b.mp4", sample_rate=24_000)
    assert samples is not None
    assert len(samples) == pytest.approx(24_000, abs=1024)
    # The sound changes at 1 s, between pictures 30 and 31: a third into these.
    assert hertz_of(samples[1000:7000]) == pytest.approx(1000, abs=10)
    assert hertz_of(samples[9000:21000]) == pytest.approx(2000, abs=10)
    assert not list(tmp_path.glob(".*part*"))


def test_without_a_sound_a_clip_is_silent_and_2997_is_kept(tmp_path: Path) -> None:
    write_pictures(tmp_path / "v", range(1, 11))
    clip = join_pictures(
        pictures(tmp_path, 1, 10), tmp_path / "b.mp4", fps=29.97, sound=None, encoding=SMALL
    )
    assert (clip.fps, clip.silent) == (29.97, True)
    assert clip.duration_s == pytest.approx(10 / 29.97)
    assert read_audio(tmp_path / "b.mp4", sample_rate=24_000) is None
    assert len(read_video(tmp_path / "b.mp4", fps=29.97, every=1, short_side=32)) == 10
    sound = write_wav(tmp_path / "v.wav", 0.2)
    over = pictures(tmp_path, 8, 10)
    clip = join_pictures(over, tmp_path / "c.mp4", fps=29.97, sound=sound, encoding=SMALL)
    assert clip.silent
    assert read_audio(tmp_path / "c.mp4", sample_rate=24_000) is None


def damage(root: Path, kind: str) -> None:
    """Damage picture 5 in one of several ways."""
    file = root / "v" / "00005.jpg"
    content = file.read_bytes()
    file.unlink()
    if kind == "half":
        file.write_bytes(content[: len(content) // 2])
    elif kind == "empty":
        file.touch()
    elif kind == "text":
        file.write_text("no picture")
    elif kind == "huge":
        place = content.index(b"\xff\xc0") + 5
        file.write_bytes(content[:place] + b"\xff\xff\xff\xff" + content[place + 4 :])
    elif kind == "other size":
        write_pictures(root / "v", range(5, 6), size=(32, 32))
    elif kind == "link out":
        outside = root.parent / "outside.jpg"
        outside.write_bytes(content)
        file.symlink_to(outside)
    elif kind == "device":
        file.symlink_to(os.devnull)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("gone", "a file is missing: 00005.jpg"),
        ("half", "a picture is damaged, .*: 00005.jpg"),
        ("empty", "a picture is empty or above .*: 00005.jpg"),
        ("text", "a picture is damaged, no JPEG.*: 00005.jpg"),
        ("huge", "damaged, no JPEG, or above 9437184 pixels: 00005.jpg"),
        ("other size", "its pictures change their size: 00005.jpg"),
        ("link out", "a link that leads out of the folder: 00005.jpg"),
        ("device", "a file is missing: 00005.jpg"),
    ],
)
def test_a_bad_picture_is_named_and_nothing_is_left(tmp_path: Path, kind: str, words: str) -> None:
    root = tmp_path / "root"
    write_pictures(root / "v", range(1, 9), size=(128, 96))
    damage(root, kind)
    with pytest.raises(UnreadableVideo, match=words):
        join_pictures(pictures(root, 1, 8), tmp_path / "b.mp4", fps=30, sound=None, encoding=SMALL)
    assert not list(tmp_path.glob("*.mp4"))
    assert not list(tmp_path.glob(".*part*"))


def test_more_pictures_than_the_limits_allow_are_not_even_looked_for(tmp_path: Path) -> None:
    many = pictures(tmp_path, 1, 10**9)
    with pytest.raises(UnreadableVideo, match="more pictures than 3600 s can have"):
        join_pictures(many, tmp_path / "b.mp4", fps=1e12, sound=None, encoding=SMALL)
    with pytest.raises(
        UnreadableVideo, match=r"its first picture is missing: 00001.jpg or image_00001.jpg"
    ):
        next(read_pictures(pictures(tmp_path)))


def test_sounds_that_are_none(tmp_path: Path) -> None:
    def read(file: Path, seconds: float = 10.0) -> np.ndarray:
        limits = replace(LIMITS, seconds=seconds)
        return read_wav(file, (tmp_path.resolve(),), 24_000, limits)

    good = write_wav(tmp_path / "a.wav", 2.0)
    assert len(read(good)) == 48_000
    with pytest.raises(UnreadableVideo, match="the sound is longer than 1 s"):
        read(good, 1.0)
    (tmp_path / "text.wav").write_text("#EXTM3U\nhttp://example.com/a.wav\n")
    with pytest.raises(UnreadableVideo, match=r"not a readable wav file: text\.wav"):
        read(tmp_path / "text.wav")
    media.write_media(tmp_path / "video.mp4", times=[0.0, 0.1]).rename(tmp_path / "video.wav")
    with pytest.raises(UnreadableVideo, match=r"not a readable wav file: video\.wav"):
        read(tmp_path / "video.wav")
    with pytest.raises(UnreadableVideo, match=r"a file is missing: gone\.wav"):
        read(tmp_path / "gone.wav")


@pytest.mark.parametrize("template", TEMPLATES)
def test_flow_is_read_as_it_is_stored(tmp_path: Path, template: str) -> None:
    (tmp_path / "v").mkdir()
    ramp = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1))
    for number in range(3, 8):
        for side, pixels in (("x_", ramp), ("y_", 255 - ramp - number)):
            name = side + template.format(number)
            cv2.imwrite(str(tmp_path / "v" / name), pixels, [cv2.IMWRITE_JPEG_QUALITY, 100])
    flow = read_flow(pictures(tmp_path, 3, 7))
    assert (flow.shape, flow.dtype) == ((5, 2, 48, 64), np.uint8)
    wanted = np.stack([np.stack([ramp, 255 - ramp - n]) for n in range(3, 8)])
    np.testing.assert_allclose(flow.astype(int), wanted, atol=2)
    with pytest.raises(UnreadableVideo, match=r"a file is missing: x_.*00008\.jpg"):
        read_flow(pictures(tmp_path, 3, 8))
    with pytest.raises(UnreadableVideo, match="bytes of flow"):
        read_flow(pictures(tmp_path, 3, 7), replace(LIMITS, stored_bytes=20_000))
    cv2.imwrite(str(tmp_path / "v" / ("y_" + template.format(3))), ramp[:32])
    with pytest.raises(UnreadableVideo, match="x and y differ in size"):
        read_flow(pictures(tmp_path, 3, 7))
