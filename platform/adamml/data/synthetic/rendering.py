"""Writes built-in videos to disk (without torch and pandas, which drawing processes never need)."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from adamml.config import SyntheticConfig
from adamml.data.synthetic.scene import draw_frames
from adamml.data.synthetic.sound import SAMPLE_RATE, make_sound
from adamml.data.synthetic.storyboard import CLASSES, FPS, Stretch, draw_stretches
from adamml.files import whole

SPLITS = ("train", "validation", "test")
Job = tuple[str, int]
"""Split and index of a video to make."""


def path_of(job: Job) -> str:
    """Return the path of a video in the dataset's folder."""
    return f"{job[0]}/{job[1]:06d}.mp4"


def label_of(index: int) -> int:
    """Return the class of a video; classes take turns, so every split is balanced."""
    return index % len(CLASSES)


def storyboard(
    config: SyntheticConfig, split: str, index: int
) -> tuple[np.random.Generator, list[Stretch]]:
    """Draw a video's stretches; also return the generator, which goes on to draw the video.

    Args:
        config: the dataset.
        split: split of the video.
        index: number of the video in its split.
    """
    # The manifest draws the same stretches without drawing any frame.
    rng = np.random.default_rng((config.seed, SPLITS.index(split), index))
    return rng, draw_stretches(rng, label_of(index), config.seconds)


def render_all(root: Path, config: SyntheticConfig, jobs: list[Job]) -> dict[str, int]:
    """Make some videos of the dataset in a folder; return path -> bytes."""
    return {path_of(job): render(root / path_of(job), config, *job) for job in jobs}


def render(path: Path, config: SyntheticConfig, split: str, index: int) -> int:
    """Make a video, atomically, and return its bytes. Equal arguments give equal videos.

    Args:
        path: file to write.
        config: the dataset.
        split: split of the video.
        index: number of the video in its split.
    """
    rng, stretches = storyboard(config, split, index)
    frames = draw_frames(rng, stretches, config.pixels)
    sound = make_sound(rng, stretches)
    with whole(path) as part:
        _write(part, frames, sound)
    return path.stat().st_size


def _write(path: Path, frames: NDArray[np.uint8], sound: NDArray[np.float32]) -> None:
    """Encode frames [T, P, P, 3] and sound [samples] as an MP4."""
    with av.open(str(path), "w", format="mp4") as container:
        video = container.add_stream(
            "libx264", rate=FPS, options={"preset": "ultrafast", "crf": "28"}
        )
        video.width, video.height = frames.shape[2], frames.shape[1]
        # One thread: x264's bytes depend on the number of threads.
        video.pix_fmt, video.thread_count, video.gop_size = "yuv420p", 1, 2 * FPS
        audio = container.add_stream(
            "aac", rate=SAMPLE_RATE, layout="mono", options={"aac_coder": "fast"}
        )
        audio.bit_rate = 64_000
        scaler = VideoReformatter()
        for pixels in frames:
            frame = av.VideoFrame.from_numpy_buffer(pixels, format="rgb24")
            container.mux(video.encode(scaler.reformat(frame, format="yuv420p", threads=1)))
        container.mux(video.encode())  # the frames that the encoder still holds
        samples = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
        samples.sample_rate, samples.time_base = SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
        container.mux(audio.encode(samples))
        container.mux(audio.encode())
