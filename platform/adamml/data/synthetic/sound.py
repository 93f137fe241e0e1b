"""Makes the sound of a built-in video: noise and, where audio shows a class, its sound."""

from collections.abc import Callable
from typing import Any

import numpy as np

from adamml.data.synthetic.storyboard import FPS, SOUND, Stretch

Array = np.ndarray[Any, Any]
SAMPLE_RATE = 24_000
PULSES_HZ = 11.0
"""A misleading sound is switched on and off this often."""


def _tone(frequency_hz: Array) -> Array:
    """A unit sine that follows frequency_hz [T]."""
    cycles = np.cumsum(frequency_hz) / SAMPLE_RATE
    return np.asarray(np.sin(2 * np.pi * cycles), np.float32)


def _stack(rng: np.random.Generator, t: Array) -> Array:
    base = rng.uniform(1100, 1700)
    tones = [_tone(np.full(len(t), base * k)) / k**0.5 for k in range(1, 6)]
    return np.asarray(sum(tones) / 2, np.float32)


def _sweep(rng: np.random.Generator, t: Array, *, rising: bool) -> Array:
    low, high, seconds = rng.uniform(1200, 2200), rng.uniform(5000, 7500), rng.uniform(0.25, 0.4)
    ramp = (t / seconds + rng.random()) % 1
    return _tone(low + (high - low) * (ramp if rising else 1 - ramp))


def _warble(rng: np.random.Generator, t: Array) -> Array:
    centre, swing, rate = rng.uniform(2500, 5500), rng.uniform(700, 1300), rng.uniform(3, 5)
    return _tone(centre + swing * np.sin(2 * np.pi * (rate * t + rng.random())))


def _rattle(rng: np.random.Generator, t: Array) -> Array:
    beat = (t * rng.uniform(5, 7) + rng.random()) % 1
    burst = np.exp(-beat * rng.uniform(8, 14))
    return np.asarray(rng.normal(size=len(t)) * burst * 2, np.float32)


SOUNDS: tuple[Callable[[np.random.Generator, Array], Array], ...] = (
    _stack,
    lambda rng, t: _sweep(rng, t, rising=True),
    lambda rng, t: _sweep(rng, t, rising=False),
    _warble,
    _rattle,
)
"""By sound: unit amplitude at the times t [T] in seconds."""


def make_sound(rng: np.random.Generator, stretches: list[Stretch]) -> Array:
    """The sound of a video: float32 [samples] in [-1, 1], mono at SAMPLE_RATE."""
    samples = _noise(rng, stretches[-1].end * SAMPLE_RATE // FPS)
    for stretch in stretches:
        scene = stretch.scenes["audio"]
        if scene.shown is None:
            continue
        view = samples[stretch.start * SAMPLE_RATE // FPS : stretch.end * SAMPLE_RATE // FPS]
        t = np.arange(len(view)) / SAMPLE_RATE
        sound = SOUNDS[SOUND[scene.shown]](rng, t) * np.float32(rng.uniform(0.08, 0.2))
        if scene.state == "misleads":
            sound = sound * ((t * PULSES_HZ + rng.random()) % 1 < 0.5)
        view += sound * _fades(t)
    return np.clip(samples, -1, 1, out=samples)


def _fades(t: Array) -> Array:
    """10 ms from and to silence at the ends, so that a stretch's edge makes no click."""
    return np.asarray(np.clip(np.minimum(t, t[-1] - t) / 0.01, 0, 1), np.float32)


def _noise(rng: np.random.Generator, count: int) -> Array:
    """White noise, darkened or brightened a little."""
    noise = rng.standard_normal(count + 1, dtype=np.float32)
    tilt = np.float32(rng.uniform(-0.5, 0.9))
    level = np.float32(rng.uniform(0.015, 0.045))
    return np.asarray((noise[1:] + tilt * noise[:-1]) * level, np.float32)
