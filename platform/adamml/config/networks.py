"""The networks of a trial."""

from dataclasses import dataclass, field

from adamml.config.require import require


@dataclass(frozen=True, kw_only=True, slots=True)
class BackboneConfig:
    name: str = "resnet50"
    """An entry of models.backbones.BACKBONES."""
    width: int = 16
    """Channels of conv3's first layer (doubled by each next one); other backbones ignore it."""
    multiplier: float = 1.0
    """Multiplied into the channels of mobilenet_v2; other backbones ignore it."""
    weights: str = ""
    """What the backbone starts from: "" for random numbers, "imagenet" for torchvision's weights,
    or a file of them (.safetensors or .pth) that every node reaches."""

    def __post_init__(self) -> None:
        require(self.width > 0, "width of a backbone must be positive", self.width)
        require(self.multiplier > 0, "multiplier of a backbone must be positive", self.multiplier)


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyConfig:
    kind: str = "gumbel"
    """An entry of models.policy.POLICIES: gumbel learns, always_on computes everything, random
    draws, oracle knows where the evidence is."""
    backbones: dict[str, BackboneConfig] = field(
        default_factory=lambda: {m: BackboneConfig(name="mobilenet_v2") for m in ("rgb", "audio")}
    )
    """By the modality that is decided about."""
    proxies: dict[str, str] = field(default_factory=dict)
    """Modality -> what the policy looks at instead, e.g. {"flow": "rgbdiff"}: flow is dear to make,
    so that a policy that looks at it has paid already."""
    rates: dict[str, float] = field(default_factory=dict)
    """Of the random policy: modality -> probability that a segment computes it; 0.5 where not
    given (the released code's)."""
    pixels: int = 160
    """Visual input is resized to this square."""
    frame_step: int = 2
    """The policy sees every n-th frame of a segment."""
    joint_width: int = 2048
    lstm_width: int = 256

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
    """The fusion of features by two hidden layers (paper.md 2)."""

    width: int = 2048
    dropout: float = 0.5
