"""Writes frames and sound as a small, seekable MP4: H.264 with short GOPs, mono FLAC."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from adamml.data.media.video import upright

Array = np.ndarray[Any, Any]
SAMPLES_PER_FRAME = 1024
SOUND_OPTIONS = {"aac": {"aac_pns": "0"}}
"""By codec. No noise that the decoder makes itself, which depends on where it began to read."""


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
    sound: str = "flac"
    """Its codec: flac loses nothing and is read faster than aac, which is smaller
    (benchmarks/sound_storage.py)."""


def write_clip(
    path: Path, frames: Iterable[Any], fps: Fraction, sound: Array | None, encoding: Encoding
) -> int:
    """
    Args:
        frames: decoded ones (av.VideoFrame), one every 1 / fps seconds.
        sound: int16 [samples] at encoding.sample_rate, from the first frame on; None writes no
            track, and what is longer than the frames is left out.

    Returns:
        How many frames there were; without any no file is written.

    Raises:
        ValueError: a frame has another size than the first.
    """
    shrink, convert = VideoReformatter(), VideoReformatter()
    upright = (_upright(frame, encoding.short_side, shrink) for frame in frames)
    first = next(upright, None)
    if first is None:
        return 0
    height, width = first.shape[:2]
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        options = {"preset": "veryfast", "crf": str(encoding.crf)}
        video = container.add_stream("libx264", rate=fps, options=options)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.thread_count, video.gop_size = 1, encoding.gop
        audio = None
        if sound is not None:
            audio = container.add_stream(
                encoding.sound,
                rate=encoding.sample_rate,
                layout="mono",
                options=SOUND_OPTIONS.get(encoding.sound, {}),
            )
        count = 0
        for pixels in itertools.chain([first], upright):
            if pixels.shape[:2] != (height, width):
                raise ValueError("its frames change their size")
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux(video.encode(convert.reformat(frame, format="yuv420p", threads=1)))
            count += 1
        container.mux(video.encode())
        if audio is not None and sound is not None:
            length = round(count / fps * encoding.sample_rate)
            write_sound(container, audio, sound[:length], encoding.sample_rate)
    return count


def write_sound(container: Any, audio: Any, sound: Array, rate: int) -> None:
    """int16 [samples] as the audio stream of an open container."""
    for at in range(0, len(sound), SAMPLES_PER_FRAME):
        samples = np.ascontiguousarray(sound[None, at : at + SAMPLES_PER_FRAME])
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), at
        container.mux(audio.encode(frame))
    container.mux(audio.encode())


def _upright(frame: Any, short_side: int, scaler: VideoReformatter) -> Array:
    """uint8 [h, w, 3] of even sides, turned as the file says it is to be shown."""
    scale = min(1.0, short_side / min(frame.width, frame.height))
    width, height = (max(2, 2 * round(side * scale / 2)) for side in (frame.width, frame.height))
    small = scaler.reformat(
        frame, width=width, height=height, format="rgb24", interpolation="BICUBIC", threads=1
    )
    return np.ascontiguousarray(upright(small.to_ndarray(), frame))
