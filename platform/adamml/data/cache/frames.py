"""Decoded frames, flow and sound of a manifest's videos, by their id."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from adamml.config import AudioConfig
from adamml.data.cache.cached_frames import CachedFrames, OpenShards
from adamml.data.cache.decoding import Decoding
from adamml.data.cache.shards import Entry, Shard
from adamml.data.cache.sought_frames import SoughtFrames
from adamml.files import SharedHold


class VideoFrames(Protocol):
    """One video's frames, flow and sound: CachedFrames, or SoughtFrames if the cache is full."""

    @property
    def in_cache(self) -> bool:
        """True if reading decodes nothing."""

    def frames(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return frames by number, each rounded down to a stored one.

        Args:
            indices: [S, F], frames at the video's nominal rate, rising in each segment unless the
                video is shorter than a segment. Past the end, the last frame is returned.

        Returns:
            [S, F, 3, h, w].
        """

    def flow(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the flow that begins at these frames; past the end nothing moves.

        Args:
            indices: as for frames().

        Returns:
            [S, F, 2, h, w], x then y, quantised (media/flow.py).
        """

    def audio(self) -> NDArray[np.int16]:
        """Return the whole sound, mono: [samples], none if the video has no sound track."""

    def windows(self, starts: NDArray[np.float64], audio: AudioConfig) -> Tensor:
        """Return the sound of each segment, as modalities.audio.windows cuts it.

        Args:
            starts: [S], where the windows begin, in seconds.
            audio: sizes of the windows.

        Returns:
            float32 [S, samples] in [-1, 1).
        """


class FrameSource:
    """The videos of a manifest, opened for reading: source[id] is a VideoFrames.

    Made by cache.opening.open_frames. While it exists, other processes do not evict its files.
    """

    bad: dict[str, str]
    """id -> why a video cannot be read; datasets leave these videos out. Videos whose damage shows
    after they were opened are added."""
    silent: int
    """Number of readable videos without a sound track; their sound is zeros."""

    def __init__(
        self,
        shards: list[Shard],
        entries: list[dict[str, Entry]],
        decoding: Decoding,
        hold: SharedHold,
    ) -> None:
        """Take over the shards and their indices.

        Args:
            shards: all shards of the manifest.
            entries: index of each shard, by video id.
            decoding: choices that the shards were decoded with.
            hold: hold on the shards' folder, kept as long as this object.
        """
        self._hold = hold
        self._videos: dict[str, VideoFrames] = {}
        self.bad, self.silent = {}, 0
        open_shards = OpenShards()
        for shard, index in zip(shards, entries, strict=True):
            for source in shard.sources:
                entry = index[source.id]
                if entry.bad:
                    self.bad[source.id] = entry.bad
                self.silent += entry.silent
                # Decided here, once: whether all reads of a video go to its shard or to its file.
                self._videos[source.id] = (
                    CachedFrames(
                        entry=entry, shard=shard.data, every=decoding.every, shards=open_shards
                    )
                    if entry.decoded
                    else SoughtFrames(source, entry, decoding, self.bad)
                )

    def __getitem__(self, video: str) -> VideoFrames:
        """Return a video by its id."""
        return self._videos[video]
