"""The contract of every policy, and the learned one in particular."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from adamml.config import MODALITIES, Config, override
from adamml.models.policy import POLICIES, PolicyNetwork, build_policy
from adamml.models.shapes import policy_shape, segment_shape
from adamml.recipes import kinetics_sounds, tiny
from torch import Tensor


def _clips(config: Config, videos: int = 3, segments: int = 4) -> dict[str, Tensor]:
    torch.manual_seed(0)
    clips = {
        m: torch.randn(videos, segments, *segment_shape(config, m))
        for m in config.inputs
        if m in MODALITIES
    }
    decisions = (videos, segments, len(config.modalities))
    relevance = torch.randint(0, 2, decisions).float()
    return clips | {"draws": torch.rand(decisions), "relevance": relevance}


@pytest.mark.parametrize("temperature", [None, 1.0])
@pytest.mark.parametrize("kind", POLICIES)
def test_decisions_are_zeros_and_ones(kind: str, temperature: float | None) -> None:
    config = override(tiny(), {"policy.kind": kind})
    policy = build_policy(config).eval()
    decisions = policy(policy.view(_clips(config)), temperature=temperature)
    assert decisions.shape == (3, 4, 2)
    assert decisions.dtype == torch.float32
    assert ((decisions == 0) | (decisions == 1)).all()


@pytest.mark.parametrize("kind", POLICIES)
def test_without_temperature_decisions_repeat(kind: str) -> None:
    config = override(tiny(), {"policy.kind": kind})
    policy = build_policy(config).eval()
    view = policy.view(_clips(config))
    assert torch.equal(policy(view, temperature=None), policy(view, temperature=None))


def test_always_on_has_no_parameters_and_selects_everything() -> None:
    config = override(tiny(), {"policy.kind": "always_on"})
    policy = build_policy(config)
    assert list(policy.parameters()) == []
    assert policy(policy.view(_clips(config)), temperature=1.0).eq(1).all()


def test_view_has_the_published_shapes() -> None:
    config = kinetics_sounds()
    assert policy_shape(config, "rgb") == (4, 3, 160, 160)
    assert policy_shape(config, "audio") == (1, 1, 256, 256)
    small = replace(config, rgb=replace(config.rgb, crop=64))
    with torch.device("meta"):
        policy = build_policy(small)
    view = policy.view(_clips(small, videos=1, segments=2))
    for modality, clips in view.items():
        assert clips.shape == (1, 2, *policy_shape(config, modality))


def test_view_keeps_every_second_frame_and_the_sound() -> None:
    config = tiny()
    clips = _clips(config)
    view = build_policy(config).view(clips)
    frame = clips["rgb"][1, 2, 2][None]
    expected = F.interpolate(frame, size=(16, 16), mode="bilinear", align_corners=False)
    assert torch.allclose(view["rgb"][1, 2, 1], expected[0])
    assert view["audio"] is clips["audio"]


def _network(config: Config) -> PolicyNetwork:
    torch.manual_seed(0)
    return PolicyNetwork(config).eval()


@torch.no_grad()
def test_a_decision_sees_the_segments_before_it_and_none_after() -> None:
    config = tiny()
    policy, clips = _network(config), _clips(config)
    before = policy.logits(policy.view(clips))
    for modality in clips:
        clips[modality][:, 2] += 1
    after = policy.logits(policy.view(clips))
    assert torch.allclose(before[:, :2], after[:, :2], atol=1e-6)
    assert not torch.allclose(before[:, 3], after[:, 3], atol=1e-6)


@torch.no_grad()
def test_videos_of_a_batch_do_not_mix() -> None:
    config = tiny()
    policy, clips = _network(config), _clips(config)
    alone = {m: tensor[1:2] for m, tensor in clips.items()}
    whole = policy.logits(policy.view(clips))
    assert torch.allclose(whole[1:2], policy.logits(policy.view(alone)), atol=1e-5)


def test_every_parameter_gets_a_gradient_through_the_sample() -> None:
    config = tiny()
    policy = PolicyNetwork(config)
    decisions = policy(policy.view(_clips(config)), temperature=1.0)
    (decisions * torch.randn_like(decisions)).sum().backward()
    for name, parameter in policy.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_an_unknown_kind_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown policy 'oracel'; choose from always_on, gumbel"):
        build_policy(override(tiny(), {"policy.kind": "oracel"}))


@torch.no_grad()
def test_a_bias_of_zero_changes_nothing() -> None:
    config = tiny()
    policy, view = _with_mixed_decisions(config), build_policy(config).view(_clips(config))
    plain = policy(view, temperature=None)
    assert 0 < plain.mean() < 1
    zeros = policy(view, temperature=None, decision_bias={"rgb": 0.0, "audio": 0.0})
    assert torch.equal(plain, zeros)


@pytest.mark.parametrize(("bias", "share"), [(1e6, 1), (-1e6, 0)])
@torch.no_grad()
def test_a_large_bias_computes_everything_or_nothing(bias: float, share: float) -> None:
    config = tiny()
    policy, view = _with_mixed_decisions(config), build_policy(config).view(_clips(config))
    decisions = policy(view, temperature=None, decision_bias=dict.fromkeys(config.modalities, bias))
    assert decisions.eq(share).all()
    sampled = policy(view, temperature=5.0, decision_bias=dict.fromkeys(config.modalities, bias))
    assert sampled.eq(share).all()


@torch.no_grad()
def test_a_bias_does_not_enter_the_recurrence() -> None:
    """A bias moves its own modality's decisions only, by a threshold of the raw logits."""
    config, bias = tiny(), 4.0
    policy, view = (
        _with_mixed_decisions(config),
        build_policy(config).view(_clips(config, videos=8)),
    )
    raw = policy.logits(view)
    margins = raw[..., 1] - raw[..., 0]
    moved = policy(view, temperature=None, decision_bias={"rgb": bias})
    expected = (margins + torch.tensor([bias, 0.0]) > 0).float()
    assert torch.equal(moved, expected)
    assert not torch.equal(moved, policy(view, temperature=None))
    policy.heads["rgb"].bias[1] += bias  # this is how it would be, if it did
    fed_back = policy.logits(view)
    assert not torch.allclose(fed_back[..., 1, :], raw[..., 1, :], atol=1e-3)


def test_a_bias_for_another_modality_is_refused() -> None:
    config = tiny()
    policy, view = PolicyNetwork(config), build_policy(config).view(_clips(config))
    with pytest.raises(ValueError, match="decision_bias must name modalities of rgb, audio, got f"):
        policy(view, temperature=None, decision_bias={"flow": 1.0})
    for value in (math.nan, math.inf):
        with pytest.raises(ValueError, match="decision_bias must be finite"):
            policy(view, temperature=None, decision_bias={"rgb": value})


@pytest.mark.parametrize("kind", sorted(set(POLICIES) - {"gumbel"}))
def test_a_policy_without_logits_takes_no_bias(kind: str) -> None:
    config = override(tiny(), {"policy.kind": kind})
    policy = build_policy(config)
    with pytest.raises(ValueError, match=r"needs a policy that has logits \(policy.kind gumbel\)"):
        policy(policy.view(_clips(config)), temperature=None, decision_bias={"rgb": 1.0})


def _with_mixed_decisions(config: Config) -> PolicyNetwork:
    """Return a policy with decisions of both kinds that depend on the segments before."""
    policy = _network(config)
    with torch.no_grad():
        for head in policy.heads.values():
            head.bias.zero_()
            head.weight *= 20
    return policy
