"""The splits of a study as one process reads them: augmented for training, fixed for evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from adamml.config import Config
from adamml.data.cache.frames import FrameSource
from adamml.data.dataset import SegmentDataset
from adamml.data.manifest import Manifest, Split


@dataclass(frozen=True)
class Splits:
    manifest: Manifest
    config: Config
    frames: Mapping[Split, FrameSource]
    """Split -> where its decoded frames and sound come from."""

    def augmented(self, num_segments: int) -> SegmentDataset:
        """Training videos, with random segments, crops and flips drawn per (seed, epoch, video)."""
        return self._dataset("train", num_segments, training=True)

    def fixed(self, split: Split) -> SegmentDataset:
        """Evenly spaced segments (config.data.test_segments), centre crops, no randomness."""
        return self._dataset(split, self.config.data.test_segments, training=False)

    def alone(self, modality: str) -> "Splits":
        """The same videos of which only one modality is read."""
        policy = replace(self.config.policy, kind="always_on")
        return replace(self, config=replace(self.config, modalities=(modality,), policy=policy))

    def _dataset(self, split: Split, num_segments: int, training: bool) -> SegmentDataset:
        return SegmentDataset(
            self.manifest.split(split),
            self.config,
            num_segments=num_segments,
            training=training,
            frames=self.frames[split],
        )
