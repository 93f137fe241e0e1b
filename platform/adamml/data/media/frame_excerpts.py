"""Some frames of a video, read by seeking: equal to those of a whole read, with less work."""

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from adamml.data.media.untrusted import LIMITS, Limits, UnreadableVideo, opened, video_stream
from adamml.data.media.video import Shrink, shown_at, start_s, timed_frames

Timed = Iterator[tuple[float, Any]]
"""Frames in order, as (seconds since the start of the video, av.VideoFrame)."""
WORTH_A_SEEK_S = 0.3
"""Seconds of video that a seek must save to be worth it: it empties the decoder, which then has to
run in anew."""
USUAL_GOP_S = 2.0
"""Seconds from one key frame to the next that are assumed where the container has no index."""
TIMED = {"mov", "matroska"}
"""Names of containers with a time for every frame. For others (MPEG-PS) FFmpeg makes some times up
as it reads, and they differ with the place at which reading begins."""
LOOK_AHEAD = 8
"""Number of packets that are read ahead of the one being decoded, to know what is shown soon after
it."""
ROUNDING_S = 1e-6
"""Margin, in seconds, for deciding that a frame is not shown: within it, the frame is decoded to be
on the safe side."""


class Misplaced(Exception):  # noqa: N818 (read aloud, it says what is wrong)
    """Raised if a seek does not lead to the frame or sample that is needed."""


def read_frames(
    path: Path,
    steps: list[int],
    *,
    fps: float,
    every: int,
    short_side: int,
    limits: Limits = LIMITS,
) -> NDArray[np.uint8]:
    """Read some of the frames that read_video returns: [len(steps), 3, h, w].

    The file is opened once. It is read from its start instead if seeking is of no use: it lands
    behind the frame, times are missing or fall, or the container is not in TIMED.

    Args:
        path: path of the video.
        steps: places on read_video's grid, in any order; for those past the end the last frame is
            returned.
        fps: nominal frame rate.
        every: frames of the video from one place of the grid to the next.
        short_side: largest short side, in pixels.
        limits: limits that the file must keep.

    Raises:
        UnreadableVideo: as read_video, but damage is met only in what these frames need.
    """
    rising = sorted(set(steps))
    times = [step * every / fps for step in rising]
    shrink, half = Shrink(short_side), 0.5 / fps
    try:
        with opened(path, limits) as container:
            frames, end_s = _by_seeking(container, path, limits, times, half, shrink)
    except Misplaced:
        with opened(path, limits) as container:
            timed = timed_frames(container, path, limits, 1)
            frames, end_s = _shown(timed, times, half, shrink)
    by_step = dict(zip(rising, frames, strict=False))
    if len(by_step) < len(rising):
        # The video ended early. A place that it should have served by its end means damage; the
        # others get the last frame, which may have to be read on its own.
        last = _last_step(end_s, fps, every, half)
        if last < 0 or last >= rising[len(by_step)]:
            raise UnreadableVideo(path, f"no frame at {times[len(by_step)]:.2f} s can be decoded")
        if last not in by_step:
            size = {"every": every, "short_side": short_side}
            by_step[last] = read_frames(path, [last], fps=fps, limits=limits, **size)[0]
    else:
        last = rising[-1]
    return _stacked(path, [by_step[min(step, last)] for step in steps])


def _by_seeking(
    container: Any, path: Path, limits: Limits, times: list[float], half: float, shrink: Shrink
) -> tuple[list[NDArray[np.uint8]], float]:
    """Read the frames shown at the rising times, in runs that begin with a seek.

    Returns:
        The frames, fewer than times if the video ends; the time of the last one decoded.

    Raises:
        Misplaced: seeking is of no use in this file.
    """
    if not TIMED & set(container.format.name.split(",")):
        raise Misplaced
    stream, start = video_stream(container), start_s(container)
    frames: list[NDArray[np.uint8]] = []
    end_s, at = -1.0, 0
    while at < len(times):
        # Seeks now: some containers read their index, which _worth needs, at the first seek.
        timed = _from_key_frame(container, path, limits, times[at:], half)
        upto = at + 1
        while upto < len(times) and not _worth(stream, start, times[upto - 1], times[upto]):
            upto += 1
        run, end_s = _shown(timed, times[at:upto], half, shrink)
        frames += run
        if len(run) < upto - at:
            break
        at = upto
    return frames, end_s


def _worth(stream: Any, start: float, decoded_s: float, next_s: float) -> bool:
    """Return whether a seek to next_s saves more than it costs, once decoded_s is reached."""
    if next_s - decoded_s < WORTH_A_SEEK_S:
        return False
    if len(stream.index_entries) < 2:
        return next_s - decoded_s > USUAL_GOP_S
    # A seek leads to the key frame before next_s: it saves the way from decoded_s up to that.
    key = stream.index_entries.search_timestamp(math.floor((next_s + start) / stream.time_base))
    if key < 0:
        return False
    key_s = float(stream.index_entries[key].timestamp * stream.time_base) - start
    return key_s - decoded_s > WORTH_A_SEEK_S


def _from_key_frame(
    container: Any, path: Path, limits: Limits, times: list[float], half: float
) -> Timed:
    """Return frames from a key frame that is shown at times[0] or before, as far as times need.

    Raises:
        Misplaced: there is no such key frame, or, later, a frame has no time or does not rise.
    """

    def decode(container: Any, stream: Any) -> Iterator[Any]:
        return _sparing(container, stream, times, half)

    start = start_s(container)
    # The first run, in a container just opened: no seek is needed.
    if times[0] <= half:
        return _as_timed(timed_frames(container, path, limits, 1, decode=decode), start)
    from_s = times[0] - half
    timed = timed_frames(container, path, limits, 1, from_s=from_s, decode=decode)
    timed = _as_timed(timed, start)
    try:
        # Frames before the first key frame may refer to frames that were not decoded.
        seconds, frame = next((s, f) for s, f in timed if f.key_frame)
    except (StopIteration, av.FFmpegError, ValueError) as error:
        # Reading from the start meets real damage again, and reports it.
        raise Misplaced from error
    if seconds > times[0] + half:
        raise Misplaced
    return _chained(seconds, frame, timed)


def _sparing(container: Any, stream: Any, times: list[float], half: float) -> Iterator[Any]:
    """Decode a stream, sparing frames that no other is predicted from and that are never shown.

    A frame is never shown if a later one begins early enough for the next of the times (shown_at).
    """
    start, tick, context = start_s(container), float(stream.time_base), stream.codec_context
    # (time, packet) of the packet to decode and of those behind it, in the order of the file.
    waiting: deque[tuple[float | None, Any]] = deque()
    late = half + ROUNDING_S

    def decoded() -> list[Any]:
        seconds, packet = waiting.popleft()
        spared = False
        # `at` is the first of the times that this frame could be shown at.
        if seconds is not None and (at := bisect_left(times, seconds - late)) < len(times):
            by = times[at] + half - ROUNDING_S
            spared = any(s is not None and seconds < s <= by for s, _ in waiting)
        # NONREF makes the decoder drop the frame only if no other frame refers to it.
        context.skip_frame = "NONREF" if spared else "DEFAULT"
        return list(packet.decode())

    for packet in container.demux(stream):
        seconds = None if packet.pts is None else packet.pts * tick - start
        waiting.append((seconds, packet))
        if len(waiting) > LOOK_AHEAD:
            yield from decoded()
    while waiting:
        yield from decoded()


def _chained(seconds: float, frame: Any, timed: Timed) -> Timed:
    yield seconds, frame
    yield from timed


def _as_timed(timed: Timed, start: float) -> Timed:
    """Yield the same frames, as long as their times are those of the file.

    timed_frames makes times up where the file has none, and after a seek they would be others than
    in a whole read.

    Raises:
        Misplaced: a frame has no time, or another one than the file states.
    """
    for seconds, frame in timed:
        if frame.pts is None or seconds != float(frame.pts * frame.time_base) - start:
            raise Misplaced
        yield seconds, frame


def _shown(
    timed: Timed, times: list[float], half: float, shrink: Shrink
) -> tuple[list[NDArray[np.uint8]], float]:
    """Return the frames shown at the rising times, and the time of the last one decoded."""
    ends = [-1.0]
    frames = [shrink(frame) for frame in shown_at(_noted(timed, ends), iter(times), half)]
    return frames, ends[0]


def _noted(timed: Timed, ends: list[float]) -> Timed:
    """Yield the same frames, and keep the time of the last one in ends[0]."""
    for seconds, frame in timed:
        ends[0] = seconds
        yield seconds, frame


def _last_step(end_s: float, fps: float, every: int, half: float) -> int:
    """Return the last place of the grid that is served if the last frame begins at end_s."""
    # Counted down with the comparison that shown_at makes: a formula would round otherwise.
    step = math.ceil((end_s + half) * fps / every) + 1
    while step >= 0 and step * every / fps > end_s + half:
        step -= 1
    return step


def _stacked(path: Path, frames: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return frames of [3, h, w] as one array.

    Raises:
        UnreadableVideo: they differ in size.
    """
    if any(frame.shape != frames[0].shape for frame in frames):
        raise UnreadableVideo(path, "its frames change their size")
    height, width = frames[0].shape[1:]
    # Frames lie in memory as [h, w, 3]; copied in that order, no pixel has to be moved alone.
    stacked = np.empty((len(frames), height, width, 3), np.uint8)
    for place, frame in enumerate(frames):
        stacked[place] = frame.transpose(1, 2, 0)
    return stacked.transpose(0, 3, 1, 2)
