"""Configs of a trial's networks: backbones, policy and fusion.

"Published" marks the setting of AdaMML's released code (docs/paper.md 1.3, "Policy" and
"Recognition and fusion").
"""

from dataclasses import dataclass, field

from adamml.config.require import require


@dataclass(frozen=True, kw_only=True, slots=True)
class BackboneConfig:
    """One backbone: its architecture, its size and the weights it starts from."""

    name: str = "resnet50"
    """Architecture, an entry of models.backbones.BACKBONES. Published: resnet50 for visual
    modalities, mobilenet_v2 for audio and for the policy."""
    width: int = 16
    """Channels of conv3's first layer; each next layer has twice as many. Other backbones ignore
    it. conv3 is this platform's own."""
    multiplier: float = 1.0
    """Factor on the channels of mobilenet_v2; other backbones ignore it. Published: 1."""
    weights: str = ""
    """Weights to start from: "" for random numbers, "imagenet" for torchvision's, or the path of a
    .safetensors or .pth file that every node can read. Published: ImageNet's; the recipes start
    from random numbers unless they are overridden (docs/paper.md 1.3, quirk 14)."""

    def __post_init__(self) -> None:
        require(self.width > 0, "width of a backbone must be positive", self.width)
        require(self.multiplier > 0, "multiplier of a backbone must be positive", self.multiplier)


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyConfig:
    """The policy: which kind decides, what it looks at and how large its networks are."""

    kind: str = "gumbel"
    """Kind of policy, an entry of models.policy.POLICIES: gumbel learns, always_on computes
    everything, random draws at given rates, oracle knows where the evidence is. Published: gumbel,
    and random for comparison."""
    backbones: dict[str, BackboneConfig] = field(
        default_factory=lambda: {m: BackboneConfig(name="mobilenet_v2") for m in ("rgb", "audio")}
    )
    """Modality that is decided about -> the backbone that looks at it, or at its proxy."""
    proxies: dict[str, str] = field(default_factory=dict)
    """Modality -> the modality that the policy looks at in its place, e.g. {"flow": "rgbdiff"}. A
    policy that looks at flow has already paid for computing it. Published: both forms, as
    AdaMML-Flow and AdaMML-RGBDiff (docs/paper.md 1.1)."""
    rates: dict[str, float] = field(default_factory=dict)
    """Modality -> probability that the random policy computes a segment; 0.5 where none is given.
    Other policies ignore it. Published: 0.5 (docs/paper.md 1.3, quirk 7)."""
    pixels: int = 160
    """Height and width in pixels that visual input is resized to. Published: 160."""
    frame_step: int = 2
    """Every n-th frame of a segment is seen. Published: 2, so 4 of 8 frames."""
    joint_width: int = 2048
    """Width of both hidden layers over the concatenated features. Published: 2048."""
    lstm_width: int = 256
    """Width of the LSTM's state. Published: 256."""

    def __post_init__(self) -> None:
        require(
            all(0 <= rate <= 1 for rate in self.rates.values()),
            "policy.rates must be in [0, 1]",
            self.rates,
        )
        require(self.pixels > 0, "policy.pixels must be positive", self.pixels)
        require(self.frame_step > 0, "policy.frame_step must be positive", self.frame_step)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fc2Config:
    """The fusion of features by two hidden layers (docs/paper.md 2); other fusions ignore it."""

    width: int = 2048
    """Width of both hidden layers. Published: 2048."""
    dropout: float = 0.5
    """Probability that a value before the classifier is set to 0 in training. The layer is
    published, its rate is this platform's choice."""
