"""Plan of a built-in video: its class, its stretches, and what each modality shows in them.

The pair (look, sound) determines the class; motion separates the classes that share a look. The
motions are pairs of time reversals that a horizontal flip leaves unchanged: up and down, grow and
shrink. A modality carries evidence in some stretches only. Of its other stretches about a quarter
mislead, with another class's object (hatched) or sound (pulsed).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

State = Literal["carries", "misleads", "empty"]

LOOK = (0, 0, 1, 1, 2, 3, 4, 5)
SOUND = (0, 1, 2, 3, 4, 4, 4, 4)
MOTION = ("up", "down", "grow", "shrink", "up", "down", "grow", "shrink")
CLASSES = tuple(
    f"look {look}, sound {sound}, {motion}"
    for look, sound, motion in zip(LOOK, SOUND, MOTION, strict=True)
)
"""Names of the classes, by label. LOOK, SOUND and MOTION give each class's three properties."""
MODALITIES = ("rgb", "audio")

CEILINGS: dict[tuple[str, ...], float] = {
    ("rgb",): 6 / 8,
    ("audio",): 5 / 8,
    ("motion",): 4 / 8,
    ("rgb", "motion"): 1.0,
    ("rgb", "audio"): 1.0,
    ("rgb", "motion", "audio"): 1.0,
}
"""Best accuracy that the information in these modalities allows; rgb means single frames.

Frames that are half a period of the motion apart (PERIOD_FRAMES / 2 = 8 on average, scattered
evenly on both sides) show no direction either. So a network over a few frames at a stride of 8 has
the ceiling of single frames.
"""

FPS = 25
SEGMENT_S = 1.28
"""Shortest stretch, in seconds: the demo's segment."""
STRETCH_S = 2.0
"""Mean length of a stretch, in seconds. If segments are evenly spaced, do not overlap and are less
than 0.7 s apart, a stretch of at least this length fills half of one of them."""
CARRY_RATE = 0.22
"""Probability that a stretch carries evidence."""
MISLEAD_RATE = 0.25
"""Probability that a stretch which does not carry evidence misleads."""
PERIOD_FRAMES = 16.0
"""Mean period of a motion, in frames."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """The view of one modality in a stretch: the class that it shows, or none."""

    state: State
    label: int | None
    """Class that the scene shows: the video's own (carries), another one (misleads) or none
    (empty)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """A part of a video in which no modality changes its scene."""

    start: int
    """First frame."""
    end: int
    """One past the last frame."""
    scenes: dict[str, Scene]
    """Scene of each modality."""


def frame_count(seconds: float) -> int:
    """Return the number of frames of a built-in video."""
    return round(seconds * FPS)


def draw_stretches(rng: np.random.Generator, label: int, seconds: float) -> list[Stretch]:
    """Draw the stretches of one video; each modality carries evidence in at least one long one.

    Args:
        rng: generator that is advanced.
        label: class of the video.
        seconds: length of the video.
    """
    bounds = _bounds(rng, frame_count(seconds))
    lengths = np.diff(bounds)
    # Long enough that segments are sure to meet it (STRETCH_S); else the longest that there is.
    long_enough = lengths >= min(STRETCH_S, seconds) * FPS - 1
    if not long_enough.any():
        long_enough = lengths == lengths.max()
    scenes = {m: _scenes(rng, m, label, long_enough) for m in MODALITIES}
    return [
        Stretch(
            start=int(bounds[i]),
            end=int(bounds[i + 1]),
            scenes={m: scenes[m][i] for m in MODALITIES},
        )
        for i in range(len(bounds) - 1)
    ]


def _bounds(rng: np.random.Generator, frames: int) -> NDArray[np.int64]:
    """Draw the frames at which stretches begin and end: rising, from 0 to the last one."""
    shortest = round(SEGMENT_S * FPS)
    count = max(1, round(frames / (STRETCH_S * FPS)))
    # Every stretch has the shortest length, and sorted random cuts share out the rest.
    spare = frames - count * shortest
    cuts = np.sort(rng.integers(0, spare + 1, size=count - 1))
    lengths = shortest + np.diff(np.concatenate([[0], cuts, [spare]]))
    return np.asarray(np.concatenate([[0], np.cumsum(lengths)]))


def _scenes(
    rng: np.random.Generator, modality: str, label: int, long_enough: NDArray[np.bool_]
) -> list[Scene]:
    """Draw a modality's scene in each stretch."""
    # Drawn anew until a long stretch carries; there is a long one, so this ends.
    while True:
        carries = rng.random(len(long_enough)) < CARRY_RATE
        if (carries & long_enough).any():
            break
    misleads = ~carries & (rng.random(len(carries)) < MISLEAD_RATE)
    return [_scene(rng, modality, label, c, m) for c, m in zip(carries, misleads, strict=True)]


def _scene(
    rng: np.random.Generator, modality: str, label: int, carries: bool, misleads: bool
) -> Scene:
    if carries:
        return Scene(state="carries", label=label)
    if not misleads:
        return Scene(state="empty", label=None)
    # A class with the same look, or sound, as the video's own would not mislead.
    kinds = {"rgb": LOOK, "audio": SOUND}[modality]
    others = [c for c in range(len(kinds)) if kinds[c] != kinds[label]]
    return Scene(state="misleads", label=int(rng.choice(others)))
