"""Frames and sound by time, from files that nobody vouches for (PyAV)."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

Array = np.ndarray[Any, Any]

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf"
"""Containers that are opened. Playlists, which name other files or addresses, are not."""


class UnreadableVideo(OSError):  # noqa: N818 (read aloud, it says what is wrong)
    """A media file that cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason

    def __reduce__(self) -> tuple[type, tuple[Path, str]]:
        return UnreadableVideo, (self.path, self.reason)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What one file may ask of us."""

    seconds: float = 3600.0
    pixels: int = 4096 * 2304
    """Per frame, as stored in the file."""
    fps: float = 240.0
    """More frames than seconds * fps are refused."""
    stored_bytes: int = 4 * 2**30
    """Of the frames that are kept."""


LIMITS = Limits()


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[Any]:
    """The open container; whatever FFmpeg says against the file becomes UnreadableVideo."""
    if not path.is_file():
        raise UnreadableVideo(path, "the file is missing")
    if path.stat().st_size == 0:
        raise UnreadableVideo(path, "the file is empty")
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    try:
        with av.open(str(path), container_options=options) as container:
            if not container.streams.video:
                raise UnreadableVideo(path, "no video stream")
            if (container.duration or 0) / av.time_base > limits.seconds:
                raise UnreadableVideo(path, f"longer than {limits.seconds:g} s")
            yield container
    except UnreadableVideo:
        raise
    except (av.FFmpegError, OSError, ValueError, EOFError) as error:
        raise UnreadableVideo(path, f"not a readable video ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return str(text).splitlines()[0] if text else type(error).__name__


def _seconds_of(stream: Any) -> float:
    return float(stream.duration * stream.time_base) if stream.duration else 0.0


def start_s(container: Any) -> float:
    video = container.streams.video[0]
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
    """(seconds since the start, frame), in order, from the key frame at or before from_s."""
    stream = container.streams.video[0]
    if not stream.codec_context.is_open:
        stream.codec_context.thread_count = threads
        stream.thread_type = "AUTO" if threads > 1 else "NONE"
    start = start_s(container)
    if from_s > 0:
        container.seek(
            math.floor((from_s + start) / stream.time_base), stream=stream, backward=True
        )
    for count, frame in enumerate(decode(container, stream)):
        if frame.width * frame.height > limits.pixels:
            raise UnreadableVideo(path, f"more than {limits.pixels} pixels per frame")
        seconds = float(frame.pts * frame.time_base) - start if frame.pts is not None else 0.0
        if seconds > limits.seconds or count > limits.seconds * limits.fps:
            raise UnreadableVideo(path, f"more frames than {limits.seconds:g} s can have")
        yield seconds, frame


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
        return np.asarray(small.to_ndarray().transpose(2, 0, 1))


def read_video(
    path: Path,
    *,
    fps: float,
    every: int,
    short_side: int,
    limits: Limits = LIMITS,
    threads: int = 1,
) -> Array:
    """Every `every`-th frame of a video, on the grid of times k * every / fps.

    Args:
        fps: the nominal frame rate; of a variable one, the frames nearest to this grid.
        short_side: in pixels; smaller videos keep their size.

    Returns:
        uint8 [T, 3, h, w].

    Raises:
        UnreadableVideo: missing, empty, truncated, not a video, or beyond the limits.
    """
    with opened(path, limits) as container:
        expected_s = _seconds_of(container.streams.video[0])
        grid = (k * every / fps for k in range(math.ceil(limits.seconds * fps / every)))
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


def read_audio(path: Path, *, sample_rate: int, limits: Limits = LIMITS) -> Array | None:
    """The first sound track in time with the video, mono: int16 [samples]; None without one.

    Raises:
        UnreadableVideo: the file or the track cannot be decoded.
    """
    with opened(path, limits) as container:
        if not container.streams.audio:
            return None
        start = start_s(container)
        resampler = av.AudioResampler(format="s16", layout="mono", rate=sample_rate)
        parts: list[Array] = []
        offset: int | None = None
        total = 0
        for frame in container.decode(audio=0):
            if offset is None:
                offset = round((float((frame.pts or 0) * frame.time_base) - start) * sample_rate)
            parts += [f.to_ndarray()[0] for f in resampler.resample(frame)]
            total += len(parts[-1]) if parts else 0
            if total > limits.seconds * sample_rate:
                raise UnreadableVideo(path, f"more than {limits.seconds:g} s of sound")
        if offset is None:
            return None
        parts += [f.to_ndarray()[0] for f in resampler.resample(None)]
    sound = np.concatenate(parts)
    before = np.zeros(min(max(offset, 0), int(limits.seconds * sample_rate)), np.int16)
    return np.concatenate([before, sound[max(-offset, 0) :]])


def probe(path: Path, limits: Limits = LIMITS) -> bool:
    """Look at every packet and one frame, decoding nothing else; returns whether there is sound.

    Raises:
        UnreadableVideo: missing, empty, truncated, no video. Damage inside a frame goes unseen.
    """
    with opened(path, limits) as container:
        stream = container.streams.video[0]
        expected_s, last_s, start = _seconds_of(stream), 0.0, start_s(container)
        for packet in container.demux(stream):
            if packet.pts is not None:
                last_s = max(last_s, float(packet.pts * packet.time_base) - start)
        if last_s < 0.9 * expected_s - 1:
            raise UnreadableVideo(path, f"truncated: {last_s:.1f} of {expected_s:.1f} s are there")
        silent = not container.streams.audio
    with opened(path, limits) as container:
        if next(timed_frames(container, path, limits, 1), None) is None:
            raise UnreadableVideo(path, "no frame can be decoded")
    return not silent
