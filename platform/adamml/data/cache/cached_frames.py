"""A video whose decoded frames, flow and sound are in the node's cache."""

from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import ClassVar

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray
from torch import Tensor

from adamml.config import AudioConfig
from adamml.data.cache.shards import Entry
from adamml.data.modalities.audio import windows

OPEN_SHARDS = 256
"""Largest number of shards that are open at once: each costs a file descriptor."""


class OpenShards:
    """Memory-mapped shard files; the least recently used one is closed for a new one."""

    def __init__(self) -> None:
        self._open: LRUCache[Path, NDArray[np.uint8]] = LRUCache(OPEN_SHARDS)
        self._lock = Lock()

    def content(self, file: Path) -> NDArray[np.uint8]:
        """Return the bytes of a shard file, mapped and not read."""
        with self._lock:  # loading threads share this, and an LRU cache changes on every look-up
            if file not in self._open:
                self._open[file] = np.memmap(file, np.uint8, mode="r")
            return self._open[file]


@dataclass(frozen=True, kw_only=True, slots=True)
class CachedFrames:
    """A video that is read from its shard in the node's cache (VideoFrames in cache/frames.py)."""

    entry: Entry
    shard: Path
    """Path of the file that the entry's offsets count in."""
    every: int
    """Frames of the video from one stored frame to the next."""
    shards: OpenShards
    in_cache: ClassVar[bool] = True

    def frames(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return stored frames; the last one stands in for all that come after it."""
        return self._stored(self.entry.frames_at, self.entry.shape, indices)

    def flow(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return stored flow; that of the last frame, where nothing moves, for all after it."""
        return self._stored(self.entry.flow_at, self.entry.flow_shape, indices)

    def audio(self) -> NDArray[np.int16]:
        """Return the whole sound."""
        # int16 at an even address of the mapped file: no copy is made.
        end = self.entry.audio_at + 2 * self.entry.samples
        return self.shards.content(self.shard)[self.entry.audio_at : end].view(np.int16)

    def windows(self, starts: NDArray[np.float64], audio: AudioConfig) -> Tensor:
        """Return the sound of each segment, cut from the whole sound."""
        return windows(self.audio(), starts, audio)

    def _stored(
        self, begin: int, shape: tuple[int, ...], indices: NDArray[np.int64]
    ) -> NDArray[np.uint8]:
        """Return rows of the array of this shape that begins at byte `begin` of the shard."""
        size = int(np.prod(shape))
        stored = self.shards.content(self.shard)[begin : begin + size].reshape(shape)
        return np.asarray(stored[np.minimum(indices // self.every, len(stored) - 1)])
