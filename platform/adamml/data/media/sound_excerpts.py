"""Parts of a video's sound, read by seeking, in files where that gives the same samples.

It does not for every codec: Opus predicts from all that came before, AAC may fill bands with a
noise that runs on, and a resampler has a phase. So each file is tested once (is_exact).
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from adamml.data.media.frame_excerpts import Misplaced
from adamml.data.media.untrusted import LIMITS, Limits, UnreadableVideo, opened, video_stream
from adamml.data.media.video import start_s

RUN_IN_S = 0.25
"""Seconds that are decoded ahead of what is used, for overlapping transforms and the bit reservoir
of MP3."""
FILTER_S = 0.05
"""Seconds that the resampler is given before and behind what is used."""
APART_S = 0.5
"""Seconds between two parts below which both are read in one go."""


def read_sound(
    path: Path,
    first: NDArray[np.int64],
    length: int,
    *,
    sample_rate: int,
    limits: Limits = LIMITS,
) -> NDArray[np.int16]:
    """Read parts of what read_audio returns: [P, length].

    Args:
        path: path of the file.
        first: [P], the sample of read_audio's result at which each part begins.
        length: number of samples per part.
        sample_rate: samples per second of the result.
        limits: limits that the file must keep.

    Raises:
        Misplaced: a part cannot be reached by seeking.
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


def is_exact(path: Path, sound: NDArray[np.int16], *, sample_rate: int) -> bool:
    """Return whether read_sound gives the samples of a whole read, tested second by second.

    Args:
        path: path of the file.
        sound: [samples], what read_audio returns for it. If it is below 4 s, the result is False:
            seeking would save nothing.
        sample_rate: samples per second of sound.
    """
    if len(sound) < 4 * sample_rate:
        return False
    # Every other second, then the seconds between: neighbours would be read in one go (APART_S),
    # and only the first of them would be reached by a seek.
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


def _runs(first: NDArray[np.int64], length: int, apart: int) -> list[list[int]]:
    """Group parts that are read in one go; each group holds numbers of parts, as they begin."""
    runs: list[list[int]] = []
    for part in np.argsort(first, kind="stable").tolist():
        if runs and first[part] < first[runs[-1][-1]] + length + apart:
            runs[-1].append(part)
        else:
            runs.append([part])
    return runs


class _Track:
    """The first sound track of a container just opened, counted in samples from its first one.

    Two rates occur: `rate` is the track's own, `sample_rate` that of read_audio's result.
    """

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
        """Samples of read_audio's result before the track begins; negative if it begins early."""
        self.step = self.rate // math.gcd(self.rate, sample_rate)
        """Samples of the track after which the resampler is in the same phase again."""
        self.margin = round(FILTER_S * self.rate)
        self.tick = head.time_base * self.rate
        """Samples of the track per unit of its times, a fraction."""

    def read(self, begin: int, end: int) -> NDArray[np.int16]:
        """Return the samples begin to end of read_audio's result.

        Raises:
            Misplaced: a seek lands behind them, or the track ends before.
        """
        start = max(begin - self.offset, 0)
        feed_from = self._feed_from(start)
        fed_at = feed_from * self.sample_rate // self.rate
        upto = (end - self.offset) * self.rate // self.sample_rate + self.margin
        resampler = av.AudioResampler(format="s16", layout="mono", rate=self.sample_rate)
        # Before the track begins there is silence.
        parts = [np.zeros(max(self.offset - begin, 0), np.int16)]
        skipped = start - fed_at  # what the resampler is fed only to have its filter full
        for frame in [self._between(feed_from, upto), None]:
            for resampled in resampler.resample(frame):
                sound = resampled.to_ndarray()[0]
                parts.append(sound[skipped:])
                skipped = max(0, skipped - len(sound))
        samples = np.concatenate(parts)[: end - begin]
        if len(samples) < end - begin:
            raise Misplaced
        return samples

    def _feed_from(self, start: int) -> int:
        """Return the sample of the track to feed the resampler first, so it is exact at start.

        It lies a margin before start, and a whole number of steps from the track's beginning, so
        that the resampler has the phase that it has in a whole read.
        """
        ahead = start * self.rate // self.sample_rate - self.margin
        return int(max(ahead, 0) // self.step * self.step)

    def _between(self, first: int, last: int) -> Any:
        """Return the track's samples first to last, or to its end, as one decoded frame."""
        parts = []
        for frame, at in self._placed_frames(first - round(RUN_IN_S * self.rate)):
            if at >= last:
                break
            if at + frame.samples > first:
                # Packed samples are one row in which the channels take turns.
                channels = 1 if frame.format.is_planar else len(frame.layout.channels)
                parts.append(frame.to_ndarray()[:, max(0, first - at) * channels :])
        if not parts:
            raise Misplaced
        samples = np.concatenate(parts, axis=1)
        joined = av.AudioFrame.from_ndarray(samples, frame.format.name, frame.layout.name)
        joined.sample_rate = self.rate
        return joined

    def _placed_frames(self, sample: int) -> Iterator[tuple[Any, int]]:
        """Yield (frame, its first sample), from a frame at this sample or before, without gaps.

        Raises:
            Misplaced: a frame does not begin where the one before it ends.
        """
        if sample <= 0:  # the first run, in a container just opened: no seek is needed
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
        """Seek to a sample; return the first frame, its first sample, and the frames after it.

        Raises:
            Misplaced: the seek lands behind the sample.
        """
        at_s = float(self.head.pts * self.stream.time_base) + sample / self.rate
        stream = self.stream
        # A track without an index of its own (Matroska) is reached by the video's index.
        if len(stream.index_entries) < 2:
            stream = video_stream(self.container)
        self.container.seek(math.floor(at_s / stream.time_base), stream=stream, backward=True)
        frames = self.container.decode(self.stream)
        frame = next(frames, None)
        if frame is None or (at := self._place(frame)) > sample:
            raise Misplaced
        return frame, at, frames

    def _place(self, frame: Any) -> int:
        """Return a frame's first sample, by its time.

        Raises:
            Misplaced: it has no time, or one too far from any place that a frame can begin at.
        """
        if frame.pts is None:
            raise Misplaced
        ticks = frame.pts - self.head.pts
        if self.tick.denominator == 1:
            return int(ticks * self.tick.numerator)
        # Times are rounded (Matroska's to 1 ms): take the nearest place of the grid on which frames
        # of equal size begin. The first frame may be shorter than the others.
        stamp = float(ticks * self.tick)
        size = self.stream.codec_context.frame_size or self.head.samples
        origin = self.head.samples if stamp > size / 4 else 0
        place = origin + round((stamp - origin) / size) * size
        if abs(place - stamp) > size / 4:
            raise Misplaced
        return int(place)
