"""Choices that shape the decoded form of a video, and the media files it is made from."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adamml.config import Config
from adamml.data.media.flow import optical_flow
from adamml.data.media.untrusted import UnreadableVideo
from adamml.data.stored_flow import StoredFlow, reads


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoding:
    """Choices that shape the decoded form of a video.

    The fields' names and values are part of the cache's key (cache/opening.py): configs that agree
    on them share decoded files.
    """

    every: int
    """Frames of the video from one stored frame to the next (rgb.stored_every)."""
    short_side: int
    """Largest short side of a stored frame, in pixels; smaller videos keep their size."""
    sample_rate: int
    """Samples of mono sound per second."""
    flow: str = ""
    """Algorithm of the optical flow that is kept; empty if the config reads no flow."""
    flow_gap: int = 1
    """Stored frames between the two frames of a flow."""
    flow_bound: float = 20.0
    """Largest displacement that is kept, in pixels of the stored frames."""
    flow_stored: bool = False
    """True if flow is read from Source.flow, False if it is computed from the frames."""

    @classmethod
    def of(cls, config: Config, flow: StoredFlow | None = None) -> "Decoding":
        """Return the choices that a config makes.

        Args:
            config: a complete config; its rgb, motion, audio and inputs count.
            flow: stored flow that the manifest describes; None if it has none.
        """
        rgb, motion = config.rgb, config.motion
        without_flow = cls(
            every=rgb.stored_every,
            short_side=rgb.stored_short_side,
            sample_rate=config.audio.sample_rate,
        )
        # The defaults of the flow fields stay, so that all configs without flow share one cache.
        if "flow" not in config.inputs:
            return without_flow
        return replace(
            without_flow,
            flow=motion.algorithm,
            flow_gap=motion.step // rgb.stored_every,
            flow_bound=motion.bound,
            flow_stored=reads(config, flow),
        )

    def flow_of(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Compute the flow that begins at each stored frame.

        Args:
            frames: [n, 3, h, w], all stored frames of a video.

        Returns:
            [n, 2, h, w]; past the last frame nothing moves.
        """
        # A last frame that is its own successor gives zero displacement.
        later = frames[np.minimum(np.arange(len(frames)) + self.flow_gap, len(frames) - 1)]
        return optical_flow(frames, later, algorithm=self.flow, bound=self.flow_bound)

    def estimated_bytes(self, duration_s: float, fps: float) -> int:
        """Estimate the decoded bytes of a square video; wider or taller ones take more."""
        channels = 5 if self.flow else 3
        frames = duration_s * fps / self.every * channels * self.short_side**2
        return int(frames + duration_s * self.sample_rate * 2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A media file as the manifest describes it."""

    id: str
    path: Path
    fps: float
    """Nominal frame rate: frames are counted at this rate."""
    duration_s: float
    flow: Path | None = None
    """Path of the video's stored flow; None if flow is computed or not read at all."""

    def stamp(self) -> tuple[object, ...]:
        """Return values that change when the video's file or its flow's file changes."""
        flow = () if self.flow is None else _file_stamp(self.flow)
        return self.id, self.fps, *_file_stamp(self.path), *flow

    def reason(self, error: UnreadableVideo) -> str:
        """Return an error's reason, marked where the flow's file is damaged, not the video's."""
        return error.reason if error.path != self.flow else f"its flow: {error.reason}"


def _file_stamp(file: Path) -> tuple[str, int, int]:
    """Return a file's path, bytes and time of change; -1 for both if it cannot be examined."""
    try:
        stat = file.stat()
    except OSError:
        return str(file), -1, -1
    return str(file), stat.st_size, stat.st_mtime_ns
