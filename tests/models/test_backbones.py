"""The contract of every backbone, and what the published ones cost."""

from functools import cache

import pytest
import torch
from adamml.config import BackboneConfig
from adamml.cost.flops import count_macs
from adamml.models.backbones import BACKBONES, Backbone, build_backbone
from adamml.models.weights import IMAGENET_BACKBONES
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import get_model, get_model_weights

LARGE = ("resnet34", "resnet101", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3")
"""Names of backbones that the code of smaller ones builds too."""
NAMES = [pytest.param(n, marks=pytest.mark.slow) if n in LARGE else n for n in BACKBONES]


def _build(name: str, channels: int = 3) -> Backbone:
    torch.manual_seed(0)
    return build_backbone(BackboneConfig(name=name, width=4), channels)


@cache
def _untrained(name: str, channels: int = 3) -> Backbone:
    """Return a backbone in eval mode, made once as nothing changes it."""
    return _build(name, channels).eval()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("frames", [1, 3, 4])
@pytest.mark.parametrize("name", NAMES)
def test_one_vector_per_segment(name: str, frames: int, channels: int) -> None:
    backbone = _untrained(name, channels)
    with torch.no_grad():
        features = backbone(torch.randn(2, frames, channels, 32, 32))
    assert features.shape == (2, backbone.features)
    assert features.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_gets_a_finite_gradient(name: str) -> None:
    backbone = _build(name)
    backbone(torch.randn(2, 4, 3, 32, 32)).square().sum().backward()
    for key, parameter in backbone.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key


@pytest.mark.parametrize("name", NAMES)
def test_segments_of_a_batch_do_not_mix(name: str) -> None:
    backbone = _untrained(name)
    clips = torch.randn(3, 4, 3, 32, 32)
    with torch.no_grad():
        among, alone = backbone(clips)[1], backbone(clips[1:2])[0]
    assert (among - alone).abs().max() < 1e-4 * alone.abs().max()


@pytest.mark.parametrize("name", NAMES)
def test_the_direction_of_time_is_seen(name: str) -> None:
    backbone = _untrained(name)
    clips = torch.randn(2, 4, 3, 32, 32)
    with torch.no_grad():
        forwards, backwards = backbone(clips), backbone(clips.flip(1))
    assert not torch.allclose(forwards, backwards, rtol=1e-3, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_any_size_will_do(name: str) -> None:
    backbone = _untrained(name)
    with torch.no_grad():
        for height, width in ((1, 1), (17, 40)):
            features = backbone(torch.randn(1, 5, 3, height, width))
            assert features.shape == (1, backbone.features)
            assert features.isfinite().all()


@pytest.mark.parametrize("name", NAMES[1:])  # conv3 pools before strides 4 and 8
def test_frames_are_halved_where_the_last_two_strides_are(name: str) -> None:
    """ResNets halve them before stride 8 too: 8 -> 4 -> 2 -> 1."""
    backbone, maps, strides = _untrained(name), torch.zeros(1, 3, 64, 64), []
    with torch.no_grad():
        for number, stage in enumerate(backbone.stages()):
            if number > 0:
                strides.append(64 // nn.Sequential(*stage[:1])(maps).shape[-1])
            maps = nn.Sequential(*stage)(maps)
    assert strides == ([8, 16, 32] if name.startswith("resnet") else [16, 32])
    assert maps.shape[1] == backbone.features


def test_width_is_conv3s() -> None:
    assert build_backbone(BackboneConfig(name="conv3", width=12), 3).features == 48


@pytest.mark.parametrize(("multiplier", "features"), [(0.25, 1280), (1.4, 1792)])
def test_the_multiplier_is_mobilenet_v2s(multiplier: float, features: int) -> None:
    with torch.device("meta"):
        config = BackboneConfig(name="mobilenet_v2", multiplier=multiplier)
        backbone = build_backbone(config, 3)
        ours = count_macs(backbone, torch.empty(1, 1, 3, 224, 224))
        net = get_model("mobilenet_v2", width_mult=multiplier, weights=None)
        theirs, classifier = _macs(net, 224)
    assert backbone.features == features
    assert ours == theirs - classifier


@pytest.mark.parametrize("name", IMAGENET_BACKBONES)
def test_a_frame_costs_what_torchvisions_network_does(name: str) -> None:
    """With its classifier that is the published GMACs at the size it was trained for."""
    weights = get_model_weights(name)["IMAGENET1K_V1"]
    pixels = weights.transforms().crop_size[0]
    with torch.device("meta"):
        theirs, classifier = _macs(get_model(name, weights=None), pixels)
        ours = count_macs(_build(name), torch.empty(1, 1, 3, pixels, pixels))
    assert ours == theirs - classifier
    assert theirs / 1e9 == pytest.approx(weights.meta["_ops"], abs=6e-4)


def _macs(net: nn.Module, pixels: int) -> tuple[int, int]:
    """Count a torchvision network, and its classifier, for one image."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net.eval()(torch.empty(1, 3, pixels, pixels))
    counts = counter.get_flop_counts()
    classifier = f"{type(net).__name__}.{'fc' if hasattr(net, 'fc') else 'classifier'}"
    return counter.get_total_flops() // 2, sum(counts[classifier].values()) // 2


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match=r"unknown backbone 'resnet19'; choose from conv3, efficientnet_b0,"
    ):
        build_backbone(BackboneConfig(name="resnet19"), 3)


@pytest.mark.parametrize(("field", "value"), [("multiplier", 0.0), ("width", -1)])
def test_sizes_are_positive(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{field} of a backbone must be positive, got {value}"):
        BackboneConfig(**{field: value})


@pytest.mark.gpu
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_backward_is_deterministic_on_cuda(
    name: str, channels_last: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    layout = torch.channels_last if channels_last else torch.contiguous_format
    backbone = _build(name).cuda().to(memory_format=layout)
    clips = torch.randn(8, 4, 3, 64, 64, device="cuda")
    torch.use_deterministic_algorithms(True)
    try:
        first, second = (_gradients(backbone, clips) for _ in range(2))
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def _gradients(backbone, clips) -> list[torch.Tensor]:
    torch.manual_seed(0)  # efficientnets drop blocks at random
    backbone.zero_grad()
    backbone(clips).square().sum().backward()
    return [parameter.grad.clone() for parameter in backbone.parameters()]
