"""Where the segments of a video lie: dense sampling, in frames at the video's nominal rate.

A segment is a clip of rgb.frames frames, rgb.frame_stride apart, and the sound around its middle.
As in the released code, a stride counts frames of the video's own rate: at 50 fps a segment lasts
half as long as at 25. Its sound lasts audio.seconds at any rate.
"""

from typing import Any

import numpy as np

from adamml.config import RgbConfig

Array = np.ndarray[Any, Any]


def frame_count(duration_s: float, fps: float) -> int:
    """Frames of a video, at least 1."""
    return max(1, round(duration_s * fps))


def clip_length(rgb: RgbConfig) -> int:
    """Frames that a segment spans, those between the strides included."""
    return rgb.frames * rgb.frame_stride


def train_starts(total: int, num_segments: int, rgb: RgbConfig, rng: np.random.Generator) -> Array:
    """A random first frame in each of S equal ranges: [S], multiples of rgb.stored_every."""
    room = max(0, total - clip_length(rgb)) + 1
    edges = np.linspace(0, room, num_segments + 1)
    starts = edges[:-1] + rng.random(num_segments) * np.diff(edges)
    return _stored(starts, rgb)


def even_starts(total: int, num_segments: int, rgb: RgbConfig) -> Array:
    """Evenly spaced first frames, up to the last that fits (a single one: the middle): [S]."""
    room = max(0, total - clip_length(rgb))
    starts = np.linspace(0, room, num_segments) if num_segments > 1 else np.array([room / 2])
    return _stored(starts, rgb)


def frame_indices(starts: Array, total: int, rgb: RgbConfig) -> Array:
    """The frames of each segment: [S, F].

    A video shorter than a segment begins anew behind its last frame, as in the released code
    (random_clip); a stack of motion does not reach over that end, where nothing moves.
    """
    indices = starts[:, None] + np.arange(rgb.frames) * rgb.frame_stride
    return np.asarray(indices % total) if total < clip_length(rgb) else indices


def audio_starts(starts: Array, fps: float, rgb: RgbConfig, seconds: float) -> Array:
    """Where each segment's sound begins in seconds, below 0 where it leaves the video: [S]."""
    middle = (starts + clip_length(rgb) / 2) / fps
    return np.asarray(middle - seconds / 2)


def _stored(starts: Array, rgb: RgbConfig) -> Array:
    return np.asarray(starts, np.int64) // rgb.stored_every * rgb.stored_every
