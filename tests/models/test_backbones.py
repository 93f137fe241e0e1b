"""The contract of every backbone."""

import pytest
import torch
from adamml.config import BackboneConfig
from adamml.models.backbones import BACKBONES, build_backbone


def _build(name: str, channels: int = 3):
    torch.manual_seed(0)
    return build_backbone(BackboneConfig(name=name, width=4), channels)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("frames", [1, 3, 4])
@pytest.mark.parametrize("name", BACKBONES)
def test_one_vector_per_segment(name: str, frames: int, channels: int) -> None:
    backbone = _build(name, channels).eval()
    with torch.no_grad():
        features = backbone(torch.randn(2, frames, channels, 32, 32))
    assert features.shape == (2, backbone.features)
    assert features.isfinite().all()


@pytest.mark.parametrize("name", BACKBONES)
def test_every_parameter_gets_a_finite_gradient(name: str) -> None:
    backbone = _build(name)
    backbone(torch.randn(2, 4, 3, 32, 32)).square().sum().backward()
    for key, parameter in backbone.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key


@pytest.mark.parametrize("name", BACKBONES)
def test_segments_of_a_batch_do_not_mix(name: str) -> None:
    backbone = _build(name).eval()
    clips = torch.randn(3, 4, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(backbone(clips)[1:2], backbone(clips[1:2]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", BACKBONES)
def test_the_direction_of_time_is_seen(name: str) -> None:
    backbone = _build(name).eval()
    clips = torch.randn(2, 4, 3, 32, 32)
    with torch.no_grad():
        forwards, backwards = backbone(clips), backbone(clips.flip(1))
    assert not torch.allclose(forwards, backwards, rtol=1e-3, atol=0)


def test_width_is_conv3s() -> None:
    assert build_backbone(BackboneConfig(name="conv3", width=12), 3).features == 48


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown backbone 'resnet19'; choose from conv3, mobile"):
        build_backbone(BackboneConfig(name="resnet19"), 3)


@pytest.mark.gpu
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("name", BACKBONES)
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
    backbone.zero_grad()
    backbone(clips).square().sum().backward()
    return [parameter.grad.clone() for parameter in backbone.parameters()]
