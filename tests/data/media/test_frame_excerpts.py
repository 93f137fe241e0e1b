"""Frames read by seeking equal those of a whole read, in any file."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from adamml.data.media import frame_excerpts
from adamml.data.media.encoding import Encoding, write_clip
from adamml.data.media.frame_excerpts import read_frames
from adamml.data.media.video import UnreadableVideo, read_video

Write = Callable[..., Path]
SEGMENTS = [40, 41, 43, 2, 3, 20, 21, 40, 60, 61, 90]


def _pictures(count: int, fps: int = 25) -> list[av.VideoFrame]:
    """Noise that moves: every frame differs from every other."""
    noise = np.random.default_rng(0).integers(0, 255, (48, 64 + count, 3)).astype(np.uint8)
    frames = []
    for i in range(count):
        pixels = np.ascontiguousarray(noise[:, i : i + 64])
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts, frame.time_base = i, Fraction(1, fps)
        frames.append(frame)
    return frames


def _prepared(path: Path, count: int = 100, gop: int = 12) -> Path:
    """Write a clip as jobs/prepare_videos.py does: H.264 with B-frames."""
    write_clip(path, _pictures(count), Fraction(25), None, Encoding(gop=gop))
    return path


def _encoded(path: Path, codec: str, options: dict[str, str], pts: list[int] | None = None) -> Path:
    pictures = _pictures(100)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt, stream.thread_count = 64, 48, "yuv420p", 1
        for place, frame in enumerate(pictures):
            frame.pts = pts[place] if pts else place
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _remuxed(source: Path, target: Path, *, every_frame_a_key: bool = False) -> Path:
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(old.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                packet.is_keyframe = packet.is_keyframe or every_frame_a_key
                new.mux(packet)
    return target


def _long_gop(folder: Path) -> Path:
    return _prepared(folder / "a.mp4", gop=250)


def _open_gop(folder: Path) -> Path:
    options = {"preset": "veryfast", "x264-params": "open-gop=1:keyint=20:bframes=3:log-level=none"}
    return _encoded(folder / "a.mp4", "libx264", options)


def _hevc(folder: Path) -> Path:
    """Write H.265, whose groups of pictures are open with x265."""
    options = {"preset": "ultrafast", "x265-params": "keyint=20:bframes=3:log-level=none"}
    return _encoded(folder / "a.mkv", "libx265", options)


def _vp9(folder: Path) -> Path:
    return _encoded(folder / "a.webm", "libvpx-vp9", {"deadline": "realtime", "g": "30"})


def _mpeg4(folder: Path) -> Path:
    return _encoded(folder / "a.avi", "mpeg4", {"g": "12", "bf": "2"})


def _mpeg2_stream(folder: Path) -> Path:
    return _encoded(folder / "a.mpg", "mpeg2video", {"g": "12", "bf": "2"})


def _transport_stream(folder: Path) -> Path:
    """Write a file whose seeks land behind the frame that is wanted."""
    return _remuxed(_prepared(folder / "b.mp4"), folder / "a.ts")


def _long_transport_stream(folder: Path) -> Path:
    return _remuxed(_prepared(folder / "b.mp4", gop=250), folder / "a.ts")


def _variable_rate(folder: Path) -> Path:
    rng = np.random.default_rng(3)
    pts = np.cumsum(rng.choice([1, 1, 1, 2, 5], 100)).tolist()
    options = {"preset": "veryfast", "g": "15", "x264-params": "log-level=none"}
    return _encoded(folder / "a.mkv", "libx264", options, pts)


def _begins_late(folder: Path) -> Path:
    return _remuxed(_prepared(folder / "b.mp4"), folder / "a.mkv")


def _lying_index(folder: Path) -> Path:
    """Write a file that calls every frame a key frame: most seeks end where none can be decoded."""
    return _remuxed(_prepared(folder / "b.mp4"), folder / "a.mp4", every_frame_a_key=True)


def _short_gop(folder: Path) -> Path:
    return _prepared(folder / "a.mp4")


KINDS = [
    _short_gop,
    _long_gop,
    _open_gop,
    _hevc,
    _vp9,
    _mpeg4,
    _mpeg2_stream,
    _transport_stream,
    _long_transport_stream,
    _variable_rate,
    _begins_late,
    _lying_index,
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("fps", "every"), [(25.0, 1), (25.0, 4), (29.97, 1)])
def test_segments_equal_those_of_a_whole_read(
    tmp_path: Path, kind: Callable[[Path], Path], fps: float, every: int
) -> None:
    path = kind(tmp_path)
    whole = read_video(path, fps=fps, every=every, short_side=40)
    steps = [step // every for step in SEGMENTS]
    some = read_frames(path, steps, fps=fps, every=every, short_side=40)
    np.testing.assert_array_equal(some, whole[np.minimum(steps, len(whole) - 1)])


@pytest.mark.parametrize("kind", KINDS)
def test_every_single_frame_equals_that_of_a_whole_read(
    tmp_path: Path, kind: Callable[[Path], Path]
) -> None:
    path = kind(tmp_path)
    whole = read_video(path, fps=25, every=1, short_side=48)
    for step in range(0, len(whole) + 3):
        some = read_frames(path, [step], fps=25, every=1, short_side=48)
        np.testing.assert_array_equal(some[0], whole[min(step, len(whole) - 1)], err_msg=str(step))


class _Counted:
    """Counts of how often a file was opened and how many frames were decoded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened, self.decoded = 0, 0
        open_, frames = frame_excerpts.opened, frame_excerpts.timed_frames

        def opened(*arguments: object) -> object:
            self.opened += 1
            return open_(*arguments)  # type: ignore[arg-type]

        def timed_frames(*arguments: object, **more: object) -> Iterator[object]:
            for timed in frames(*arguments, **more):  # type: ignore[arg-type]
                self.decoded += 1
                yield timed

        monkeypatch.setattr(frame_excerpts, "opened", opened)
        monkeypatch.setattr(frame_excerpts, "timed_frames", timed_frames)


@pytest.mark.parametrize(
    ("gop", "steps", "between"),
    [
        (12, [90, 92], 90 - 84 + 4),
        (12, [14, 50, 51, 90, 92], (14 - 12 + 2) + (51 - 48 + 2) + (90 - 84 + 4)),
        (12, [14, 18, 22, 26], 26 - 12 + 2),  # a seek would save less than it costs
        (250, [14, 50, 90], 92),  # goes on decoding: the only key frame is the first
    ],
)
def test_one_opening_and_no_frames_outside_their_groups_of_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gop: int, steps: list[int], between: int
) -> None:
    path = _prepared(tmp_path / "a.mp4", gop=gop)
    counted = _Counted(monkeypatch)
    read_frames(path, steps, fps=25, every=1, short_side=48)
    assert counted.opened == 1
    assert counted.decoded <= between


def test_frames_that_nothing_needs_are_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _prepared(tmp_path / "a.mp4", gop=250)
    counted = _Counted(monkeypatch)
    read_frames(path, [14, 50, 90], fps=25, every=1, short_side=48)
    assert counted.decoded < 0.75 * 92


@pytest.mark.parametrize("steps", [[23, 24, 25, 30], [40], [12, 90, 3]])
def test_steps_behind_the_end_give_the_last_frame(
    tmp_path: Path, write_media: Write, steps: list[int]
) -> None:
    path = write_media(tmp_path / "a.mp4")
    whole = read_video(path, fps=25, every=4, short_side=30)
    some = read_frames(path, steps, fps=25, every=4, short_side=30)
    np.testing.assert_array_equal(some, whole[np.minimum(steps, 24)])


def test_damage_elsewhere_in_the_file_does_not_matter(tmp_path: Path) -> None:
    path = _prepared(tmp_path / "a.mp4")
    whole = read_video(path, fps=25, every=1, short_side=48)
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.dts is not None]
    content = bytearray(path.read_bytes())
    for packet in packets[24:36]:
        content[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    path.write_bytes(content)
    some = read_frames(path, [5, 90], fps=25, every=1, short_side=48)
    np.testing.assert_array_equal(some, whole[[5, 90]])


def test_frames_that_change_their_size_are_refused(tmp_path: Path) -> None:
    """Write MPEG-2, whose frames state their format, so that two streams can follow each other."""
    path = tmp_path / "a.ts"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for frame in _pictures(50):
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        larger = av.CodecContext.create("mpeg2video", "w")
        larger.width, larger.height, larger.pix_fmt = 80, 64, "yuv420p"
        larger.framerate, larger.time_base = 25, Fraction(1, 25)
        for frame in [*(f.reformat(width=80, height=64) for f in _pictures(50)), None]:
            for packet in larger.encode(frame):
                packet.pts += 50
                packet.dts += 50
                packet.stream = stream
                container.mux(packet)
    with pytest.raises(UnreadableVideo, match="change their size"):
        read_frames(path, [10, 80], fps=25, every=1, short_side=80)
