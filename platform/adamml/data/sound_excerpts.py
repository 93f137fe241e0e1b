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

from adamml.data.frame_excerpts import Misplaced
from adamml.data.video import LIMITS, Limits, UnreadableVideo, opened, start_s

Array = np.ndarray[Any, Any]
RUN_IN_S = 0.25
"""Decoded ahead of what is used: overlapping transforms, and the bit reservoir of MP3."""
FILTER_S = 0.05
"""Given to the resampler ahead of what is used."""
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

    def read(self, begin: int, end: int) -> Array:
        """int16 [end - begin] of read_audio's result.

        Raises:
            Misplaced: a seek lands behind it, or the track ends before.
        """
        start = max(begin - self.offset, 0)
        feed_from = self._feed_from(start)
        resampler = av.AudioResampler(format="s16", layout="mono", rate=self.sample_rate)
        fed_at = feed_from * self.sample_rate // self.rate
        needed = end - self.offset - fed_at
        parts: list[Array] = []
        for frame in self._frames_from(feed_from):
            parts += [f.to_ndarray()[0] for f in resampler.resample(frame)]
            if sum(map(len, parts)) >= needed:
                break
        else:
            parts += [f.to_ndarray()[0] for f in resampler.resample(None)]
        silence = np.zeros(max(self.offset - begin, 0), np.int16)
        sound = np.concatenate([np.empty(0, np.int16), *parts])[start - fed_at :]
        found = np.concatenate([silence, sound])[: end - begin]
        if len(found) < end - begin:
            raise Misplaced
        return found

    def _feed_from(self, start: int) -> int:
        """The sample of the track that the resampler is given first, to be right at `start`."""
        ahead = start * self.rate // self.sample_rate - round(FILTER_S * self.rate)
        return int(max(ahead, 0) // self.step * self.step)

    def _frames_from(self, sample: int) -> Iterator[Any]:
        """Decoded frames from this sample of the track on, the first one cut to begin with it."""
        for frame, at in self._found(sample - round(RUN_IN_S * self.rate)):
            if at >= sample:
                yield frame
            elif at + frame.samples > sample:
                yield _behind(frame, sample - at)

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
            stream = self.container.streams.video[0]
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
        stamp = (frame.pts - self.head.pts) * frame.time_base * self.rate
        if (frame.time_base * self.rate).denominator == 1:
            return int(stamp)
        size = self.stream.codec_context.frame_size or self.head.samples
        origin = self.head.samples if stamp > size / 4 else 0
        place = origin + round((stamp - origin) / size) * size
        if abs(place - stamp) > size / 4:
            raise Misplaced
        return int(place)


def _behind(frame: Any, skipped: int) -> Any:
    """The frame without its first samples."""
    samples = frame.to_ndarray()
    values = skipped if frame.format.is_planar else skipped * len(frame.layout.channels)
    rest = np.ascontiguousarray(samples[:, values:])
    cut = av.AudioFrame.from_ndarray(rest, format=frame.format.name, layout=frame.layout.name)
    cut.sample_rate = frame.sample_rate
    return cut
