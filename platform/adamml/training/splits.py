"""Splits of a study as a process reads them: augmented for training, fixed for evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from adamml.config import Config
from adamml.data.cache.frames import FrameSource
from adamml.data.dataset import SegmentDataset
from adamml.data.manifest import Manifest, Split


@dataclass(frozen=True)
class Splits:
    """The videos of all splits, for one config."""

    manifest: Manifest
    """Manifest of all splits."""
    config: Config
    """Complete config, which says what is read of a video."""
    frames: Mapping[Split, FrameSource]
    """Split -> the source of its decoded frames and sound."""

    def augmented(self, num_segments: int) -> SegmentDataset:
        """Return the training videos, with segments, crops and flips drawn at random.

        Draws follow from (seed, epoch, video).

        Args:
            num_segments: number of segments per video.
        """
        return self._dataset("train", num_segments, training=True)

    def fixed(self, split: Split) -> SegmentDataset:
        """Return a split's videos with config.data.test_segments even segments and centre crops."""
        return self._dataset(split, self.config.data.test_segments, training=False)

    def alone(self, modality: str) -> "Splits":
        """Return the same videos, of which one modality is read."""
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
