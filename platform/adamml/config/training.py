"""Configs of a trial's training: loss, optimisers, unimodal networks, execution, quirks.

"Published" marks the setting of AdaMML's released code (docs/paper.md 1.3, "Loss", "Schedule" and
"Lambda and gamma").
"""

from dataclasses import dataclass, field
from typing import Literal

from adamml.config.require import require


@dataclass(frozen=True, kw_only=True, slots=True)
class GumbelConfig:
    """Temperature of the Gumbel-softmax that samples decisions in training."""

    temperature: float = 5.0
    """Temperature in the first epoch that trains the policy. Published: 5."""
    decay: float = 0.965
    """Factor on the temperature after each epoch that trains the policy, in (0, 1]; 1 keeps the
    temperature constant. Published: 0.965."""

    def __post_init__(self) -> None:
        require(self.temperature > 0, "gumbel.temperature must be positive", self.temperature)
        require(0 < self.decay <= 1, "gumbel.decay must be in (0, 1]", self.decay)


@dataclass(frozen=True, kw_only=True, slots=True)
class LossConfig:
    """Weights of the loss that trains the policy (objectives/losses)."""

    lambdas: dict[str, float] = field(default_factory=lambda: {"rgb": 1.0, "audio": 0.05})
    """Modality -> lambda, the weight of its squared usage; not negative. Published: 1 and 0.05 for
    rgb + audio."""
    gamma: float = 10.0
    """Weight of the penalty for being wrong; not negative. Published: 10."""
    correctness: Literal["argmax", "probability"] = "argmax"
    """Measure of how right a video is. argmax: 1 if the predicted class is the true one, else 0,
    so that gamma has no gradient. probability: that of the true class, so that gamma acts.
    Published: argmax (docs/paper.md 1.3, quirk 1)."""

    def __post_init__(self) -> None:
        require(
            all(v >= 0 for v in self.lambdas.values()),
            "loss.lambdas must not be negative",
            self.lambdas,
        )
        require(self.gamma >= 0, "loss.gamma must not be negative", self.gamma)


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimizerConfig:
    """Learning rate and weight decay of one optimiser, in every stage that uses it."""

    lr: float
    """Learning rate at the beginning of a stage. Published: 1e-3 for recognition, 1e-2 for the
    policy."""
    weight_decay: float = 1e-4
    """Weight of the L2 penalty that the optimiser adds. Published: 1e-4."""
    milestones: tuple[int, ...] = ()
    """Epochs of a stage after which the learning rate is divided by 10. Published: 10 and 15, but
    without effect (docs/paper.md 1.3, quirk 3)."""

    def __post_init__(self) -> None:
        require(self.lr > 0, "lr must be positive", self.lr)


@dataclass(frozen=True, kw_only=True, slots=True)
class UnimodalConfig:
    """Training of a modality's recognition network alone, by SGD with momentum 0.9.

    It is done once for all trials that share the network.
    """

    epochs: int = 60
    """Number of epochs. Published: 60; 70 for ActivityNet."""
    segments: int = 1
    """Segments per training video, whose logits are averaged. Published: 1."""
    lr: float = 0.01
    """Learning rate of the first epoch. Published: 0.01."""
    weight_decay: float = 1e-4
    """Weight of the L2 penalty that the optimiser adds. Published: 1e-4."""
    milestones: tuple[int, ...] = (20, 40, 50)
    """Epochs after which the learning rate is divided by 10. Published: 20, 40 and 50."""
    validate_every: int = 1
    """Epochs from one evaluation on validation to the next. The last epoch is always evaluated."""

    def __post_init__(self) -> None:
        require(
            self.validate_every > 0,
            "validate_every of a unimodal network must be positive",
            self.validate_every,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutionConfig:
    """Precision and determinism of the computation."""

    precision: Literal["float32", "bfloat16"] = "float32"
    """Precision of training steps. bfloat16 means autocast on CUDA; a CPU computes in float32
    either way."""
    fast: bool = False
    """True lets cuDNN choose the fastest algorithms. Repeated runs then no longer give the same
    numbers."""
    sync_batch_norm: Literal["cuda", "never"] = "cuda"
    """Batch norm's statistics. cuda: over all CUDA workers of a slot; never: over each worker's own
    videos, as on a CPU. Published: over all GPUs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QuirksConfig:
    """Differences between the released code and the method it describes (docs/paper.md 1.3).

    False follows the described method, True the released code, except where a field says otherwise.
    Two quirks are elsewhere: loss.correctness is quirk 1, and cost/published bills a random policy
    otherwise than quirk 7.
    """

    full_loss_for_recognition: bool = False
    """True adds the usage and gamma terms to recognition epochs, as the formula alone would have
    it; gamma then trains recognition too. False is what method and released code do: lambda 0 in
    those epochs (quirk 2)."""
    constant_learning_rate: bool = False
    """True keeps the learning rates of recognition and policy constant: the released schedulers
    hold optimisers that are no longer used (quirk 3). Unimodal rates always decay."""
    noise_at_evaluation: bool = False
    """True samples decisions in evaluations as well, with Gumbel noise (quirk 4); False takes the
    likelier option."""
    frozen_parts_in_training_mode: bool = False
    """True leaves frozen networks in training mode: their batch norm goes on updating and their
    dropout acts (quirk 5); False puts them into eval mode."""
    mean_of_batch_means: bool = False
    """True averages selection rates, and the GFLOPs made from them, over batches without weights
    (quirk 6); False averages over videos."""
