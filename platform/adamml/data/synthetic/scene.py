"""Draws the frames of a built-in video: a cluttered background, and in some stretches an object."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamml.data.synthetic.storyboard import LOOK, MOTION, PERIOD_FRAMES, Stretch

Floats = NDArray[np.floating[Any]]


def _triangle(x: Floats, y: Floats) -> Floats:
    sides: Floats = np.maximum(y, np.abs(x) * 0.866 - y * 0.5)
    return np.asarray(sides / 0.6)


def _plus(x: Floats, y: Floats) -> Floats:
    x, y = np.abs(x), np.abs(y)
    return np.asarray(np.minimum(np.maximum(x * 3, y), np.maximum(x, y * 3)))


SHAPES: tuple[Callable[[Floats, Floats], Floats], ...] = (
    lambda x, y: np.hypot(x, y) / 0.85,
    lambda x, y: np.maximum(np.abs(x), np.abs(y)) / 0.75,
    _triangle,
    lambda x, y: np.abs(np.hypot(x, y) - 0.7) / 0.25,
    _plus,
    lambda x, y: np.abs(x) / 0.55 + np.abs(y),
)
"""Function for each number in storyboard.LOOK: from coordinates to a value below 1 inside a shape
of radius about 1. The shapes are unchanged by a horizontal flip."""

# All lengths below are fractions of the frame's side.
HUES = np.arange(len(SHAPES)) / len(SHAPES)
"""Mean hue of each look."""
HUE_SPREAD = 0.035
"""Standard deviation of an object's hue."""
RADIUS = (0.15, 0.2)
"""Smallest and largest radius of an object."""
TRAVEL = 0.15
"""Distance that up and down cover in a period: about 0.9 pixels a frame at 96 pixels."""
GROWTH = 2.2
"""Ratio of the largest to the smallest size in a period of grow and shrink."""
HATCH = 0.1
"""Period of the stripes of a misleading object."""
NOISE = 6.0
"""Standard deviation of the noise, per pixel and frame, of values up to 255."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Object:
    """An object, to be blended into a box of a stretch's frames."""

    box: tuple[slice, slice]
    """Rows and columns of the frame that the object may touch."""
    alpha: NDArray[np.float32]
    """Share of the object in each value, [T, h, 3 w]. Channels lie side by side, since numpy is
    slow with rows of three numbers."""
    paint: NDArray[np.float32]
    """Colour of the object, [T, h, 3 w], or [1, 1, 3 w] if it is the same everywhere."""

    def over(self, image: NDArray[np.float32], number: int) -> NDArray[np.float32]:
        """Return the box of an image [P, P, 3] with the object as in frame `number`: [h, w, 3]."""
        before = image[self.box]
        rows = before.reshape(len(before), -1)
        # rows + (paint - rows) * alpha, in place.
        change = self.paint[number % len(self.paint)] - rows
        change *= self.alpha[number]
        change += rows
        return np.asarray(change.reshape(before.shape))


def draw_frames(
    rng: np.random.Generator, stretches: list[Stretch], pixels: int
) -> NDArray[np.uint8]:
    """Draw the frames of a video: [T, pixels, pixels, 3].

    They are drawn one after another on one canvas, which stays in the processor's cache.

    Args:
        rng: generator that is advanced.
        stretches: the video's plan.
        pixels: side of the square frames.
    """
    background = _background(rng, pixels)
    # Scenes first, then noise: the order of the draws is part of what a seed means.
    scenes = [_draw_scene(rng, stretch, background) for stretch in stretches]
    frames = np.empty((stretches[-1].end, pixels, pixels, 3), np.uint8)
    noise = _noise(rng, len(frames), pixels)
    canvas = np.empty((pixels, pixels, 3), np.float32)
    for stretch, (image, foreground) in zip(stretches, scenes, strict=True):
        for number, frame in enumerate(frames[stretch.start : stretch.end]):
            grain = next(noise)
            np.add(image, grain, out=canvas)
            if foreground is not None:
                box = foreground.box
                np.add(foreground.over(image, number), grain[box], out=canvas[box])
            np.clip(canvas, 0, 255, out=canvas)
            np.copyto(frame, canvas, casting="unsafe")
    return frames


def _draw_scene(
    rng: np.random.Generator, stretch: Stretch, background: NDArray[np.float32]
) -> tuple[NDArray[np.float32], _Object | None]:
    """Draw what stands still in a stretch, [P, P, 3], and the object in front of it."""
    image, scene = _cluttered(rng, background), stretch.scenes["rgb"]
    if scene.label is None:
        return image, None
    count, hatched = stretch.end - stretch.start, scene.state == "misleads"
    return image, _draw_object(rng, scene.label, count, len(image), hatched=hatched)


def motion_phase(rng: np.random.Generator, motion: str, count: int) -> Floats:
    """Draw the phase of a sawtooth motion in each frame: [T] in [0, 1); 1 is uppermost or largest.

    The phase is random, so a single frame is equally likely under a motion and its reversal. The
    cycles in 8 frames are spread evenly about one half, so frames 8 apart are equally likely too:
    the same samples come from advancing by 1/2 + d as from going back by 1/2 - d. Between adjacent
    frames the direction is plain, but for the jump each period.

    Args:
        rng: generator that is advanced.
        motion: up, down, grow or shrink.
        count: number of frames, T.
    """
    cycles = rng.uniform(0.42, 0.58) / (PERIOD_FRAMES / 2)
    sign = 1.0 if motion in ("up", "grow") else -1.0
    return (rng.random() + sign * cycles * np.arange(count)) % 1.0


def _draw_object(
    rng: np.random.Generator, label: int, count: int, pixels: int, *, hatched: bool
) -> _Object:
    """Draw the object of a class in `count` frames."""
    phase = motion_phase(rng, MOTION[label], count)
    vertical = MOTION[label] in ("up", "down")
    # Up and down move the centre, grow and shrink change the radius.
    radius = rng.uniform(*RADIUS) * pixels
    radii = np.full(count, radius) if vertical else radius * GROWTH ** (phase - 0.5)
    x0, y0 = rng.uniform(0.4, 0.6, size=2) * pixels
    ys = y0 + (0.5 - phase) * TRAVEL * pixels * (1.0 if vertical else 0.0)
    # The box covers the object in all frames, with room for its soft edge.
    reach = int(radii.max() * 1.2) + 2
    rows = slice(max(0, int(ys.min()) - reach), min(pixels, int(ys.max()) + reach + 1))
    columns = slice(max(0, int(x0) - reach), min(pixels, int(x0) + reach + 1))
    x = np.arange(columns.start, columns.stop, dtype=np.float32) - np.float32(x0)
    y = np.arange(rows.start, rows.stop, dtype=np.float32)
    x, y = x[None, None, :], y[None, :, None] - ys.astype(np.float32)[:, None, None]
    alpha = _coverage(rng, LOOK[label], x, y, radii.astype(np.float32)[:, None, None])
    colour = _colour(rng, LOOK[label])
    paint = np.tile(colour, x.shape[2])[None, None]
    if hatched:
        paint = paint * np.repeat(_hatching(rng, x, y, HATCH * pixels), 3, axis=2)
    return _Object(box=(rows, columns), alpha=np.repeat(alpha, 3, axis=2), paint=paint)


def _coverage(
    rng: np.random.Generator, look: int, x: Floats, y: Floats, radii: Floats
) -> NDArray[np.float32]:
    """Draw a slightly turned shape: the share of each pixel that it covers, [T, h, w].

    Args:
        rng: generator that is advanced.
        look: number of the shape.
        x: [1, 1, w], distances from the centre, in pixels.
        y: [T, h, 1], the same.
        radii: [T, 1, 1], in pixels.
    """
    turn = rng.uniform(-0.2, 0.2)
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    distance = SHAPES[look]((cos * x + sin * y) / radii, (cos * y - sin * x) / radii)
    # A soft edge, about a pixel wide.
    edge = (1 - distance) * radii * np.float32(0.7) + np.float32(0.5)
    return np.asarray(np.clip(edge, 0, 1))


def _hatching(rng: np.random.Generator, x: Floats, y: Floats, period: float) -> NDArray[np.float32]:
    """Draw diagonal stripes that move with the object: a factor for its colour, [T, h, w]."""
    slope = rng.choice([-1.0, 1.0])
    stripes = (x + np.float32(slope) * y) * np.float32(0.7 / period) + np.float32(rng.random())
    return np.where(stripes % 1 < 0.5, np.float32(1.0), np.float32(0.15))


def _colour(rng: np.random.Generator, look: int) -> NDArray[np.float32]:
    """Draw a colour, [3] in 0..255; its hue hints at the look, but hues of neighbours overlap."""
    hue = HUES[look] + rng.normal() * HUE_SPREAD
    saturation, value = rng.uniform(0.45, 0.85), rng.uniform(170, 250)
    # HSV to RGB: each channel rises and falls over the circle of hues, a third apart.
    ramp = np.clip(np.abs((hue + np.array([0, 2 / 3, 1 / 3])) % 1 * 6 - 3) - 1, 0, 1)
    return np.asarray(value * (1 - saturation * (1 - ramp)), np.float32)


def _background(rng: np.random.Generator, pixels: int) -> NDArray[np.float32]:
    """Draw a smooth random texture, [P, P, 3]."""
    # A grid of random colours, interpolated linearly: `hats` are the weights of its rows.
    cells = 6
    places = np.linspace(0, cells - 1, pixels)
    hats = np.clip(1 - np.abs(places[:, None] - np.arange(cells)), 0, 1).astype(np.float32)
    grid = rng.normal(scale=16, size=(cells, cells, 3)).astype(np.float32)
    base = rng.uniform(50, 150) + rng.uniform(-30, 30, size=3)
    texture = np.einsum("pa,qb,abc->pqc", hats, hats, grid, optimize=True)
    return np.asarray(texture + base, np.float32)


def _cluttered(rng: np.random.Generator, background: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a copy of the background with a few faint boxes of any colour."""
    image = background.copy()
    pixels = len(image)
    for _ in range(rng.integers(3, 7)):
        height, width = rng.integers(pixels // 32, pixels // 7, size=2) + 1
        top, left = rng.integers(0, pixels - height), rng.integers(0, pixels - width)
        box = image[top : top + height, left : left + width]
        box += rng.uniform(0.3, 0.6) * (rng.uniform(0, 255, size=3).astype(np.float32) - box)
    return image


def _noise(rng: np.random.Generator, count: int, pixels: int) -> Iterator[NDArray[np.float32]]:
    """Yield grey noise for `count` frames, [P, P, 3] each.

    They are random windows into one random field: drawing new noise for each frame is slow.
    """
    field = rng.normal(scale=NOISE, size=(2 * pixels, 2 * pixels, 1)).astype(np.float32)
    field = np.repeat(field, 3, axis=2)  # adding one channel to three is slow as well
    for top, left in rng.integers(0, pixels, size=(count, 2)):
        yield field[top : top + pixels, left : left + pixels]
