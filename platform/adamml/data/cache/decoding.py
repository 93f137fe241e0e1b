"""What is kept of a video once it is decoded, and of which file."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from adamml.config import Config
from adamml.data.media.flow import optical_flow
from adamml.data.media.untrusted import UnreadableVideo
from adamml.data.stored_flow import StoredFlow, reads

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoding:
    """What is kept of a video."""

    every: int
    short_side: int
    sample_rate: int
    flow: str = ""
    """Algorithm of the optical flow that is kept; none where nothing reads it."""
    flow_gap: int = 1
    """Stored frames between the two frames of a flow."""
    flow_bound: float = 20.0
    flow_stored: bool = False
    """Whether it is read from Source.flow in place of being computed."""

    @classmethod
    def of(cls, config: Config, flow: StoredFlow | None = None) -> "Decoding":
        """
        Args:
            flow: what the manifest says of its stored flow.
        """
        rgb, motion = config.rgb, config.motion
        kept = cls(
            every=rgb.stored_every,
            short_side=rgb.stored_short_side,
            sample_rate=config.audio.sample_rate,
        )
        if "flow" not in config.inputs:
            return kept
        gap = motion.step // rgb.stored_every
        return replace(
            kept,
            flow=motion.algorithm,
            flow_gap=gap,
            flow_bound=motion.bound,
            flow_stored=reads(config, flow),
        )

    def flow_of(self, frames: Array) -> Array:
        """uint8 [n, 3, h, w] -> uint8 [n, 2, h, w]; behind the last frame nothing moves."""
        later = frames[np.minimum(np.arange(len(frames)) + self.flow_gap, len(frames) - 1)]
        return optical_flow(frames, later, algorithm=self.flow, bound=self.flow_bound)

    def estimated_bytes(self, duration_s: float, fps: float) -> int:
        """Of a square video: others take more."""
        channels = 5 if self.flow else 3
        frames = duration_s * fps / self.every * channels * self.short_side**2
        return int(frames + duration_s * self.sample_rate * 2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A media file, as the manifest describes it."""

    id: str
    path: Path
    fps: float
    duration_s: float
    flow: Path | None = None
    """Its stored flow, where that is read."""

    def stamp(self) -> tuple[object, ...]:
        """Changes when a file does."""
        flow = () if self.flow is None else _file_stamp(self.flow)
        return self.id, self.fps, *_file_stamp(self.path), *flow

    def reason(self, error: UnreadableVideo) -> str:
        """Of its own file, or of its flow's."""
        return error.reason if error.path != self.flow else f"its flow: {error.reason}"


def _file_stamp(file: Path) -> tuple[str, int, int]:
    try:
        stat = file.stat()
    except OSError:
        return str(file), -1, -1
    return str(file), stat.st_size, stat.st_mtime_ns
