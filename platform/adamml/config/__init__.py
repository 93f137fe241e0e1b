"""A complete, immutable description of one trial, and the dotted paths that change it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from adamml.config.inputs import (
    MODALITIES,
    MOTION,
    VISUAL,
    AudioConfig,
    DataConfig,
    MotionConfig,
    RgbConfig,
    SyntheticConfig,
)
from adamml.config.networks import BackboneConfig, Fc2Config, PolicyConfig
from adamml.config.overrides import fingerprint, flatten, override
from adamml.config.require import require
from adamml.config.training import (
    ExecutionConfig,
    GumbelConfig,
    LossConfig,
    OptimizerConfig,
    QuirksConfig,
    UnimodalConfig,
)

__all__ = [
    "MODALITIES",
    "MOTION",
    "VISUAL",
    "AudioConfig",
    "BackboneConfig",
    "Config",
    "DataConfig",
    "ExecutionConfig",
    "Fc2Config",
    "GumbelConfig",
    "LossConfig",
    "MotionConfig",
    "OptimizerConfig",
    "PolicyConfig",
    "QuirksConfig",
    "RgbConfig",
    "SyntheticConfig",
    "UnimodalConfig",
    "fingerprint",
    "flatten",
    "override",
]


FEATURE_FUSIONS = ("fc2",)
"""Entries of models.fusion.FUSIONS that take features in place of segment logits."""
POLICY_READS = {"always_on": (), "random": ("draws",), "oracle": ("relevance",)}
"""What a policy reads of a video; where its kind is not here, what it looks at (`Config.seen`)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    recipe: str
    """The function in recipes.py that made this config."""
    seed: int = 0
    modalities: tuple[str, ...] = ("rgb", "audio")
    """Their order is the axis M of decisions and segment logits."""
    data: DataConfig
    rgb: RgbConfig = field(default_factory=RgbConfig)
    """Frames of every visual modality."""
    motion: MotionConfig = field(default_factory=MotionConfig)
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
    fc2: Fc2Config = field(default_factory=Fc2Config)
    loss: LossConfig = field(default_factory=LossConfig)
    unimodal: dict[str, UnimodalConfig] = field(
        default_factory=lambda: {m: UnimodalConfig() for m in ("rgb", "audio")}
    )
    stages: dict[str, int] = field(
        default_factory=lambda: {"warm_up": 5, "alternating": 20, "fine_tuning": 10}
    )
    """Stage -> epochs, run in this order; the entries of methods.adamml.passes.PASSES."""
    recognition_optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(lr=1e-3, milestones=(10, 15))
    )
    """SGD with momentum 0.9."""
    policy_optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(lr=1e-2, milestones=(10, 15))
    )
    """Adam."""
    execution: ExecutionConfig = field(default_factory=ExecutionConfig)
    quirks: QuirksConfig = field(default_factory=QuirksConfig)

    @property
    def seen(self) -> dict[str, str]:
        """Modality -> what a learned policy looks at to decide about it."""
        return {m: self.policy.proxies.get(m, m) for m in self.modalities}

    @property
    def inputs(self) -> tuple[str, ...]:
        """What is read of a video: the modalities, and what only the policy needs."""
        extra = POLICY_READS.get(self.policy.kind, tuple(self.seen.values()))
        return tuple(dict.fromkeys([*self.modalities, *extra]))

    def __post_init__(self) -> None:
        _check_modalities(self)
        require(
            all(n >= 0 for n in self.stages.values()),
            "stages must have no negative epochs",
            self.stages,
        )
        require(0 <= self.dropout < 1, "dropout must be in [0, 1)", self.dropout)
        require(
            self.fusion not in FEATURE_FUSIONS or not self.stages.get("policy_only"),
            "stages.policy_only must be 0 with a fusion of features, which has no segment logits",
            self.stages,
        )


def _check_modalities(config: Config) -> None:
    names = config.modalities
    require(
        len(names) > 0 and len(set(names)) == len(names) and set(names) <= set(MODALITIES),
        f"modalities must be some of {MODALITIES}, each once",
        names,
    )
    tables: dict[str, Mapping[str, object]] = {
        "recognition": config.recognition,
        "policy.backbones": config.policy.backbones,
        "loss.lambdas": config.loss.lambdas,
        "unimodal": config.unimodal,
    }
    for path, table in tables.items():
        missing = set(names) - set(table)
        require(not missing, f"{path} must cover every modality of {names}", sorted(table))
    wrong = {m: p for m, p in config.policy.proxies.items() if not {m, p} <= set(MODALITIES)}
    require(not wrong, f"policy.proxies must be between {MODALITIES}", wrong)
    motion = set(config.inputs) & set(MOTION)
    require(
        not motion or config.motion.step % config.rgb.stored_every == 0,
        "rgb.stored_every must divide motion.step where motion is read",
        (config.rgb.stored_every, config.motion.step),
    )
