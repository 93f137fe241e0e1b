"""Some frames of a video, found by seeking: equal to those of a whole read, without its work."""

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from adamml.data.media.untrusted import LIMITS, Limits, UnreadableVideo, film, opened
from adamml.data.media.video import Shrink, shown_at, start_s, timed_frames

Array = np.ndarray[Any, Any]
Timed = Iterator[tuple[float, Any]]
WORTH_A_SEEK_S = 0.3
"""Of frames that need not be decoded: a seek empties the decoder, which then runs in anew."""
USUAL_GOP_S = 2.0
"""From one key frame to the next, where the container has no index to look it up in."""
TIMED = {"mov", "matroska"}
"""Containers with a time for every frame. Of others (MPEG-PS) FFmpeg makes some up as it reads, and
they differ with the place it began at."""


LOOK_AHEAD = 8
"""Packets that are read before one is decoded, to know what is shown soon after it."""

ROUNDING_S = 1e-6
"""Where a frame is as near as this to the next, it is decoded to be on the safe side."""


class Misplaced(Exception):  # noqa: N818 (read aloud, it says what is wrong)
    """A seek did not lead to the frame or sample that was asked for."""


def read_frames(
    path: Path,
    steps: list[int],
    *,
    fps: float,
    every: int,
    short_side: int,
    limits: Limits = LIMITS,
) -> Array:
    """Some of the frames that read_video gives: uint8 [len(steps), 3, h, w].

    The file is opened once. Where a seek is of no use (it lands behind the frame, times are missing
    or fall, the container is not in TIMED), it is read from the start instead.

    Args:
        steps: places on read_video's grid, in any order; those behind the end give its last frame.

    Raises:
        UnreadableVideo: as read_video, but only what these frames need is read.
    """
    wanted = sorted(set(steps))
    times = [step * every / fps for step in wanted]
    shrink, half = Shrink(short_side), 0.5 / fps
    try:
        with opened(path, limits) as container:
            frames, end_s = _by_seeking(container, path, limits, times, half, shrink)
    except Misplaced:
        with opened(path, limits) as container:
            timed = timed_frames(container, path, limits, 1)
            frames, end_s = _shown(timed, times, half, shrink)
    found = dict(zip(wanted, frames, strict=False))
    if len(found) < len(wanted):
        last = _last_step(end_s, fps, every, half)
        if last < 0 or last >= wanted[len(found)]:
            raise UnreadableVideo(path, f"no frame at {times[len(found)]:.2f} s can be decoded")
        if last not in found:
            size = {"every": every, "short_side": short_side}
            found[last] = read_frames(path, [last], fps=fps, limits=limits, **size)[0]
    else:
        last = wanted[-1]
    return _stacked(path, [found[min(step, last)] for step in steps])


def _by_seeking(
    container: Any, path: Path, limits: Limits, times: list[float], half: float, shrink: Shrink
) -> tuple[list[Array], float]:
    """Frames of the rising times, up to the end of the video; the last time that was decoded."""
    if not TIMED & set(container.format.name.split(",")):
        raise Misplaced
    stream, start = film(container), start_s(container)
    frames: list[Array] = []
    end_s, at = -1.0, 0
    while at < len(times):
        timed = _from_key_frame(container, path, limits, times[at:], half)
        upto = at + 1  # the index of some containers is read by the first seek
        while upto < len(times) and not _worth(stream, start, times[upto - 1], times[upto]):
            upto += 1
        found, end_s = _shown(timed, times[at:upto], half, shrink)
        frames += found
        if len(found) < upto - at:
            break
        at = upto
    return frames, end_s


def _worth(stream: Any, start: float, seen_s: float, wanted_s: float) -> bool:
    """Whether a seek to wanted_s saves more than it costs, once seen_s is decoded."""
    if wanted_s - seen_s < WORTH_A_SEEK_S:
        return False
    if len(stream.index_entries) < 2:
        return wanted_s - seen_s > USUAL_GOP_S
    key = stream.index_entries.search_timestamp(math.floor((wanted_s + start) / stream.time_base))
    if key < 0:
        return False
    key_s = float(stream.index_entries[key].timestamp * stream.time_base) - start
    return key_s - seen_s > WORTH_A_SEEK_S


def _from_key_frame(
    container: Any, path: Path, limits: Limits, times: list[float], half: float
) -> Timed:
    """Frames from a key frame that is shown at times[0] or before, for all of the times.

    Raises:
        Misplaced: there is none, or a frame has no time or an earlier one than the last.
    """

    def decode(container: Any, stream: Any) -> Iterator[Any]:
        return _sparing(container, stream, times, half)

    start = start_s(container)
    if times[0] <= half:  # the first run, in a container just opened
        return _as_timed(timed_frames(container, path, limits, 1, decode=decode), start)
    from_s = times[0] - half
    timed = timed_frames(container, path, limits, 1, from_s=from_s, decode=decode)
    timed = _as_timed(timed, start)
    try:
        seconds, frame = next((s, f) for s, f in timed if f.key_frame)
    except (StopIteration, av.FFmpegError, ValueError) as error:  # damage shows from the start too
        raise Misplaced from error
    if seconds > times[0] + half:
        raise Misplaced
    return _chained(seconds, frame, timed)


def _sparing(container: Any, stream: Any, times: list[float], half: float) -> Iterator[Any]:
    """Frames, but those that are not shown at any of the times and that no other is predicted from.

    A frame is not shown where a later one still begins by the next time (see shown_at).
    """
    start, tick, context = start_s(container), float(stream.time_base), stream.codec_context
    waiting: deque[tuple[float | None, Any]] = deque()
    late = half + ROUNDING_S

    def decoded() -> list[Any]:
        seconds, packet = waiting.popleft()
        spared = False
        if seconds is not None and (at := bisect_left(times, seconds - late)) < len(times):
            by = times[at] + half - ROUNDING_S
            spared = any(s is not None and seconds < s <= by for s, _ in waiting)
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
    """The same frames, as long as their times are those of the file."""
    for seconds, frame in timed:
        if frame.pts is None or seconds != float(frame.pts * frame.time_base) - start:
            raise Misplaced
        yield seconds, frame


def _shown(
    timed: Timed, times: list[float], half: float, shrink: Shrink
) -> tuple[list[Array], float]:
    ends = [-1.0]
    found = [shrink(frame) for frame in shown_at(_noted(timed, ends), iter(times), half)]
    return found, ends[0]


def _noted(timed: Timed, ends: list[float]) -> Timed:
    """The same frames; ends[0] becomes the time of the last one."""
    for seconds, frame in timed:
        ends[0] = seconds
        yield seconds, frame


def _last_step(end_s: float, fps: float, every: int, half: float) -> int:
    """The last place of the grid that shown_at serves where the last frame begins at end_s."""
    step = math.ceil((end_s + half) * fps / every) + 1
    while step >= 0 and step * every / fps > end_s + half:
        step -= 1
    return step


def _stacked(path: Path, frames: list[Array]) -> Array:
    if any(frame.shape != frames[0].shape for frame in frames):
        raise UnreadableVideo(path, "its frames change their size")
    height, width = frames[0].shape[1:]
    stacked = np.empty((len(frames), height, width, 3), np.uint8)  # as they are, so no transposing
    for place, frame in enumerate(frames):
        stacked[place] = frame.transpose(1, 2, 0)
    return stacked.transpose(0, 3, 1, 2)
