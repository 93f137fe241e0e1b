"""How a trial is trained."""

from dataclasses import dataclass, field
from typing import Literal

from adamml.config.require import require


@dataclass(frozen=True, kw_only=True, slots=True)
class GumbelConfig:
    temperature: float = 5.0
    """Gumbel-softmax temperature at the first policy epoch (AdaMML: 5)."""
    decay: float = 0.965
    """Multiplied into the temperature after each policy epoch; 1 keeps it constant."""

    def __post_init__(self) -> None:
        require(self.temperature > 0, "gumbel.temperature must be positive", self.temperature)
        require(0 < self.decay <= 1, "gumbel.decay must be in (0, 1]", self.decay)


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
        require(
            all(v >= 0 for v in self.lambdas.values()),
            "loss.lambdas must not be negative",
            self.lambdas,
        )
        require(self.gamma >= 0, "loss.gamma must not be negative", self.gamma)


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimizerConfig:
    lr: float
    weight_decay: float = 1e-4
    milestones: tuple[int, ...] = ()
    """Epochs of its stage after which the learning rate is divided by 10."""

    def __post_init__(self) -> None:
        require(self.lr > 0, "lr must be positive", self.lr)


@dataclass(frozen=True, kw_only=True, slots=True)
class UnimodalConfig:
    """How a modality's recognition network is trained alone, once for all trials (SGD)."""

    epochs: int = 60
    segments: int = 1
    """Segments per training video; their logits are averaged."""
    lr: float = 0.01
    weight_decay: float = 1e-4
    milestones: tuple[int, ...] = (20, 40, 50)
    validate_every: int = 1
    """Epochs from one evaluation on validation to the next; the last epoch always has one."""

    def __post_init__(self) -> None:
        require(
            self.validate_every > 0,
            "validate_every of a unimodal network must be positive",
            self.validate_every,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutionConfig:
    precision: Literal["float32", "bfloat16"] = "float32"
    """bfloat16: autocast and channels_last, on CUDA only."""
    fast: bool = False
    """cudnn.benchmark: faster, and no longer the same numbers on every run."""
    sync_batch_norm: Literal["cuda", "never"] = "cuda"
    """cuda: synchronised with several CUDA workers; a CPU always uses plain batch norm."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QuirksConfig:
    """Where the released code differs from the method it describes (paper.md 1.3).

    False is the described method, True what the released code does. Two more have fields of their
    own: loss.correctness (quirk 1) and the random policy's billing (cost.published, quirk 7).
    """

    full_loss_for_recognition: bool = False
    """Both describe recognition epochs with lambda 0 (quirk 2). True adds the usage and gamma terms
    to them, as the formula alone would have it; gamma then trains recognition too."""
    constant_learning_rate: bool = False
    """Rates never decay, because schedulers hold optimisers that are gone (quirk 3)."""
    noise_at_evaluation: bool = False
    """Decisions are sampled with Gumbel noise in evaluations as well, at the temperature of the
    last epoch (quirk 4); otherwise the likelier option is taken."""
    frozen_parts_in_training_mode: bool = False
    """Batch norm of frozen networks goes on updating, and their dropout acts (quirk 5)."""
    mean_of_batch_means: bool = False
    """Selection rates, and the GFLOPs made from them, are unweighted means over batches
    (quirk 6); otherwise over videos."""
