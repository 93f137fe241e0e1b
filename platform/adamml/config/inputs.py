"""Configs of a trial's input: the videos, and what each modality shows of their segments.

"Published" marks the setting of AdaMML's released code (docs/paper.md 1.3, "Input").
"""

from dataclasses import dataclass
from typing import Literal

from adamml.config.require import require

MODALITIES = ("rgb", "audio", "flow", "rgbdiff")
"""Every modality that can be read, in the order that tasks list them."""
MOTION = ("flow", "rgbdiff")
"""Modalities that are computed from pairs of frames."""
VISUAL = ("rgb", *MOTION)
"""Modalities made of frames, with clips [N, S, F, C, H, W]; the other one is audio."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SyntheticConfig:
    """Settings of the built-in dataset: generated videos whose evidence is known (data/synthetic).

    All values are this platform's own choice.
    """

    train_videos: int = 1024
    """Number of videos in the training split."""
    validation_videos: int = 512
    """Number of videos in the validation split."""
    test_videos: int = 1024
    """Number of videos in the test split."""
    seconds: float = 8.0
    """Length of each video in seconds, from 1.28 to 600."""
    pixels: int = 96
    """Height and width of each video in pixels: even, from 32 to 1024."""
    seed: int = 0
    """Seed of everything that is drawn for the videos, not negative. It is not the trial's seed:
    trials with different seeds can share one dataset."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig:
    """Settings of the dataset: classes, segments per video and batches."""

    num_classes: int
    """Number of classes K, at least 2. A user's manifest overrules it."""
    quality: Literal["accuracy", "map"] = "accuracy"
    """Quality that is maximised: top-1 accuracy, or mAP, with which a video may have several
    labels (objectives/quality). A user's manifest overrules it."""
    synthetic: SyntheticConfig | None = None
    """Dataset to generate when no data directory is given. None: the user must give one."""
    train_segments: int = 5
    """Segments per training video, one at a random place in each of that many equal ranges.
    Published: 5."""
    test_segments: int = 10
    """Segments per video in evaluations, evenly spaced. Published: 10."""
    batch_size: int = 72
    """Videos per optimiser step, over all workers of a slot together. Published: 72."""
    policy_only_batch_size: int = 72
    """Videos per optimiser step in the policy-only stage. Its steps are cheap, so that small
    batches, which make more steps, can pay. The stage is this platform's own."""
    max_bad_fraction: float = 0.05
    """Fraction of unreadable videos above which the study stops with an error."""
    decoder_threads: int = 1
    """Threads per worker that read the next batches during a step; 0 reads between steps. More
    than one help only where videos are decoded in each epoch: from the decoded cache one reads."""

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
    """Frames of a segment, for every visual modality: how many, how far apart, how large."""

    frames: int = 8
    """Frames per segment, F. Published: 8."""
    frame_stride: int = 4
    """Frames of the video from one frame of a segment to the next. Published: 4."""
    crop: int = 224
    """Height and width in pixels of the square that networks see. Published: 224."""
    train_short_side: tuple[int, int] = (256, 320)
    """Smallest and largest short side in pixels. In training, a segment's is drawn uniformly from
    this range before its random crop is taken. Published: 256 to 320."""
    test_short_side: int = 256
    """Short side in pixels before the centre crop of evaluations. Published: 256."""
    stored_short_side: int = 256
    """Short side in pixels of frames in the decoded cache. A smaller video is not enlarged."""
    stored_every: int = 1
    """Every n-th frame is kept in the decoded cache; n divides frame_stride. Segments begin at
    multiples of n, so that a larger n makes a smaller cache and fewer places for segments."""
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    """Mean of each channel, as a fraction of 255, that rgb and rgbdiff are normalised by.
    Published: ImageNet's, these."""
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    """Standard deviation of each channel, as a fraction of 255, that rgb and rgbdiff are
    normalised by. Published: ImageNet's, these."""

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
    """Differences (rgbdiff) and optical flow between frames.

    Frames are sampled, cropped and resized as RgbConfig says.
    """

    stack: int = 5
    """Consecutive differences or flows per frame of a segment, stacked as channels: 3 channels for
    a difference, 2 for a flow. Published: 5, so 15 and 10 channels."""
    step: int = 1
    """Frames of the video between the two frames of a difference or flow; rgb.stored_every divides
    it. Published: 1."""
    algorithm: Literal["tvl1", "dis"] = "tvl1"
    """Algorithm of the flow: TV-L1, which the field uses, or DIS, which is far faster. Published:
    TV-L1."""
    bound: float = 20.0
    """Largest displacement in pixels of the stored size. Flow is clipped to plus or minus this and
    kept in 8 bits. Published: 20 (docs/paper.md 4)."""
    mean: float = 0.5
    """Mean that flow is normalised by, as a fraction of its 8-bit range. Published: 0.5."""
    std: float = 0.226
    """Standard deviation that flow is normalised by, as a fraction of its 8-bit range. Published:
    0.226."""

    def __post_init__(self) -> None:
        require(self.stack > 0, "motion.stack must be positive", self.stack)
        require(self.step > 0, "motion.step must be positive", self.step)
        require(self.bound > 0, "motion.bound must be positive", self.bound)


@dataclass(frozen=True, kw_only=True, slots=True)
class AudioConfig:
    """Log power spectrogram of the sound around a segment's middle."""

    sample_rate: int = 24_000
    """Samples per second that sound is resampled to, mono. Published: 24,000."""
    seconds: float = 1.28
    """Length in seconds of a segment's sound. Published: 1.28."""
    n_fft: int = 511
    """Length in samples of each Fourier transform, which gives n_fft // 2 + 1 frequency bins.
    Published: 511, so 256 bins."""
    window: int = 240
    """Length in samples of the Hann window, at most n_fft. Published: 240, which is 10 ms."""
    hop: int = 120
    """Samples from one time step of the spectrogram to the next. Published: 120, which is 5 ms."""
    steps: int = 256
    """Number of time steps that are kept, T. Published: 256."""
    floor: float = 1e-6
    """Number added to the power before the logarithm, which keeps silence finite. Published:
    1e-6."""

    def __post_init__(self) -> None:
        require(self.window <= self.n_fft, "audio.window must be at most audio.n_fft", self.window)
        columns = int(self.sample_rate * self.seconds) // self.hop + 1
        require(self.steps <= columns, f"audio.steps must be at most {columns}", self.steps)
