"""Faults that the corpus of hostile.py met: each is refused with its reason, or read rightly."""

import os
from collections.abc import Callable
from pathlib import Path

import av
import hostile_changes as change
import hostile_writing as writing
import media
import numpy as np
import pytest
from adamml.config import Config
from adamml.data.cache.opening import open_frames
from adamml.data.manifest import Manifest
from adamml.data.media.encoding import Encoding
from adamml.data.media.frame_excerpts import read_frames
from adamml.data.media.sound import read_audio
from adamml.data.media.video import (
    Limits,
    UnreadableVideo,
    probe,
    read_video,
)
from adamml.preparing.making.transcode import transcode
from hostile_reads import peak_mib

RNG = np.random.default_rng(0)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return media.write_media(tmp_path / "whole.mp4", size=(96, 64))


def refused(path: Path, reason: str, limits: Limits = Limits()) -> None:  # noqa: B008 (frozen)
    """Check that all functions that open a file refuse this one with a reason."""
    for read in (
        lambda: read_video(path, fps=25, every=4, short_side=30, limits=limits),
        lambda: read_frames(path, [0, 3], fps=25, every=4, short_side=30, limits=limits),
        lambda: probe(path, limits),
        lambda: transcode(path, path.with_name("out.mp4"), encoding=Encoding(), limits=limits),
    ):
        with pytest.raises(UnreadableVideo, match=reason):
            read()


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.mp4")
    (tmp_path / "device.mp4").symlink_to("/dev/zero")
    for name in ("fifo.mp4", "device.mp4"):
        refused(tmp_path / name, "not a regular file")


def test_a_path_that_cannot_be_is_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "loop.mp4").symlink_to(tmp_path / "loop.mp4")
    for name in ("x" * 300 + ".mp4", "loop.mp4"):
        with pytest.raises(UnreadableVideo, match="the file is missing"):
            probe(tmp_path / name)


def test_a_video_without_a_decoder_says_so(clip: Path) -> None:
    clip.write_bytes(clip.read_bytes().replace(b"avc1", b"zzzz"))
    refused(clip, "no decoder for its video stream")


def test_a_cover_is_no_video_and_hides_none(clip: Path, tmp_path: Path) -> None:
    writing.with_a_cover(film=False)(clip, tmp_path / "cover.mp4", RNG)
    refused(tmp_path / "cover.mp4", "no video stream")
    writing.with_a_cover(film=True)(clip, tmp_path / "both.mp4", RNG)
    frames = [
        read_video(path, fps=25, every=4, short_side=30) for path in (clip, tmp_path / "both.mp4")
    ]
    np.testing.assert_array_equal(*frames)


def test_a_title_that_is_no_text_does_no_harm(clip: Path, tmp_path: Path) -> None:
    writing.with_a_title(clip, tmp_path / "a.mp4", RNG)
    assert b"caff\xe9" in (tmp_path / "a.mp4").read_bytes()
    assert probe(tmp_path / "a.mp4")


def test_a_turned_video_is_read_as_it_is_shown(tmp_path: Path) -> None:
    def corner(number: int, t: float, size: tuple[int, int]) -> np.ndarray:
        pixels = np.zeros((size[1], size[0], 3), np.uint8)
        pixels[: size[1] // 2, : size[0] // 2] = 255
        return pixels

    path = media.write_media(tmp_path / "a.mp4", size=(96, 64), draw=corner)
    turn = change.patch(b"tkhd", 40, ">9i", *change.TURNED)
    path.write_bytes(turn(path.read_bytes(), RNG))
    transcode(path, tmp_path / "b.mp4", encoding=Encoding())
    for name in ("a.mp4", "b.mp4"):
        [first] = read_frames(tmp_path / name, [0], fps=25, every=1, short_side=64)
        assert first.shape == (3, 96, 64)
        bright = first.mean(0).reshape(2, 48, 2, 32).mean((1, 3)) > 128
        assert bright.tolist() == [[False, True], [False, False]]  # a quarter turn to the right


def test_frames_that_change_their_size_are_one_error(tmp_path: Path) -> None:
    writing.changing_size(tmp_path, tmp_path / "a.ts", RNG)
    with pytest.raises(UnreadableVideo, match="its frames change their size"):
        read_frames(tmp_path / "a.ts", [0, 10], fps=25, every=4, short_side=30)
    with pytest.raises(UnreadableVideo, match="its frames change their size"):
        read_video(tmp_path / "a.ts", fps=25, every=4, short_side=30)


@pytest.mark.parametrize("make", [writing.png_bomb, writing.vp9_sized, writing.h264_sized])
def test_a_decoder_makes_no_room_for_absurd_frames(
    tmp_path: Path, make: Callable[..., None]
) -> None:
    for seed in range(3):
        make(tmp_path, tmp_path / f"{seed}.avi", np.random.default_rng(seed))
    before = peak_mib(reset=True)
    for seed in range(3):
        refused(tmp_path / f"{seed}.avi", "cannot be decoded|more than 9437184 pixels")
    assert peak_mib() - before < 150


def test_what_cannot_be_read_is_black_at_the_size_of_the_rest(
    tmp_path: Path,
    config: Config,
    make_manifest: Callable[..., Manifest],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "data").mkdir()
    writing.changing_size(tmp_path, tmp_path / "data" / "a.ts", RNG)
    monkeypatch.setenv("ADAMML_CACHE_GIB", "0")
    source = open_frames(make_manifest(["a.ts"]), config)
    good, black = (source["v0"].frames(np.array([[0, at]])) for at in (4, 40))
    assert good.shape == black.shape == (1, 2, 3, 30, 45)
    assert good.any()
    assert not black.any()
    assert source.bad == {"v0": "its frames change their size"}


def test_long_and_thin_frames_are_refused(tmp_path: Path) -> None:
    refused(media.write_media(tmp_path / "a.mp4", size=(512, 32)), "one side more than 10 times")


def test_more_frames_than_a_second_can_have_are_refused(clip: Path) -> None:
    fast = change.patch(b"mdhd", 12, ">I", 2**31 - 1)
    clip.write_bytes(fast(clip.read_bytes(), RNG))
    with pytest.raises(UnreadableVideo, match="more than 240 frames a second"):
        read_video(clip, fps=25, every=4, short_side=30)


def test_a_compressed_index_is_not_unpacked(tmp_path: Path) -> None:
    writing.index_bomb(tmp_path, tmp_path / "a.mp4", RNG)
    refused(tmp_path / "a.mp4", "its index is compressed")


def test_a_search_for_the_next_packet_ends(tmp_path: Path) -> None:
    path = media.write_media(tmp_path / "a.mkv", codec="libx264")
    os.truncate(path, 2**40)
    with pytest.raises(UnreadableVideo, match="no packet is found in time"):
        read_audio(path, sample_rate=24_000, limits=Limits(wait_s=0.2))


def test_sound_of_a_sample_a_second_is_refused_at_once(tmp_path: Path) -> None:
    path = media.write_media(tmp_path / "a.mov")
    path.write_bytes(change.patch(b"sowt", 24, ">I", 1 << 16)(path.read_bytes(), RNG))
    before = peak_mib(reset=True)
    with pytest.raises(UnreadableVideo, match="sound of 1 samples a second"):
        read_audio(path, sample_rate=24_000)
    assert peak_mib() - before < 50


def test_a_stream_that_comes_and_goes_is_no_stack_trace(tmp_path: Path) -> None:
    def snow(number: int, t: float, size: tuple[int, int]) -> np.ndarray:
        """Draw noise: FFmpeg does not look through all of its many bytes when it opens the file."""
        return RNG.integers(0, 256, (size[1], size[0], 3), np.uint8)

    def part(name: str, sound: bool) -> bytes:
        times = [number / 25 for number in range(20)]
        path = media.write_media(
            tmp_path / name, times=times, size=(640, 480), sound=sound, draw=snow
        )
        return path.read_bytes()

    silent = part("a.ts", sound=False)
    (tmp_path / "c.ts").write_bytes(silent + part("b.ts", sound=True) + silent)
    with pytest.raises(UnreadableVideo, match="a stream begins in the middle"):
        read_video(tmp_path / "c.ts", fps=25, every=4, short_side=30)


def test_what_no_manifest_asks_for_is_not_read(clip: Path) -> None:
    assert len(read_video(clip, fps=25, every=1, short_side=30, seconds=1.0)) == 25
    few = Limits(stored_bytes=30 * 45 * 3 * 30)
    assert len(read_video(clip, fps=25, every=1, short_side=30, seconds=1.0, limits=few)) == 25


def test_times_in_the_order_of_packets_are_made_to_rise(tmp_path: Path) -> None:
    """H.264 with B-frames in AVI, which has no other times: at most two frames late."""
    path = tmp_path / "a.avi"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"bf": "2", "crf": "10"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for number in range(50):
            pixels = media.numbered(number, number / 25, (64, 48))
            container.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(video.encode())
    assert probe(path) is False
    whole = media.numbers_of(read_video(path, fps=25, every=1, short_side=48))
    assert (np.diff(whole) >= 0).all()
    late = np.arange(len(whole)) - whole
    assert late.min() >= 0
    assert late.max() <= 2
