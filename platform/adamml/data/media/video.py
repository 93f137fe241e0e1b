"""Frames of a video by their time."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from adamml.data.media.untrusted import (
    LIMITS,
    Limits,
    UnreadableVideo,
    opened,
    require_size,
    video_stream,
)

__all__ = [
    "LIMITS",
    "Limits",
    "UnreadableVideo",
    "opened",
    "probe",
    "read_video",
    "shown_at",
    "timed_frames",
    "upright",
]


def video_duration_s(container: Any) -> float:
    """Return the video stream's duration as the file states it, else the file's; 0 if neither."""
    stream = video_stream(container)
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / av.time_base


def start_s(container: Any) -> float:
    """Return the time of the video stream's first frame, in seconds, as the file states it."""
    video = video_stream(container)
    return float((video.start_time or 0) * video.time_base)


def every_frame(container: Any, stream: Any) -> Iterator[Any]:
    """Return all frames of a stream, decoded in order."""
    return iter(container.decode(stream))


def timed_frames(
    container: Any,
    path: Path,
    limits: Limits,
    threads: int,
    from_s: float = 0.0,
    decode: Callable[[Any, Any], Iterator[Any]] = every_frame,
) -> Iterator[tuple[float, Any]]:
    """Yield (seconds since the start, frame), in order, with rising times.

    A frame without a time, or with one that does not rise, comes at the average rate after the
    frame before it. H.264 in AVI with B-frames, and streams that were joined, have such times.

    Args:
        container: an open container (untrusted.opened).
        path: path of its file, for messages.
        limits: limits that the frames must keep.
        threads: number of FFmpeg's threads.
        from_s: time to seek to: the first frame is the key frame at or before it.
        decode: function from container and stream to decoded frames.

    Raises:
        UnreadableVideo: a frame is too large or too late, or there are too many per second.
    """
    stream = video_stream(container)
    # Options can be set until the first packet is decoded; a later call finds it open.
    if not stream.codec_context.is_open:
        stream.codec_context.thread_count = threads
        stream.codec_context.options = {"max_pixels": str(limits.pixels)}
        stream.thread_type = "AUTO" if threads > 1 else "NONE"
    start, last = start_s(container), -math.inf
    usual = 1 / float(stream.average_rate or 25)
    if from_s > 0:
        container.seek(
            math.floor((from_s + start) / stream.time_base), stream=stream, backward=True
        )
    count = 0
    for count, frame in enumerate(decode(container, stream)):
        require_size(frame, path, limits)
        seconds = last if frame.pts is None else float(frame.pts * frame.time_base) - start
        if seconds <= last:
            # Before the first frame `last` is -inf: a first frame without a time is at from_s.
            seconds = last + usual if count else from_s
        last = seconds
        if seconds > limits.seconds:
            raise UnreadableVideo(path, f"longer than {limits.seconds:g} s")
        # 10 s of frames to spare, since a stream may begin with a burst.
        if count > (max(seconds, 0.0) + 10) * limits.fps:
            raise UnreadableVideo(path, f"more than {limits.fps:g} frames a second")
        yield seconds, frame
    # At the end of the video its true average is known.
    if count > (max(last, 0.0) + 0.1) * limits.fps:
        raise UnreadableVideo(path, f"more than {limits.fps:g} frames a second")


def shown_at(
    timed: Iterator[tuple[float, Any]], times: Iterator[float], half: float
) -> Iterator[Any]:
    """Yield, for each of the rising times, the frame that is shown then.

    That is the last frame which starts by that time, give or take half a frame. The iterator ends
    early if the video does. A time is served only once a later frame, or the end of the video, has
    been decoded.

    Args:
        timed: (seconds, frame) with rising seconds.
        times: rising times, in seconds.
        half: half the duration of a frame on the grid of times, in seconds.
    """
    next_s, current = next(times, None), None
    for seconds, frame in timed:
        # `current` is shown at all times before this frame starts.
        while next_s is not None and current is not None and seconds > next_s + half:
            yield current
            next_s = next(times, None)
        if next_s is None:
            return
        current, current_s = frame, seconds
    # No later frame comes: the last one serves the times that it starts by, and the video is over.
    while next_s is not None and current is not None and next_s <= current_s + half:
        yield current
        next_s = next(times, None)


class Shrink:
    """Converter of a file's frames to uint8 [3, h, w] with a short side of at most short_side.

    It keeps one scaler per file and runs it in one thread. A new scaler per frame, with a thread
    per core, took four times as long as decoding.
    """

    def __init__(self, short_side: int) -> None:
        self.short_side, self.scaler = short_side, VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        """Return a frame's pixels, upright."""
        scale = min(1.0, self.short_side / min(frame.width, frame.height))
        small = self.scaler.reformat(
            frame,
            width=round(frame.width * scale),
            height=round(frame.height * scale),
            format="rgb24",
            interpolation="BILINEAR",
            threads=1,
        )
        return upright(np.asarray(small.to_ndarray(), np.uint8), frame).transpose(2, 0, 1)


def upright(pixels: NDArray[np.uint8], frame: Any) -> NDArray[np.uint8]:
    """Turn a frame's pixels [h, w, C] by the quarter turns that its file asks for."""
    return np.rot90(pixels, round(frame.rotation / 90) % 4)


def read_video(
    path: Path,
    *,
    fps: float,
    every: int,
    short_side: int,
    limits: Limits = LIMITS,
    threads: int = 1,
    seconds: float = math.inf,
) -> NDArray[np.uint8]:
    """Read every `every`-th frame of a video: [T, 3, h, w], on the grid of times k * every / fps.

    Args:
        path: path of the video.
        fps: nominal frame rate; of a video with a variable rate, the frames shown at this grid's
            times are read.
        every: frames from one that is read to the next.
        short_side: largest short side, in pixels; smaller videos keep their size.
        limits: limits that the file must keep.
        threads: number of FFmpeg's threads.
        seconds: time at which reading stops.

    Raises:
        UnreadableVideo: the file is missing, empty, truncated, no video, or beyond the limits.
    """
    with opened(path, limits) as container:
        expected_s = min(video_duration_s(container), seconds)
        most = math.ceil(min(limits.seconds, seconds) * fps / every)
        grid = (k * every / fps for k in range(most))
        timed = timed_frames(container, path, limits, threads)
        shrink = Shrink(short_side)
        frames: list[NDArray[np.uint8]] = []
        for frame in shown_at(timed, grid, 0.5 / fps):
            frames.append(shrink(frame))
            if frames[0].nbytes * len(frames) > limits.stored_bytes:
                raise UnreadableVideo(path, f"more than {limits.stored_bytes} bytes of frames")
            if frames[-1].shape != frames[0].shape:
                raise UnreadableVideo(path, "its frames change their size")
    if not frames:
        raise UnreadableVideo(path, "no frame can be decoded")
    # Stated durations are rounded or include a longer sound track: a tenth and 1 s may be missing.
    if len(frames) * every / fps < 0.9 * expected_s - 1:
        raise UnreadableVideo(
            path, f"truncated: {len(frames) * every / fps:.1f} of {expected_s:.1f} s can be decoded"
        )
    return np.stack(frames)


def probe(path: Path, limits: Limits = LIMITS) -> bool:
    """Look at every packet of a video and decode one frame; return whether the file has sound.

    Raises:
        UnreadableVideo: the file is missing, empty, truncated or no video. Damage inside a frame
            is not noticed.
    """
    with opened(path, limits) as container:
        stream = video_stream(container)
        expected_s, last_s, start = video_duration_s(container), 0.0, start_s(container)
        for packet in container.demux(stream):
            time = packet.dts if packet.pts is None else packet.pts  # AVI's packets have no pts
            if time is not None:
                last_s = max(last_s, float(time * packet.time_base) - start)
        if last_s < 0.9 * expected_s - 1:
            raise UnreadableVideo(path, f"truncated: {last_s:.1f} of {expected_s:.1f} s are there")
        silent = not container.streams.audio
    # Opened again: the packets that were looked at are gone.
    with opened(path, limits) as container:
        if next(timed_frames(container, path, limits, 1), None) is None:
            raise UnreadableVideo(path, "no frame can be decoded")
    return not silent
