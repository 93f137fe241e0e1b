"""Places of a video's segments: dense sampling, in frames at the video's nominal rate.

A segment is a clip of rgb.frames frames, rgb.frame_stride apart, and the sound around its middle.
As in the released code, a stride counts frames of the video's own rate: at 50 fps a segment lasts
half as long as at 25. Its sound lasts audio.seconds at any rate.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamml.config import RgbConfig


def frame_count(duration_s: float, fps: float) -> int:
    """Return the number of frames of a video, at least 1."""
    return max(1, round(duration_s * fps))


def clip_length(rgb: RgbConfig) -> int:
    """Return the number of frames that a segment spans, those between the strides included."""
    return rgb.frames * rgb.frame_stride


def train_starts(
    total: int, num_segments: int, rgb: RgbConfig, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw a first frame in each of S equal ranges: [S], multiples of rgb.stored_every.

    Args:
        total: number of the video's frames.
        num_segments: number of segments, S.
        rgb: sizes of a segment.
        rng: generator; S numbers are drawn from it.
    """
    # Number of first frames with which a segment fits; 1 if the video is shorter than a segment.
    room = max(0, total - clip_length(rgb)) + 1
    edges = np.linspace(0, room, num_segments + 1)
    starts = edges[:-1] + rng.random(num_segments) * np.diff(edges)
    return _stored(starts, rgb)


def even_starts(total: int, num_segments: int, rgb: RgbConfig) -> NDArray[np.int64]:
    """Return evenly spaced first frames, up to the last that fits: [S].

    A single segment lies in the middle.

    Args:
        total: number of the video's frames.
        num_segments: number of segments, S.
        rgb: sizes of a segment.
    """
    # The last first frame with which a segment fits.
    room = max(0, total - clip_length(rgb))
    starts = np.linspace(0, room, num_segments) if num_segments > 1 else np.array([room / 2])
    return _stored(starts, rgb)


def frame_indices(starts: NDArray[np.int64], total: int, rgb: RgbConfig) -> NDArray[np.int64]:
    """Return the frames of each segment: [S, F].

    A video shorter than a segment begins anew after its last frame, as in the released code
    (random_clip). A stack of motion does not reach over that end: there, nothing moves.

    Args:
        starts: [S], first frame of each segment.
        total: number of the video's frames.
        rgb: sizes of a segment.
    """
    indices = starts[:, None] + np.arange(rgb.frames) * rgb.frame_stride
    return np.asarray(indices % total) if total < clip_length(rgb) else indices


def audio_starts(
    starts: NDArray[np.int64], fps: float, rgb: RgbConfig, seconds: float
) -> NDArray[np.float64]:
    """Return where each segment's sound begins, in seconds: [S], negative before the video.

    Args:
        starts: [S], first frame of each segment.
        fps: the video's nominal frame rate.
        rgb: sizes of a segment.
        seconds: duration of the sound, centred on the segment's middle.
    """
    middle = (starts + clip_length(rgb) / 2) / fps
    return np.asarray(middle - seconds / 2)


def _stored(starts: NDArray[np.floating[Any]], rgb: RgbConfig) -> NDArray[np.int64]:
    """Return the stored frame at or before each start."""
    return np.asarray(starts, np.int64) // rgb.stored_every * rgb.stored_every
