"""Folders of numbered JPEGs and wav files that tests make, with a known frame and sound."""

import wave
from pathlib import Path

import cv2
import numpy as np


def grey_of(number: int) -> int:
    """Of the picture of that number."""
    return 20 + 2 * number


def write_pictures(
    folder: Path,
    numbers: range,
    *,
    template: str = "{:05d}.jpg",
    size: tuple[int, int] = (64, 48),
) -> Path:
    """Picture n is of one grey; size is (width, height)."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        pixels = np.full((size[1], size[0], 3), grey_of(number), np.uint8)
        assert cv2.imwrite(str(folder / template.format(number)), pixels)
    return folder


def write_wav(file: Path, seconds: float, *, rate: int = 24_000, channels: int = 1) -> Path:
    """1 kHz in its first half, 2 kHz in its second."""
    times = np.arange(int(seconds * rate)) / rate
    hertz = np.where(times < seconds / 2, 1000, 2000)
    samples = (8000 * np.sin(2 * np.pi * hertz * times)).astype("<i2")
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(np.repeat(samples, channels).tobytes())
    return file
