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
from numpy.typing import NDArray

from adamml.data.media.video import upright

SAMPLES_PER_FRAME = 1024
SOUND_OPTIONS = {"aac": {"aac_pns": "0"}}
"""Encoder options by codec. AAC's perceptual noise is off: the decoder makes that noise itself, and
it differs with the place at which decoding begins."""


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """Properties of a prepared clip."""

    short_side: int = 256
    """Largest short side, in pixels; smaller clips keep their size (made even)."""
    gop: int = 12
    """Frames from one key frame to the next: the distance that is decoded to reach a segment's
    first frame is never larger."""
    crf: int = 20
    """x264's constant rate factor; lower is better and larger."""
    sample_rate: int = 24_000
    """Samples of mono sound per second."""
    sound: str = "flac"
    """Codec of the sound. flac loses nothing and is read faster than aac, which is smaller
    (benchmarks/sound_storage.py)."""


def write_clip(
    path: Path,
    frames: Iterable[Any],
    fps: Fraction,
    sound: NDArray[np.int16] | None,
    encoding: Encoding,
) -> int:
    """Write a clip and return its number of frames; without any frame no file is written.

    Args:
        path: file to write.
        frames: decoded frames (av.VideoFrame), one every 1 / fps seconds.
        fps: frame rate of the clip.
        sound: [samples] at encoding.sample_rate, from the first frame on; None writes no sound
            track. Samples after the last frame's end are left out.
        encoding: properties of the clip.

    Raises:
        ValueError: a frame has another size than the first.
    """
    # One scaler for each of the two conversions: setting one up for every frame is slow.
    shrink, convert = VideoReformatter(), VideoReformatter()
    images = (_prepared(frame, encoding.short_side, shrink) for frame in frames)
    first = next(images, None)
    if first is None:
        return 0
    height, width = first.shape[:2]
    # faststart moves the index to the front, so that opening reads no further.
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
        for pixels in itertools.chain([first], images):
            if pixels.shape[:2] != (height, width):
                raise ValueError("its frames change their size")
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux(video.encode(convert.reformat(frame, format="yuv420p", threads=1)))
            count += 1
        container.mux(video.encode())  # the frames that the encoder still holds
        if audio is not None and sound is not None:
            length = round(count / fps * encoding.sample_rate)
            write_sound(container, audio, sound[:length], encoding.sample_rate)
    return count


def write_sound(container: Any, audio: Any, sound: NDArray[np.int16], rate: int) -> None:
    """Write samples as the audio stream of an open container.

    Args:
        container: container open for writing (av.container.OutputContainer).
        audio: audio stream of the container.
        sound: [samples], mono.
        rate: samples per second.
    """
    for at in range(0, len(sound), SAMPLES_PER_FRAME):
        samples = np.ascontiguousarray(sound[None, at : at + SAMPLES_PER_FRAME])
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), at
        container.mux(audio.encode(frame))
    container.mux(audio.encode())


def _prepared(frame: Any, short_side: int, scaler: VideoReformatter) -> NDArray[np.uint8]:
    """Return a frame's pixels [h, w, 3], shrunk to even sides and turned upright."""
    scale = min(1.0, short_side / min(frame.width, frame.height))
    # Even, since yuv420p stores colour for blocks of 2 x 2 pixels.
    width, height = (max(2, 2 * round(side * scale / 2)) for side in (frame.width, frame.height))
    small = scaler.reformat(
        frame, width=width, height=height, format="rgb24", interpolation="BICUBIC", threads=1
    )
    return np.ascontiguousarray(upright(np.asarray(small.to_ndarray(), np.uint8), frame))
