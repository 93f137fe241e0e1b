"""A complete, immutable description of one trial, and the dotted paths that change it.

Read `Config` below first, then the parts it is made of: inputs (what is read of a video), networks
(backbones, policy, fusion) and training (loss, optimisers, quirks). overrides flattens a config to
dotted paths, replaces leaves by them and names a config by its content; require is the check that
all of them use. Every field has its meaning, unit and source below it. recipes/ has the functions
that make configs.
"""

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
"""Kind of policy -> the entries of a dataset item that it reads. A kind that is not listed reads
clips, those of `Config.policy_inputs`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """Everything that a trial's numbers depend on, apart from the videos.

    "Published" marks the setting of AdaMML's released code (docs/paper.md 1.3).
    """

    recipe: str
    """Name of the recipe that made this config, an entry of recipes.RECIPES."""
    seed: int = 0
    """Seed of initial weights, clips, batches and sampled decisions."""
    modalities: tuple[str, ...] = ("rgb", "audio")
    """Modalities to choose among, some of MODALITIES. Their order is the axis M of decisions and
    segment logits. Published: rgb + audio, rgb + flow, rgb + audio + flow."""
    data: DataConfig
    """Dataset: classes, segments per video, batches."""
    rgb: RgbConfig = field(default_factory=RgbConfig)
    """Frames of every visual modality: how many, how far apart, how large."""
    motion: MotionConfig = field(default_factory=MotionConfig)
    """Optical flow and frame differences."""
    audio: AudioConfig = field(default_factory=AudioConfig)
    """Spectrograms."""
    recognition: dict[str, BackboneConfig] = field(
        default_factory=lambda: {
            "rgb": BackboneConfig(),
            "audio": BackboneConfig(name="mobilenet_v2"),
        }
    )
    """Modality -> the backbone of its recognition network. Published: ResNet-50 for visual
    modalities, MobileNetV2 for audio."""
    dropout: float = 0.5
    """Probability in [0, 1) that a feature is set to 0 before a recognition network's classifier,
    in training. Published: 0.5."""
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    """Policy: its kind, its networks and what they look at."""
    gumbel: GumbelConfig = field(default_factory=GumbelConfig)
    """Temperature of sampled decisions."""
    fusion: str = "weighted"
    """Fusion of the modalities' logits or features, an entry of models.fusion.FUSIONS. Published:
    weighted."""
    fc2: Fc2Config = field(default_factory=Fc2Config)
    """Layers of the fusion fc2."""
    loss: LossConfig = field(default_factory=LossConfig)
    """Loss that trains the policy."""
    unimodal: dict[str, UnimodalConfig] = field(
        default_factory=lambda: {m: UnimodalConfig() for m in ("rgb", "audio")}
    )
    """Modality -> how its recognition network is trained alone, before the stages."""
    stages: dict[str, int] = field(
        default_factory=lambda: {"warm_up": 5, "alternating": 20, "fine_tuning": 10}
    )
    """Stage -> its number of epochs, in the order they run; entries of
    methods.adamml.passes.PASSES. Published: 5, 20 and 10."""
    recognition_optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(lr=1e-3, milestones=(10, 15))
    )
    """SGD with momentum 0.9, for recognition networks and fusion in the stages. Published: these
    values."""
    policy_optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(lr=1e-2, milestones=(10, 15))
    )
    """Adam, for the policy. Published: these values."""
    execution: ExecutionConfig = field(default_factory=ExecutionConfig)
    """Precision and determinism."""
    quirks: QuirksConfig = field(default_factory=QuirksConfig)
    """Quirks of the released code that are followed; none by default."""

    @property
    def policy_inputs(self) -> dict[str, str]:
        """Modality -> the modality that a learned policy looks at to decide about it.

        They differ where policy.proxies names a proxy.
        """
        return {m: self.policy.proxies.get(m, m) for m in self.modalities}

    @property
    def inputs(self) -> tuple[str, ...]:
        """Entries of a dataset item: the modalities first, then what only the policy needs."""
        extra = POLICY_READS.get(self.policy.kind, tuple(self.policy_inputs.values()))
        return tuple(dict.fromkeys([*self.modalities, *extra]))

    def __post_init__(self) -> None:
        _check_modalities(self)
        require(
            all(n >= 0 for n in self.stages.values()),
            "stages must have no negative epochs",
            self.stages,
        )
        require(0 <= self.dropout < 1, "dropout must be in [0, 1)", self.dropout)
        # The policy-only stage trains on segment logits that were computed once.
        require(
            self.fusion not in FEATURE_FUSIONS or not self.stages.get("policy_only"),
            "stages.policy_only must be 0 with a fusion of features, which has no segment logits",
            self.stages,
        )


def _check_modalities(config: Config) -> None:
    """Raise ValueError where modalities are wrong or an entry for one of them is missing."""
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
    # Both frames of a difference or flow must be in the decoded cache, which keeps every n-th.
    motion = set(config.inputs) & set(MOTION)
    require(
        not motion or config.motion.step % config.rgb.stored_every == 0,
        "rgb.stored_every must divide motion.step where motion is read",
        (config.rgb.stored_every, config.motion.step),
    )
