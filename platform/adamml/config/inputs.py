"""What a trial reads: videos, and what is made of them for each modality."""

from dataclasses import dataclass
from typing import Literal

from adamml.config.require import require

MODALITIES = ("rgb", "audio", "flow", "rgbdiff")
"""All that can be read, in the reference's order."""
MOTION = ("flow", "rgbdiff")
VISUAL = ("rgb", *MOTION)


@dataclass(frozen=True, kw_only=True, slots=True)
class SyntheticConfig:
    """The built-in dataset: real media whose evidence is known (data/synthetic/generation.py)."""

    train_videos: int = 1024
    validation_videos: int = 512
    test_videos: int = 1024
    seconds: float = 8.0
    """Length of each video."""
    pixels: int = 96
    seed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig:
    num_classes: int
    quality: Literal["accuracy", "map"] = "accuracy"
    """What is maximised: top-1 accuracy, or mAP, where a video may have several labels. A user's
    manifest says which (objectives/quality.py)."""
    synthetic: SyntheticConfig | None = None
    """What to generate where no data directory is given; None where the user must bring one."""
    train_segments: int = 5
    """Segments per training video, one at a random place in each of that many equal ranges."""
    test_segments: int = 10
    """Segments per evaluated video, evenly spaced."""
    batch_size: int = 72
    """Videos per optimiser step, over all workers of a slot together."""
    policy_only_batch_size: int = 72
    """The same in the policy-only stage, whose steps are cheap: of a few videos, more steps."""
    max_bad_fraction: float = 0.05
    """More unreadable videos than this stop the study."""
    decoder_threads: int = 1
    """Of each worker: they read the next batches during a step; 0 reads between steps. More than
    one are of use where videos are not in the decoded cache, and cores are free."""

    def __post_init__(self) -> None:
        require(self.num_classes > 1, "data.num_classes must be at least 2", self.num_classes)
        require(
            self.train_segments > 0, "data.train_segments must be positive", self.train_segments
        )
        require(self.test_segments > 0, "data.test_segments must be positive", self.test_segments)
        require(self.batch_size > 0, "data.batch_size must be positive", self.batch_size)
        require(
            self.decoder_threads >= 0,
            "data.decoder_threads must not be negative",
            self.decoder_threads,
        )
        require(
            self.policy_only_batch_size > 0,
            "data.policy_only_batch_size must be positive",
            self.policy_only_batch_size,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class RgbConfig:
    """Frames of a segment. Published: 8 frames, every 4th, 224 pixels."""

    frames: int = 8
    frame_stride: int = 4
    crop: int = 224
    train_short_side: tuple[int, int] = (256, 320)
    """The short side is drawn uniformly from this range, then a random crop is taken."""
    test_short_side: int = 256
    """The short side before the centre crop."""
    stored_short_side: int = 256
    """Short side of frames in the decoded cache; never enlarges a video."""
    stored_every: int = 1
    """The cache keeps every n-th frame; random offsets are multiples of it. It divides
    frame_stride."""
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    def __post_init__(self) -> None:
        require(self.frames > 0, "rgb.frames must be positive", self.frames)
        require(
            self.stored_every > 0 and self.frame_stride % self.stored_every == 0,
            "rgb.stored_every must divide rgb.frame_stride",
            self.stored_every,
        )
        require(
            min(*self.train_short_side, self.test_short_side) >= self.crop,
            "rgb short sides must be at least rgb.crop",
            (self.train_short_side, self.test_short_side),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class MotionConfig:
    """Differences and optical flow between frames. Published: stacks of 5, TV-L1, clipped at 20.

    Sampling, cropping and sizes are those of rgb.
    """

    stack: int = 5
    """Differences or flows per frame of a segment, one behind the other: 3 or 2 channels each."""
    step: int = 1
    """Frames between the two frames of a difference or flow; rgb.stored_every divides it."""
    algorithm: Literal["tvl1", "dis"] = "tvl1"
    """Of the flow: TV-L1 as the field has it, or DIS, which is far faster."""
    bound: float = 20.0
    """Flow is clipped to this many pixels (of the stored size) either way, and kept in 8 bits."""
    mean: float = 0.5
    """Of flow, as a fraction of its range."""
    std: float = 0.226

    def __post_init__(self) -> None:
        require(self.stack > 0, "motion.stack must be positive", self.stack)
        require(self.step > 0, "motion.step must be positive", self.step)
        require(self.bound > 0, "motion.bound must be positive", self.bound)


@dataclass(frozen=True, kw_only=True, slots=True)
class AudioConfig:
    """The log power spectrogram around a segment's middle. Published: 1.28 s, 256 x 256."""

    sample_rate: int = 24_000
    seconds: float = 1.28
    n_fft: int = 511
    """Gives n_fft // 2 + 1 frequency bins."""
    window: int = 240
    """Samples under the Hann window (published: 10 ms)."""
    hop: int = 120
    """Samples between columns (published: 5 ms)."""
    steps: int = 256
    """Columns kept."""
    floor: float = 1e-6
    """Added to the power before the logarithm."""

    def __post_init__(self) -> None:
        require(self.window <= self.n_fft, "audio.window must be at most audio.n_fft", self.window)
        columns = int(self.sample_rate * self.seconds) // self.hop + 1
        require(self.steps <= columns, f"audio.steps must be at most {columns}", self.steps)
