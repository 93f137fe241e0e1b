"""Frames by time."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from adamml.data.media.untrusted import (
    LIMITS,
    Limits,
    UnreadableVideo,
    film,
    opened,
    require_size,
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

Array = np.ndarray[Any, Any]


def film_s(container: Any) -> float:
    """How long the file says that its film is; where it does not, how long all of it; or 0."""
    stream = film(container)
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / av.time_base


def start_s(container: Any) -> float:
    video = film(container)
    return float((video.start_time or 0) * video.time_base)


def every_frame(container: Any, stream: Any) -> Iterator[Any]:
    return iter(container.decode(stream))


def timed_frames(
    container: Any,
    path: Path,
    limits: Limits,
    threads: int,
    from_s: float = 0.0,
    decode: Callable[[Any, Any], Iterator[Any]] = every_frame,
) -> Iterator[tuple[float, Any]]:
    """(seconds since the start, frame), in order, from the key frame at or before from_s.

    Times rise: a frame without one, or not behind the frame before it, comes at the average rate
    after that. H.264 in AVI with B-frames, and streams that were joined, have such times.
    """
    stream = film(container)
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
            seconds = last + usual if count else from_s
        last = seconds
        if seconds > limits.seconds:
            raise UnreadableVideo(path, f"longer than {limits.seconds:g} s")
        if count > (max(seconds, 0.0) + 10) * limits.fps:
            raise UnreadableVideo(path, f"more than {limits.fps:g} frames a second")
        yield seconds, frame
    if count > (max(last, 0.0) + 0.1) * limits.fps:
        raise UnreadableVideo(path, f"more than {limits.fps:g} frames a second")


def shown_at(
    timed: Iterator[tuple[float, Any]], times: Iterator[float], half: float
) -> Iterator[Any]:
    """For each of the rising times the last frame that starts by then (give or take half a frame).

    Ends early where the video does: a time is only served once a later frame, or the end within it,
    is seen.
    """
    wanted, shown = next(times, None), None
    for seconds, frame in timed:
        while wanted is not None and shown is not None and seconds > wanted + half:
            yield shown
            wanted = next(times, None)
        if wanted is None:
            return
        shown, shown_s = frame, seconds
    while wanted is not None and shown is not None and wanted <= shown_s + half:
        yield shown
        wanted = next(times, None)


class Shrink:
    """Frames as uint8 [3, h, w], the short side at most short_side, with one scaler per file.

    Setting one up, with a thread per core, took four times as long as decoding.
    """

    def __init__(self, short_side: int) -> None:
        self.short_side, self.scaler = short_side, VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> Array:
        scale = min(1.0, self.short_side / min(frame.width, frame.height))
        small = self.scaler.reformat(
            frame,
            width=round(frame.width * scale),
            height=round(frame.height * scale),
            format="rgb24",
            interpolation="BILINEAR",
            threads=1,
        )
        return np.asarray(upright(small.to_ndarray(), frame).transpose(2, 0, 1))


def upright(pixels: Array, frame: Any) -> Array:
    """A frame's pixels [h, w, C], turned by the quarters in which its file says it is shown."""
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
) -> Array:
    """Every `every`-th frame of a video, on the grid of times k * every / fps.

    Args:
        fps: the nominal frame rate; of a variable one, the frames nearest to this grid.
        short_side: in pixels; smaller videos keep their size.
        seconds: what comes later is not read.

    Returns:
        uint8 [T, 3, h, w].

    Raises:
        UnreadableVideo: missing, empty, truncated, not a video, or beyond the limits.
    """
    with opened(path, limits) as container:
        expected_s = min(film_s(container), seconds)
        most = math.ceil(min(limits.seconds, seconds) * fps / every)
        grid = (k * every / fps for k in range(most))
        timed = timed_frames(container, path, limits, threads)
        shrink = Shrink(short_side)
        kept: list[Array] = []
        for frame in shown_at(timed, grid, 0.5 / fps):
            kept.append(shrink(frame))
            if kept[0].nbytes * len(kept) > limits.stored_bytes:
                raise UnreadableVideo(path, f"more than {limits.stored_bytes} bytes of frames")
            if kept[-1].shape != kept[0].shape:
                raise UnreadableVideo(path, "its frames change their size")
    if not kept:
        raise UnreadableVideo(path, "no frame can be decoded")
    if len(kept) * every / fps < 0.9 * expected_s - 1:
        raise UnreadableVideo(
            path, f"truncated: {len(kept) * every / fps:.1f} of {expected_s:.1f} s can be decoded"
        )
    return np.stack(kept)


def probe(path: Path, limits: Limits = LIMITS) -> bool:
    """Look at every packet and one frame, decoding nothing else; returns whether there is sound.

    Raises:
        UnreadableVideo: missing, empty, truncated, no video. Damage inside a frame goes unseen.
    """
    with opened(path, limits) as container:
        stream = film(container)
        expected_s, last_s, start = film_s(container), 0.0, start_s(container)
        for packet in container.demux(stream):
            time = packet.dts if packet.pts is None else packet.pts  # AVI's have no pts
            if time is not None:
                last_s = max(last_s, float(time * packet.time_base) - start)
        if last_s < 0.9 * expected_s - 1:
            raise UnreadableVideo(path, f"truncated: {last_s:.1f} of {expected_s:.1f} s are there")
        silent = not container.streams.audio
    with opened(path, limits) as container:
        if next(timed_frames(container, path, limits, 1), None) is None:
            raise UnreadableVideo(path, "no frame can be decoded")
    return not silent
