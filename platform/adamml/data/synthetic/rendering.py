"""Writes built-in videos to disk (no torch, no pandas: processes that only draw import this)."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from adamml.config import SyntheticConfig
from adamml.data.synthetic.scene import draw_frames
from adamml.data.synthetic.sound import SAMPLE_RATE, make_sound
from adamml.data.synthetic.storyboard import CLASSES, FPS, Stretch, draw_stretches
from adamml.files import whole

Array = np.ndarray[Any, Any]
SPLITS = ("train", "validation", "test")
Job = tuple[str, int]
"""Split and index of a video."""


def path_of(job: Job) -> str:
    """In the dataset's folder."""
    return f"{job[0]}/{job[1]:06d}.mp4"


def label_of(index: int) -> int:
    """Classes take turns, so every split is balanced."""
    return index % len(CLASSES)


def storyboard(
    config: SyntheticConfig, split: str, index: int
) -> tuple[np.random.Generator, list[Stretch]]:
    """A video's stretches, and the generator of (seed, split, index) that goes on to draw it."""
    rng = np.random.default_rng((config.seed, SPLITS.index(split), index))
    return rng, draw_stretches(rng, label_of(index), config.seconds)


def render_all(root: Path, config: SyntheticConfig, jobs: list[Job]) -> dict[str, int]:
    """Make videos of the dataset in root; path -> bytes."""
    return {path_of(job): render(root / path_of(job), config, *job) for job in jobs}


def render(path: Path, config: SyntheticConfig, split: str, index: int) -> int:
    """Make a video, atomically; returns its bytes. Equal arguments give equal videos."""
    rng, stretches = storyboard(config, split, index)
    frames = draw_frames(rng, stretches, config.pixels)
    sound = make_sound(rng, stretches)
    with whole(path) as part:
        _write(part, frames, sound)
    return path.stat().st_size


def _write(path: Path, frames: Array, sound: Array) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        # One thread: x264's bytes depend on the number of threads.
        video = container.add_stream(
            "libx264", rate=FPS, options={"preset": "ultrafast", "crf": "28"}
        )
        video.width, video.height = frames.shape[2], frames.shape[1]
        video.pix_fmt, video.thread_count, video.gop_size = "yuv420p", 1, 2 * FPS
        audio = container.add_stream(
            "aac", rate=SAMPLE_RATE, layout="mono", options={"aac_coder": "fast"}
        )
        audio.bit_rate = 64_000
        scaler = VideoReformatter()
        for pixels in frames:
            frame = av.VideoFrame.from_numpy_buffer(pixels, format="rgb24")
            container.mux(video.encode(scaler.reformat(frame, format="yuv420p", threads=1)))
        container.mux(video.encode())
        samples = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
        samples.sample_rate, samples.time_base = SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
        container.mux(audio.encode(samples))
        container.mux(audio.encode())
