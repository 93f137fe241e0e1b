"""One clip of an untrusted file as a small, seekable MP4: H.264 with short GOPs, mono AAC.

Run as a program it does one clip and prints what came of it as JSON: whatever a hostile file does
to a decoder, it does to a process of its own, with limits on memory and processor time
(preparing/clips.py adds one on wall time).
"""

import json
import math
import os
import resource
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from adamml.data.video import (
    LIMITS,
    Limits,
    UnreadableVideo,
    opened,
    read_audio,
    shown_at,
    timed_frames,
)

Array = np.ndarray[Any, Any]
SAMPLES_PER_FRAME = 1024
LOWEST_FPS, HIGHEST_FPS, USUAL_FPS = 1.0, 60.0, 25.0


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """What a prepared clip is like."""

    short_side: int = 256
    """In pixels, at most; smaller clips keep their size (made even)."""
    gop: int = 12
    """Frames from one key frame to the next: a segment's first frame is never further away."""
    crf: int = 20
    """x264's quality; lower is better and larger."""
    sample_rate: int = 24_000
    """Of the sound, mono."""


@dataclass(frozen=True, kw_only=True)
class Transcoded:
    duration_s: float
    fps: float
    silent: bool


def transcode(
    source: Path,
    target: Path,
    *,
    start_s: float = 0.0,
    end_s: float = math.inf,
    encoding: Encoding,
    limits: Limits = LIMITS,
) -> Transcoded:
    """Write the part of source between two times to target, which is not there before it is whole.

    Frames are taken on the grid of the file's average rate (25 fps where it says none, 60 at most),
    turned as the file says they are to be shown.

    Raises:
        UnreadableVideo: source is missing, empty, truncated, no video, beyond the limits, or has no
            frame between these times.
        OSError: target cannot be written.
    """
    partial = target.with_name(f".{target.stem}.{os.getpid()}.part.mp4")
    try:
        sound = read_audio(source, sample_rate=encoding.sample_rate, limits=limits)
        with opened(source, limits) as container:
            fps = _rate(container.streams.video[0])
            timed = timed_frames(container, source, limits, 1, from_s=start_s)
            count = math.ceil((min(end_s, limits.seconds) - start_s) * fps - 1e-6)
            grid = (start_s + step / fps for step in range(count))
            shown = shown_at(timed, grid, 0.5 / float(fps))
            expected_s = min(_length_s(container), end_s) - start_s
            frames = _write_frames(partial, shown, fps, sound, start_s, encoding, source)
        duration_s = float(frames / fps)
        if duration_s < 0.9 * expected_s - 1:
            raise UnreadableVideo(
                source, f"truncated: {duration_s:.1f} of {expected_s:.1f} s can be decoded"
            )
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    return Transcoded(duration_s=duration_s, fps=float(fps), silent=sound is None)


def _rate(stream: Any) -> Fraction:
    found = stream.average_rate or stream.guessed_rate
    if not found or found < LOWEST_FPS:
        return Fraction(USUAL_FPS)
    return min(Fraction(found), Fraction(HIGHEST_FPS)).limit_denominator(1001)


def _length_s(container: Any) -> float:
    return (container.duration or 0) / av.time_base


def _write_frames(
    path: Path,
    shown: Iterator[Any],
    fps: Fraction,
    sound: Array | None,
    start_s: float,
    encoding: Encoding,
    source: Path,
) -> int:
    """Returns how many frames there are."""
    first = next(shown, None)
    if first is None:
        raise UnreadableVideo(source, f"no frame from {start_s:g} s on can be decoded")
    scaler, pixels = VideoReformatter(), _shown(first, encoding.short_side, VideoReformatter())
    height, width = pixels.shape[:2]
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        options = {"preset": "veryfast", "crf": str(encoding.crf)}
        video = container.add_stream("libx264", rate=fps, options=options)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.thread_count, video.gop_size = 1, encoding.gop
        audio = None
        if sound is not None:
            audio = container.add_stream("aac", rate=encoding.sample_rate, layout="mono")
        count = 0
        while True:
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux(video.encode(scaler.reformat(frame, format="yuv420p", threads=1)))
            count += 1
            following = next(shown, None)
            if following is None:
                break
            pixels = _shown(following, encoding.short_side, scaler)
            if pixels.shape[:2] != (height, width):
                raise UnreadableVideo(source, "its frames change their size")
        container.mux(video.encode())
        if audio is not None and sound is not None:
            begin = round(start_s * encoding.sample_rate)
            end = begin + round(count / fps * encoding.sample_rate)
            _write_sound(container, audio, sound[begin:end], encoding.sample_rate)
    return count


def _write_sound(container: Any, audio: Any, sound: Array, rate: int) -> None:
    for at in range(0, len(sound), SAMPLES_PER_FRAME):
        samples = np.ascontiguousarray(sound[None, at : at + SAMPLES_PER_FRAME])
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), at
        container.mux(audio.encode(frame))
    container.mux(audio.encode())


def _shown(frame: Any, short_side: int, scaler: VideoReformatter) -> Array:
    """uint8 [h, w, 3], even, upright."""
    scale = min(1.0, short_side / min(frame.width, frame.height))
    width, height = (max(2, 2 * round(side * scale / 2)) for side in (frame.width, frame.height))
    small = scaler.reformat(
        frame, width=width, height=height, format="rgb24", interpolation="BICUBIC", threads=1
    )
    quarters = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(small.to_ndarray(), quarters))


def main(argument: str) -> int:
    """argument: JSON with the arguments of transcode, memory_bytes and cpu_s."""
    asked = json.loads(argument)
    resource.setrlimit(resource.RLIMIT_AS, (asked["memory_bytes"],) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (asked["cpu_s"], asked["cpu_s"] + 1))
    try:
        found = transcode(
            Path(asked["source"]),
            Path(asked["target"]),
            start_s=asked["start_s"],
            end_s=math.inf if asked["end_s"] is None else asked["end_s"],
            encoding=Encoding(**asked["encoding"]),
        )
    except UnreadableVideo as error:
        print(json.dumps({"reason": error.reason}))
    except MemoryError:
        print(json.dumps({"reason": f"needs more than {asked['memory_bytes']} bytes of memory"}))
    else:
        print(json.dumps(asdict(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
