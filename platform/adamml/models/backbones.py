"""Backbones: networks that turn the frames of a segment into one vector.

Each maps [B, F, C, H, W], B segments, to [B, D] and has D as its attribute `features`. Between its
stages it takes the maximum over neighbouring frames (temporal.py): each stage sees half as many
frames as the one before, and motion leaves a trace. The frames left at the end are averaged.

All but conv3 and resnet10 are torchvision's networks without their classifiers. Their parameters
keep torchvision's names, except that its `features` are `blocks` here. weights.py loads trained
weights into them.

torchvision is imported where one of its networks is built: the import takes as long as torch's.
"""

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from adamml.config import BackboneConfig
from adamml.models.temporal import pooled_features, temporal_max_pool
from adamml.tables import lookup

if TYPE_CHECKING:
    from torchvision.models import EfficientNet, MobileNetV2, MobileNetV3, ResNet


class Backbone(nn.Module):
    """Base class of all backbones: a sequence of stages with temporal pooling between them."""

    features: int
    """Length D of the vector that it returns."""

    def stages(self) -> list[list[nn.Module]]:
        """Return the modules in the order they run, grouped by the number of frames they see."""
        raise NotImplementedError

    def forward(self, clips: Tensor) -> Tensor:
        """Turn segments [B, F, C, H, W] into features [B, D]. F may be odd or 1."""
        # Frame by frame, [F * B, C, H, W], as temporal.py wants it.
        num_frames, maps = clips.shape[1], clips.transpose(0, 1).flatten(0, 1)
        for number, stage in enumerate(self.stages()):
            if number > 0:
                maps, num_frames = temporal_max_pool(maps, num_frames)
            for module in stage:
                maps = module(maps)
        return pooled_features(maps, num_frames)


class Conv3(Backbone):
    """Three 3 x 3 convolutions with stride 2 and w, 2w and 4w channels; frames pooled between."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.features = 4 * width
        widths = (channels, width, 2 * width, 4 * width)
        self.layers = nn.ModuleList(itertools.starmap(self._layer, itertools.pairwise(widths)))

    @staticmethod
    def _layer(before: int, after: int) -> nn.Sequential:
        convolution = nn.Conv2d(before, after, kernel_size=3, stride=2, padding=1, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU(inplace=True))

    def stages(self) -> list[list[nn.Module]]:
        return [[layer] for layer in self.layers]


class TemporalResNet(Backbone):
    """A torchvision ResNet with temporal max-pooling before layers 2, 3 and 4.

    Its multiply-accumulates are the released code's constants (docs/paper.md 1.2).
    """

    def __init__(self, net: "ResNet", channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, kernel_size=7, stride=2, padding=3, bias=False)
        nn.init.kaiming_normal_(self.conv1.weight, mode="fan_out", nonlinearity="relu")
        self.bn1, self.relu, self.maxpool = net.bn1, net.relu, net.maxpool
        self.layer1, self.layer2 = net.layer1, net.layer2
        self.layer3, self.layer4 = net.layer3, net.layer4
        self.features = net.fc.in_features

    def stages(self) -> list[list[nn.Module]]:
        # ReLU after max-pooling gives the same numbers as before it (both are monotone), and there
        # are a quarter of the places left to compute it at.
        stem = [self.conv1, self.bn1, self.maxpool, self.relu, self.layer1]
        return [stem, [self.layer2], [self.layer3], [self.layer4]]


class TemporalMobileNet(Backbone):
    """A MobileNet or EfficientNet of torchvision, frames pooled before two of its blocks.

    Those two are the first blocks of the stages with stride 16 and 32, as in the released code's
    MobileNetV2 (its stages of 64 and 160 channels, docs/paper.md 1.2). In torchvision's `features`
    they are blocks 7 and 14 of mobilenet_v2, 4 and 9 of mobilenet_v3_small (40 and 96 channels),
    and 4 and 6 of every efficientnet (80 and 192 channels in b0).

    In training an EfficientNet skips blocks at random, for each frame anew (torchvision's
    stochastic depth).
    """

    def __init__(
        self,
        net: "MobileNetV2 | MobileNetV3 | EfficientNet",
        channels: int,
        pools_before: tuple[int, int],
    ) -> None:
        super().__init__()
        self.pools_before = pools_before
        self.blocks = blocks = net.features
        first = blocks[0][0]
        blocks[0][0] = nn.Conv2d(channels, first.out_channels, 3, stride=2, padding=1, bias=False)
        nn.init.kaiming_normal_(blocks[0][0].weight, mode="fan_out")
        self.features = blocks[-1][0].out_channels

    def stages(self) -> list[list[nn.Module]]:
        blocks, (first, second) = list(self.blocks), self.pools_before
        return [blocks[:first], blocks[first:second], blocks[second:]]


Build = Callable[[BackboneConfig, int], Backbone]
"""Type of an entry of BACKBONES: (config, channels of a frame) -> backbone with fresh weights."""


def _resnet(block: str, layers: list[int]) -> Build:
    """Return the builder of a ResNet with this kind of block and so many blocks per layer."""

    def build(config: BackboneConfig, channels: int) -> Backbone:
        from torchvision.models import resnet

        return TemporalResNet(resnet.ResNet(getattr(resnet, block), layers), channels)

    return build


def _mobile(
    name: str,
    pools_before: tuple[int, int],
    options: Callable[[BackboneConfig], dict[str, Any]] = lambda config: {},
) -> Build:
    """Return the builder of a torchvision network that TemporalMobileNet wraps.

    Args:
        name: its name in torchvision.
        pools_before: the two blocks before which frames are pooled.
        options: what torchvision's function takes besides, from the backbone's config.
    """

    def build(config: BackboneConfig, channels: int) -> Backbone:
        from torchvision.models import get_model

        net = get_model(name, weights=None, **options(config))
        return TemporalMobileNet(net, channels, pools_before)

    return build


BACKBONES: dict[str, Build] = {
    "conv3": lambda config, channels: Conv3(channels, config.width),
    "resnet10": _resnet("BasicBlock", [1, 1, 1, 1]),
    "resnet18": _resnet("BasicBlock", [2, 2, 2, 2]),
    "resnet34": _resnet("BasicBlock", [3, 4, 6, 3]),
    "resnet50": _resnet("Bottleneck", [3, 4, 6, 3]),
    "resnet101": _resnet("Bottleneck", [3, 4, 23, 3]),
    "mobilenet_v2": _mobile(
        "mobilenet_v2", (7, 14), options=lambda config: {"width_mult": config.multiplier}
    ),
    "mobilenet_v3_small": _mobile("mobilenet_v3_small", pools_before=(4, 9)),
    "efficientnet_b0": _mobile("efficientnet_b0", pools_before=(4, 6)),
    "efficientnet_b1": _mobile("efficientnet_b1", pools_before=(4, 6)),
    "efficientnet_b2": _mobile("efficientnet_b2", pools_before=(4, 6)),
    "efficientnet_b3": _mobile("efficientnet_b3", pools_before=(4, 6)),
}
"""Name -> the function that builds the backbone."""


def build_backbone(config: BackboneConfig, channels: int) -> Backbone:
    """Build a backbone with fresh weights; config.weights is ignored (models/weights loads them).

    Args:
        config: the backbone's.
        channels: channels C of a frame (models.shapes.channels).

    Raises:
        ValueError: config.name is not in BACKBONES.
    """
    return lookup(BACKBONES, config.name, what="backbone")(config, channels)
