"""A video that is decoded on every read, by seeking in its file: it has no room in the cache."""

import logging
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adamml.config import AudioConfig
from adamml.data.cache.decoding import Decoding, Source
from adamml.data.cache.shards import Entry
from adamml.data.media.flow import optical_flow
from adamml.data.media.flow_video import STILL, read_flow_at
from adamml.data.media.frame_excerpts import Misplaced, read_frames
from adamml.data.media.sound import read_audio
from adamml.data.media.sound_excerpts import read_sound
from adamml.data.media.video import UnreadableVideo
from adamml.data.modalities.audio import as_sound, window_length, window_places, windows

log = logging.getLogger(__name__)


class SoughtFrames:
    """A video that is read from its own file (VideoFrames in cache/frames.py).

    The arrays equal those of CachedFrames. A file may have damage that its first inspection did not
    meet, or change later. Then a warning is logged, and the video is black, still and silent where
    it cannot be read: an hour of training is not lost for one file.

    Args:
        source: the video's file.
        entry: what the first inspection of the file has met.
        decoding: choices that shape the frames.
        damaged: id -> reason; a video is added here when damage is met.
    """

    in_cache: ClassVar[bool] = False

    def __init__(
        self, source: Source, entry: Entry, decoding: Decoding, damaged: dict[str, str]
    ) -> None:
        self._source, self._entry, self._decoding = source, entry, decoding
        self._damaged = damaged
        # [C, h, w] of this video's frames: a guess, until the first frames are decoded.
        self._frame_shape: tuple[int, ...] = (3, decoding.short_side, decoding.short_side)

    def frames(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Decode frames; the last one stands in for all that come after it."""
        return self._decoded(indices // self._decoding.every)

    def flow(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Read flow from its own file if it is stored, or compute it from decoded frames."""
        steps = indices // self._decoding.every
        if self._source.flow is not None:
            return self._stored_flow(steps)
        before, after = self._decoded(steps), self._decoded(steps + self._decoding.flow_gap)
        flow = optical_flow(
            before.reshape(-1, *before.shape[-3:]),
            after.reshape(-1, *after.shape[-3:]),
            algorithm=self._decoding.flow,
            bound=self._decoding.flow_bound,
        )
        return flow.reshape(*steps.shape, *flow.shape[-3:])

    def audio(self) -> NDArray[np.int16]:
        """Decode the whole sound."""
        sound = None
        if not self._entry.silent:
            try:
                sound = read_audio(self._source.path, sample_rate=self._decoding.sample_rate)
            except UnreadableVideo as error:
                self._report(error)
        return np.empty(0, np.int16) if sound is None else sound

    def windows(self, starts: NDArray[np.float64], audio: AudioConfig) -> Tensor:
        """Return the sound of each segment, by seeking if that is exact for this file."""
        entry, length = self._entry, window_length(audio)
        # A sound shorter than a window is repeated, which needs all of it.
        if entry.sound_by_time and entry.samples >= length:
            first = window_places(starts, entry.samples, audio)
            rate = self._decoding.sample_rate
            try:
                return as_sound(read_sound(self._source.path, first, length, sample_rate=rate))
            except Misplaced:  # the file has changed since it was inspected: decode all of it
                pass
            except UnreadableVideo as error:
                self._report(error)
                return torch.zeros(len(starts), length)
        return windows(self.audio(), starts, audio)

    def _decoded(self, steps: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Decode stored frames by number: [S, F] -> [S, F, 3, h, w], black if they are damaged."""
        try:
            frames = read_frames(
                self._source.path,
                steps.ravel().tolist(),
                fps=self._source.fps,
                every=self._decoding.every,
                short_side=self._decoding.short_side,
            )
        except UnreadableVideo as error:
            self._report(error)
            return np.zeros((*steps.shape, *self._frame_shape), np.uint8)
        self._frame_shape = frames.shape[1:]
        return frames.reshape(*steps.shape, *frames.shape[1:])

    def _stored_flow(self, steps: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Read stored flow by number: [S, F] -> [S, F, 2, h, w], still if it is damaged."""
        assert self._source.flow is not None
        segments = []
        try:
            for segment in steps:
                # read_flow_at takes rising steps; a short video repeats some in a segment.
                rising, places = np.unique(segment, return_inverse=True)
                flow = read_flow_at(self._source.flow, rising.tolist(), fps=self._source.fps)
                segments.append(flow[places])
            return np.stack(segments)
        except UnreadableVideo as error:
            self._report(error)
            return np.full((*steps.shape, 2, *self._frame_shape[1:]), STILL, np.uint8)

    def _report(self, error: UnreadableVideo) -> None:
        """Record damage; warn at the first time only."""
        if self._source.id not in self._damaged:
            log.warning("damaged, shown black and silent: %s", error)
            self._damaged[self._source.id] = self._source.reason(error)
