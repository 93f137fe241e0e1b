"""Makes the sound of a built-in video: noise, and in some stretches the sound of a class."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamml.data.synthetic.storyboard import FPS, SOUND, Stretch

Floats = NDArray[np.floating[Any]]
SAMPLE_RATE = 24_000
PULSES_HZ = 11.0
"""Number of times per second that a misleading sound is switched on and off."""


def _tone(frequency_hz: Floats) -> NDArray[np.float32]:
    """Return a sine of amplitude 1 that follows a frequency: [T]."""
    cycles = np.cumsum(frequency_hz) / SAMPLE_RATE
    return np.asarray(np.sin(2 * np.pi * cycles), np.float32)


def _stack(rng: np.random.Generator, t: Floats) -> NDArray[np.float32]:
    """Return a steady tone with its first harmonics."""
    base = rng.uniform(1100, 1700)
    # Harmonic k has the power 1 / k of the first.
    tones = [_tone(np.full(len(t), base * k)) / k**0.5 for k in range(1, 6)]
    return np.asarray(sum(tones) / 2, np.float32)


def _sweep(rng: np.random.Generator, t: Floats, *, rising: bool) -> NDArray[np.float32]:
    """Return a tone that rises, or falls, again and again."""
    low, high, seconds = rng.uniform(1200, 2200), rng.uniform(5000, 7500), rng.uniform(0.25, 0.4)
    # A sawtooth from 0 to 1 that begins anywhere.
    ramp = (t / seconds + rng.random()) % 1
    return _tone(low + (high - low) * (ramp if rising else 1 - ramp))


def _warble(rng: np.random.Generator, t: Floats) -> NDArray[np.float32]:
    """Return a tone that swings around a frequency."""
    centre, swing, rate = rng.uniform(2500, 5500), rng.uniform(700, 1300), rng.uniform(3, 5)
    return _tone(centre + swing * np.sin(2 * np.pi * (rate * t + rng.random())))


def _rattle(rng: np.random.Generator, t: Floats) -> NDArray[np.float32]:
    """Return bursts of noise that fade."""
    beat = (t * rng.uniform(5, 7) + rng.random()) % 1
    burst = np.exp(-beat * rng.uniform(8, 14))
    return np.asarray(rng.normal(size=len(t)) * burst * 2, np.float32)


SOUNDS: tuple[Callable[[np.random.Generator, Floats], NDArray[np.float32]], ...] = (
    _stack,
    lambda rng, t: _sweep(rng, t, rising=True),
    lambda rng, t: _sweep(rng, t, rising=False),
    _warble,
    _rattle,
)
"""Function for each number in storyboard.SOUND: from times [T], in seconds, to samples of about
unit amplitude."""


def make_sound(rng: np.random.Generator, stretches: list[Stretch]) -> NDArray[np.float32]:
    """Make the sound of a video: [samples] in [-1, 1], mono at SAMPLE_RATE."""
    samples = _noise(rng, stretches[-1].end * SAMPLE_RATE // FPS)
    for stretch in stretches:
        scene = stretch.scenes["audio"]
        if scene.label is None:
            continue
        view = samples[stretch.start * SAMPLE_RATE // FPS : stretch.end * SAMPLE_RATE // FPS]
        t = np.arange(len(view)) / SAMPLE_RATE
        sound = SOUNDS[SOUND[scene.label]](rng, t) * np.float32(rng.uniform(0.08, 0.2))
        if scene.state == "misleads":
            sound = sound * ((t * PULSES_HZ + rng.random()) % 1 < 0.5)
        view += sound * _fades(t)  # into `samples`, of which this is a part
    return np.clip(samples, -1, 1, out=samples)


def _fades(t: Floats) -> NDArray[np.float32]:
    """Return a gain of 1 that fades over 10 ms at both ends: a stretch's edge makes no click."""
    return np.asarray(np.clip(np.minimum(t, t[-1] - t) / 0.01, 0, 1), np.float32)


def _noise(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    """Return white noise, darkened or brightened a little."""
    # A first-order filter: a positive tilt darkens, a negative one brightens.
    noise = rng.standard_normal(count + 1, dtype=np.float32)
    tilt = np.float32(rng.uniform(-0.5, 0.9))
    level = np.float32(rng.uniform(0.015, 0.045))
    return np.asarray((noise[1:] + tilt * noise[:-1]) * level, np.float32)
