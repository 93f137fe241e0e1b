"""What happens in a built-in video: its class, its stretches, and what each modality shows in them.

The pair (look, sound) determines the class; motion separates the classes that share a look. Motions
are time reversals of each other that a horizontal flip leaves unchanged: up or down, grow or
shrink. The evidence of a modality stands in some stretches only; of the other stretches about a
quarter mislead, with another class's object (hatched) or sound (pulsed).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

State = Literal["carries", "misleads", "empty"]

LOOK = (0, 0, 1, 1, 2, 3, 4, 5)
SOUND = (0, 1, 2, 3, 4, 4, 4, 4)
MOTION = ("up", "down", "grow", "shrink", "up", "down", "grow", "shrink")
CLASSES = tuple(
    f"look {look}, sound {sound}, {motion}"
    for look, sound, motion in zip(LOOK, SOUND, MOTION, strict=True)
)
MODALITIES = ("rgb", "audio")

CEILINGS: dict[tuple[str, ...], float] = {
    ("rgb",): 6 / 8,
    ("audio",): 5 / 8,
    ("motion",): 4 / 8,
    ("rgb", "motion"): 1.0,
    ("rgb", "audio"): 1.0,
    ("rgb", "motion", "audio"): 1.0,
}
"""The best accuracy that the information in these allows, rgb meaning what single frames show.

Frames that are half a period of the motion apart (PERIOD_FRAMES / 2 = 8 on average, scattered
evenly on both sides) show no direction either, so a network over a few frames at a stride of 8 has
the ceiling of single frames.
"""

FPS = 25
SEGMENT_S = 1.28
"""No stretch is shorter: the demo's segment."""
STRETCH_S = 2.0
"""Mean length of a stretch. A stretch at least this long fills half of one of any evenly spaced,
not overlapping segments that are less than 0.7 s apart."""
CARRY_RATE = 0.22
MISLEAD_RATE = 0.25
"""Of the stretches that do not carry."""
PERIOD_FRAMES = 16.0
"""Mean period of a motion."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """What one modality shows in a stretch: the class it shows, or nothing."""

    state: State
    shown: int | None
    """The class that is shown: the video's own, another (misleads), none (empty)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    start: int
    """First frame."""
    end: int
    """One past the last frame."""
    scenes: dict[str, Scene]
    """By modality."""


def frame_count(seconds: float) -> int:
    return round(seconds * FPS)


def draw_stretches(rng: np.random.Generator, label: int, seconds: float) -> list[Stretch]:
    """The stretches of one video, each modality carrying evidence in at least one long stretch."""
    bounds = _bounds(rng, frame_count(seconds))
    lengths = np.diff(bounds)
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


def _bounds(rng: np.random.Generator, frames: int) -> np.ndarray:
    shortest = round(SEGMENT_S * FPS)
    count = max(1, round(frames / (STRETCH_S * FPS)))
    spare = frames - count * shortest
    cuts = np.sort(rng.integers(0, spare + 1, size=count - 1))
    lengths = shortest + np.diff(np.concatenate([[0], cuts, [spare]]))
    return np.concatenate([[0], np.cumsum(lengths)])


def _scenes(
    rng: np.random.Generator, modality: str, label: int, long_enough: np.ndarray
) -> list[Scene]:
    """Drawn until a long stretch carries; there is one, so this ends."""
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
        return Scene(state="carries", shown=label)
    if not misleads:
        return Scene(state="empty", shown=None)
    kind = {"rgb": LOOK, "audio": SOUND}[modality]
    others = [c for c in range(len(kind)) if kind[c] != kind[label]]
    return Scene(state="misleads", shown=int(rng.choice(others)))
