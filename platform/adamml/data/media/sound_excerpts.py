"""Parts of a video's sound, found by seeking, where that gives the samples of a whole read.

It does not for every codec: Opus predicts from all that came before, AAC may fill bands with a
noise that runs on, and a resampler has a phase. So each file is asked once (is_exact).
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from adamml.data.media.frame_excerpts import Misplaced
from adamml.data.media.untrusted import LIMITS, Limits, UnreadableVideo, film, opened
from adamml.data.media.video import start_s

Array = np.ndarray[Any, Any]
RUN_IN_S = 0.25
"""Decoded ahead of what is used: overlapping transforms, and the bit reservoir of MP3."""
FILTER_S = 0.05
"""Given to the resampler before and behind what is used."""
APART_S = 0.5
"""Parts nearer than this are read in one go."""


def read_sound(
    path: Path, first: Array, length: int, *, sample_rate: int, limits: Limits = LIMITS
) -> Array:
    """Parts of what read_audio gives: int16 [P, length].

    Args:
        first: [P], where each part begins in it, in samples.

    Raises:
        Misplaced: a part cannot be found by seeking.
        UnreadableVideo: the file or the track cannot be decoded.
    """
    with opened(path, limits) as container:
        track = _Track(container, sample_rate)
        parts = np.zeros((len(first), length), np.int16)
        for run in _runs(first, length, round(APART_S * sample_rate)):
            begin = int(first[run[0]])
            sound = track.read(begin, int(first[run[-1]]) + length)
            for part in run:
                at = int(first[part]) - begin
                parts[part] = sound[at : at + length]
        return parts


def is_exact(path: Path, sound: Array, *, sample_rate: int) -> bool:
    """Whether read_sound gives `sound`, the whole one, second by second; False of a short one."""
    if len(sound) < 4 * sample_rate:
        return False
    for odd in (0, 1):
        first = np.arange(odd * sample_rate, len(sound), 2 * sample_rate)
        first = np.minimum(first, len(sound) - sample_rate)
        try:
            parts = read_sound(path, first, sample_rate, sample_rate=sample_rate)
        except (Misplaced, UnreadableVideo):
            return False
        if any(
            not np.array_equal(part, sound[f : f + sample_rate])
            for f, part in zip(first, parts, strict=True)
        ):
            return False
    return True


def _runs(first: Array, length: int, apart: int) -> list[list[int]]:
    """Parts that are read in one go, each as numbers of parts in the order of their beginnings."""
    runs: list[list[int]] = []
    for part in np.argsort(first, kind="stable").tolist():
        if runs and first[part] < first[runs[-1][-1]] + length + apart:
            runs[-1].append(part)
        else:
            runs.append([part])
    return runs


class _Track:
    """The first sound track of a container just opened, counted in samples from its first one."""

    def __init__(self, container: Any, sample_rate: int) -> None:
        self.container, self.sample_rate = container, sample_rate
        self.stream = container.streams.audio[0]
        self.from_start: Iterator[Any] = container.decode(self.stream)
        head = next(self.from_start, None)
        if head is None or head.pts is None:
            raise Misplaced
        self.head, self.rate = head, head.sample_rate
        begins_s = float(head.pts * head.time_base) - start_s(container)
        self.offset = round(begins_s * sample_rate)
        """Of the track against read_audio's result, at its rate."""
        self.step = self.rate // math.gcd(self.rate, sample_rate)
        """Samples of the track after which the resampler is in the same phase again."""
        self.margin = round(FILTER_S * self.rate)
        self.tick = head.time_base * self.rate
        """Of the track's times, in samples."""

    def read(self, begin: int, end: int) -> Array:
        """int16 [end - begin] of read_audio's result.

        Raises:
            Misplaced: a seek lands behind it, or the track ends before.
        """
        start = max(begin - self.offset, 0)
        feed_from = self._feed_from(start)
        fed_at = feed_from * self.sample_rate // self.rate
        upto = (end - self.offset) * self.rate // self.sample_rate + self.margin
        resampler = av.AudioResampler(format="s16", layout="mono", rate=self.sample_rate)
        parts = [np.zeros(max(self.offset - begin, 0), np.int16)]
        skipped = start - fed_at
        for frame in [self._between(feed_from, upto), None]:
            for resampled in resampler.resample(frame):
                sound = resampled.to_ndarray()[0]
                parts.append(sound[skipped:])
                skipped = max(0, skipped - len(sound))
        found = np.concatenate(parts)[: end - begin]
        if len(found) < end - begin:
            raise Misplaced
        return found

    def _feed_from(self, start: int) -> int:
        """The sample of the track that the resampler is given first, to be right at `start`."""
        ahead = start * self.rate // self.sample_rate - self.margin
        return int(max(ahead, 0) // self.step * self.step)

    def _between(self, first: int, last: int) -> Any:
        """The decoded samples of the track from one to another, or to its end, as one frame."""
        parts = []
        for frame, at in self._found(first - round(RUN_IN_S * self.rate)):
            if at >= last:
                break
            if at + frame.samples > first:
                channels = 1 if frame.format.is_planar else len(frame.layout.channels)
                parts.append(frame.to_ndarray()[:, max(0, first - at) * channels :])
        if not parts:
            raise Misplaced
        samples = np.concatenate(parts, axis=1)
        joined = av.AudioFrame.from_ndarray(samples, frame.format.name, frame.layout.name)
        joined.sample_rate = self.rate
        return joined

    def _found(self, sample: int) -> Iterator[tuple[Any, int]]:
        """(frame, its first sample), from a frame at this sample or before, without gaps."""
        if sample <= 0:  # the first run, in a container just opened
            frame, at, frames = self.head, 0, self.from_start
        else:
            frame, at, frames = self._sought(sample)
        yield frame, at
        for following in frames:
            at += frame.samples
            if self._place(following) != at:
                raise Misplaced
            frame = following
            yield frame, at

    def _sought(self, sample: int) -> tuple[Any, int, Iterator[Any]]:
        """Without an index of the track's own (Matroska) the video's leads there."""
        at_s = float(self.head.pts * self.stream.time_base) + sample / self.rate
        stream = self.stream
        if len(stream.index_entries) < 2:
            stream = film(self.container)
        self.container.seek(math.floor(at_s / stream.time_base), stream=stream, backward=True)
        frames = self.container.decode(self.stream)
        frame = next(frames, None)
        if frame is None or (at := self._place(frame)) > sample:
            raise Misplaced
        return frame, at, frames

    def _place(self, frame: Any) -> int:
        """A frame's first sample; of rounded times (Matroska's) the nearest on the frames' grid."""
        if frame.pts is None:
            raise Misplaced
        ticks = frame.pts - self.head.pts
        if self.tick.denominator == 1:
            return int(ticks * self.tick.numerator)
        stamp = float(ticks * self.tick)
        size = self.stream.codec_context.frame_size or self.head.samples
        origin = self.head.samples if stamp > size / 4 else 0
        place = origin + round((stamp - origin) / size) * size
        if abs(place - stamp) > size / 4:
            raise Misplaced
        return int(place)
