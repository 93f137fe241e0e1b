"""Where decoded frames and sound come from: the cache, or the file itself where that is full."""

import logging
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
from cachetools import LRUCache
from torch import Tensor

from adamml.config import AudioConfig
from adamml.data.cache.decoding import Decoding, Source
from adamml.data.cache.shards import Entry, Shard
from adamml.data.media.flow import optical_flow
from adamml.data.media.flow_video import STILL, read_flow_at
from adamml.data.media.frame_excerpts import Misplaced, read_frames
from adamml.data.media.sound import read_audio
from adamml.data.media.sound_excerpts import read_sound
from adamml.data.media.video import UnreadableVideo
from adamml.data.modalities.audio import as_sound, window_length, window_places, windows
from adamml.files import SharedHold

Array = np.ndarray[Any, Any]
OPEN_SHARDS = 256
"""Each open one costs a file descriptor."""
log = logging.getLogger(__name__)


class FrameSource:
    """Frames and sound of a manifest's readable videos, by their id. Made by cache.open_frames."""

    bad: dict[str, str]
    """id -> why a video cannot be read; such videos are left out of datasets."""
    silent: int
    """Readable videos without a sound track: their sound is zeros."""

    def __init__(
        self,
        shards: list[Shard],
        entries: list[dict[str, Entry]],
        decoding: Decoding,
        hold: SharedHold,
    ) -> None:
        self._decoding, self._hold = decoding, hold
        self._videos: dict[str, tuple[Source, Entry, Path]] = {}
        for shard, index in zip(shards, entries, strict=True):
            for source in shard.sources:
                self._videos[source.id] = (source, index[source.id], shard.data)
        readable = [entry for _, entry, _ in self._videos.values() if not entry.bad]
        self.silent = sum(entry.silent for entry in readable)
        self.bad = {name: e.bad for name, (_, e, _) in self._videos.items() if e.bad}
        self._open: LRUCache[Path, Array] = LRUCache(maxsize=OPEN_SHARDS)
        self._sizes: dict[str, tuple[int, ...]] = {}
        self._lock = Lock()

    def kept(self, name: str) -> bool:
        """Whether a video is in the decoded cache."""
        return self._videos[name][1].shape[0] > 0

    def frames(self, name: str, indices: Array) -> Array:
        """Frames of a video by number, rounded down to a stored one; behind the end, the last.

        Args:
            indices: [S, F], rising in each segment unless the video is shorter than it.

        Returns:
            uint8 [S, F, 3, h, w].
        """
        source, entry, file = self._videos[name]
        steps = indices // self._decoding.every
        if not entry.shape[0]:
            return self._decoded(source, steps)
        size = int(np.prod(entry.shape))
        stored = self._bytes(file)[entry.frames_at : entry.frames_at + size].reshape(entry.shape)
        return np.asarray(stored[np.minimum(steps, len(stored) - 1)])

    def flow(self, name: str, indices: Array) -> Array:
        """Flow that begins at these frames; behind the end nothing moves.

        Args:
            indices: as of frames().

        Returns:
            uint8 [S, F, 2, h, w], x then y (flow.quantise).
        """
        source, entry, file = self._videos[name]
        steps = indices // self._decoding.every
        if not entry.shape[0] and source.flow is not None:
            return self._stored_flow(source, source.flow, steps)
        if not entry.shape[0]:
            before, after = (
                self._decoded(source, at) for at in (steps, steps + self._decoding.flow_gap)
            )
            found = optical_flow(
                before.reshape(-1, *before.shape[-3:]),
                after.reshape(-1, *after.shape[-3:]),
                algorithm=self._decoding.flow,
                bound=self._decoding.flow_bound,
            )
            return found.reshape(*steps.shape, *found.shape[-3:])
        size = int(np.prod(entry.flow_shape))
        stored = self._bytes(file)[entry.flow_at : entry.flow_at + size].reshape(entry.flow_shape)
        return np.asarray(stored[np.minimum(steps, len(stored) - 1)])

    def audio(self, name: str) -> Array:
        """The whole sound of a video: int16 [samples], mono; empty where it is silent."""
        source, entry, file = self._videos[name]
        if entry.silent:
            return np.empty(0, np.int16)
        if entry.shape[0]:
            end = entry.audio_at + 2 * entry.samples
            return self._bytes(file)[entry.audio_at : end].view(np.int16)
        return self._decoded_sound(source)

    def windows(self, name: str, starts: Array, audio: AudioConfig) -> Tensor:
        """The sound of each segment: float32 [S, samples]; see sounds.windows.

        Args:
            starts: [S], where the windows begin, in seconds.
        """
        source, entry, _ = self._videos[name]
        length = window_length(audio)
        if entry.sound_by_time and entry.samples >= length:
            first = window_places(starts, entry.samples, audio)
            rate = self._decoding.sample_rate
            try:
                return as_sound(read_sound(source.path, first, length, sample_rate=rate))
            except Misplaced:
                pass
            except UnreadableVideo as error:
                self._note(source, error)
                return torch.zeros(len(starts), length)
        return windows(self.audio(name), starts, audio)

    def _bytes(self, file: Path) -> Array:
        with self._lock:
            if file not in self._open:
                self._open[file] = np.memmap(file, np.uint8, mode="r")
            return self._open[file]

    def _decoded(self, source: Source, steps: Array) -> Array:
        """From the file. Damage that only shows now gives black frames and a warning, no end."""
        decoding = self._decoding
        try:
            frames = read_frames(
                source.path,
                steps.ravel().tolist(),
                fps=source.fps,
                every=decoding.every,
                short_side=decoding.short_side,
            )
        except UnreadableVideo as error:
            self._note(source, error)
            usual = (3, decoding.short_side, decoding.short_side)
            return np.zeros((*steps.shape, *self._sizes.get(source.id, usual)), np.uint8)
        self._sizes[source.id] = frames.shape[1:]
        return frames.reshape(*steps.shape, *frames.shape[1:])

    def _stored_flow(self, source: Source, file: Path, steps: Array) -> Array:
        """From its own file. Where that is damaged, nothing moves."""
        segments = []
        try:
            for segment in steps:
                wanted, places = np.unique(segment, return_inverse=True)
                segments.append(read_flow_at(file, wanted.tolist(), fps=source.fps)[places])
            return np.stack(segments)
        except UnreadableVideo as error:
            self._note(source, error)
            side = self._decoding.short_side
            _, *size = self._sizes.get(source.id, (3, side, side))
            return np.full((*steps.shape, 2, *size), STILL, np.uint8)

    def _decoded_sound(self, source: Source) -> Array:
        try:
            sound = read_audio(source.path, sample_rate=self._decoding.sample_rate)
        except UnreadableVideo as error:
            self._note(source, error)
            sound = None
        return np.empty(0, np.int16) if sound is None else sound

    def _note(self, source: Source, error: UnreadableVideo) -> None:
        if source.id not in self.bad:
            log.warning("damaged, shown black and silent: %s", error)
            self.bad[source.id] = source.reason(error)
