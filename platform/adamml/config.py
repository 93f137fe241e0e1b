"""A complete, immutable description of one trial, and the dotted paths that change it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from adamml.overrides import fingerprint, flatten, override

__all__ = ["Config", "fingerprint", "flatten", "override"]


def _require(ok: bool, rule: str, value: object) -> None:
    if not ok:
        raise ValueError(f"{rule}, got {value}")


@dataclass(frozen=True, kw_only=True, slots=True)
class SyntheticConfig:
    """The built-in dataset: real media whose evidence is known (data/synthetic.py)."""

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
    synthetic: SyntheticConfig | None = None
    """What to generate where no data directory is given; None where the user must bring one."""
    train_segments: int = 5
    """Segments per training video, one at a random place in each of that many equal ranges."""
    test_segments: int = 10
    """Segments per evaluated video, evenly spaced."""
    batch_size: int = 72
    """Videos per optimiser step, over all workers of a slot together."""
    max_bad_fraction: float = 0.05
    """More unreadable videos than this stop the study."""
    loader_workers: int = 0
    """Processes that read ahead; 0 reads in the training process, right for decoded data."""

    def __post_init__(self) -> None:
        _require(self.num_classes > 1, "data.num_classes must be at least 2", self.num_classes)
        _require(
            self.train_segments > 0, "data.train_segments must be positive", self.train_segments
        )
        _require(self.test_segments > 0, "data.test_segments must be positive", self.test_segments)
        _require(self.batch_size > 0, "data.batch_size must be positive", self.batch_size)


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
        _require(self.frames > 0, "rgb.frames must be positive", self.frames)
        _require(
            self.stored_every > 0 and self.frame_stride % self.stored_every == 0,
            "rgb.stored_every must divide rgb.frame_stride",
            self.stored_every,
        )
        _require(
            min(*self.train_short_side, self.test_short_side) >= self.crop,
            "rgb short sides must be at least rgb.crop",
            (self.train_short_side, self.test_short_side),
        )


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
        _require(self.window <= self.n_fft, "audio.window must be at most audio.n_fft", self.window)
        columns = int(self.sample_rate * self.seconds) // self.hop + 1
        _require(self.steps <= columns, f"audio.steps must be at most {columns}", self.steps)


@dataclass(frozen=True, kw_only=True, slots=True)
class BackboneConfig:
    name: str = "resnet50"
    """An entry of models.backbones.BACKBONES."""
    width: int = 16
    """Channels of conv3's first layer (doubled by each next one); other backbones ignore it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyConfig:
    kind: str = "gumbel"
    """An entry of models.policy.POLICIES: gumbel learns, always_on computes everything."""
    backbones: dict[str, BackboneConfig] = field(
        default_factory=lambda: {m: BackboneConfig(name="mobilenet_v2") for m in ("rgb", "audio")}
    )
    pixels: int = 160
    """Visual input is resized to this square."""
    frame_step: int = 2
    """The policy sees every n-th frame of a segment."""
    joint_width: int = 2048
    lstm_width: int = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class GumbelConfig:
    temperature: float = 5.0
    """Gumbel-softmax temperature at the first policy epoch (AdaMML: 5)."""
    decay: float = 0.965
    """Multiplied into the temperature after each policy epoch; 1 keeps it constant."""

    def __post_init__(self) -> None:
        _require(self.temperature > 0, "gumbel.temperature must be positive", self.temperature)
        _require(0 < self.decay <= 1, "gumbel.decay must be in (0, 1]", self.decay)


@dataclass(frozen=True, kw_only=True, slots=True)
class LossConfig:
    lambdas: dict[str, float] = field(default_factory=lambda: {"rgb": 1.0, "audio": 0.05})
    """Weight of each modality's squared usage."""
    gamma: float = 10.0
    """Weight of the penalty for being wrong."""
    correctness: Literal["argmax", "probability"] = "argmax"
    """argmax: the published indicator, whose gradient is zero. probability: that of the true class,
    so that gamma acts."""

    def __post_init__(self) -> None:
        _require(
            all(v >= 0 for v in self.lambdas.values()),
            "loss.lambdas must not be negative",
            self.lambdas,
        )
        _require(self.gamma >= 0, "loss.gamma must not be negative", self.gamma)


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimizerConfig:
    lr: float
    weight_decay: float = 1e-4
    milestones: tuple[int, ...] = ()
    """Epochs of its stage after which the learning rate is divided by 10."""

    def __post_init__(self) -> None:
        _require(self.lr > 0, "lr must be positive", self.lr)


@dataclass(frozen=True, kw_only=True, slots=True)
class UnimodalConfig:
    """How a modality's recognition network is trained alone, once for all trials (SGD)."""

    epochs: int = 60
    segments: int = 1
    """Segments per training video; their logits are averaged."""
    lr: float = 0.01
    weight_decay: float = 1e-4
    milestones: tuple[int, ...] = (20, 40, 50)


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutionConfig:
    precision: Literal["float32", "bfloat16"] = "float32"
    """bfloat16: autocast and channels_last, on CUDA only."""
    fast: bool = False
    """cudnn.benchmark: faster, and no longer the same numbers on every run."""
    sync_batch_norm: Literal["cuda", "never"] = "cuda"
    """cuda: synchronised with several CUDA workers; a CPU always uses plain batch norm."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    recipe: str
    """The function in recipes.py that made this config."""
    seed: int = 0
    modalities: tuple[str, ...] = ("rgb", "audio")
    """Their order is the axis M of decisions and segment logits."""
    data: DataConfig
    rgb: RgbConfig = field(default_factory=RgbConfig)
    audio: AudioConfig = field(default_factory=AudioConfig)
    recognition: dict[str, BackboneConfig] = field(
        default_factory=lambda: {
            "rgb": BackboneConfig(),
            "audio": BackboneConfig(name="mobilenet_v2"),
        }
    )
    dropout: float = 0.5
    """Before each recognition network's classifier."""
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    gumbel: GumbelConfig = field(default_factory=GumbelConfig)
    fusion: str = "weighted"
    """An entry of models.fusion.FUSIONS."""
    loss: LossConfig = field(default_factory=LossConfig)
    unimodal: dict[str, UnimodalConfig] = field(
        default_factory=lambda: {m: UnimodalConfig() for m in ("rgb", "audio")}
    )
    stages: dict[str, int] = field(
        default_factory=lambda: {"warm_up": 5, "alternating": 20, "fine_tuning": 10}
    )
    """Stage -> epochs, run in this order; the entries of training.stages.STAGES."""
    recognition_optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(lr=1e-3, milestones=(10, 15))
    )
    """SGD with momentum 0.9."""
    policy_optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(lr=1e-2, milestones=(10, 15))
    )
    """Adam."""
    execution: ExecutionConfig = field(default_factory=ExecutionConfig)

    def __post_init__(self) -> None:
        tables: dict[str, Mapping[str, object]] = {
            "recognition": self.recognition,
            "policy.backbones": self.policy.backbones,
            "loss.lambdas": self.loss.lambdas,
            "unimodal": self.unimodal,
        }
        for path, table in tables.items():
            missing = set(self.modalities) - set(table)
            _require(
                not missing, f"{path} must cover every modality of {self.modalities}", sorted(table)
            )
        _require(
            all(n >= 0 for n in self.stages.values()),
            "stages must have no negative epochs",
            self.stages,
        )
        _require(0 <= self.dropout < 1, "dropout must be in [0, 1)", self.dropout)
