"""Masked training and routed inference are the same model, and routing skips work."""

import copy

import pytest
import torch
from adamml.config import override
from adamml.cost.flops import count_costs
from adamml.models.adamml import AdaMML, build_adamml
from adamml.models.fusion import FUSIONS
from adamml.models.policy import POLICIES
from adamml.models.shapes import segment_shape
from adamml.recipes import tiny
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

N, S, M, K = 4, 3, 2, 8


@pytest.fixture
def clips() -> dict[str, Tensor]:
    torch.manual_seed(0)
    config = tiny()
    clips = {m: torch.randn(N, S, *segment_shape(config, m)) for m in config.modalities}
    relevance = torch.randint(0, 2, (N, S, M)).float()
    return clips | {"draws": torch.rand(N, S, M), "relevance": relevance}


def _model(changes: dict[str, object] | None = None) -> AdaMML:
    """Build a model whose policy decides both ways: its heads are scaled up."""
    torch.manual_seed(1)
    changes = {"fc2.width": 8, "stages.policy_only": 0} | (changes or {})
    model = build_adamml(override(tiny(), changes), K)
    if hasattr(model.policy, "heads"):
        with torch.no_grad():
            for head in model.policy.heads.values():
                head.bias.zero_()
                head.weight *= 20
    return model


@pytest.fixture
def decisions() -> Tensor:
    torch.manual_seed(2)
    return torch.randint(0, 2, (N, S, M)).float()


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("kind", POLICIES)
def test_routed_equals_masked_in_eval_mode(clips, kind: str, fusion: str) -> None:
    model = _model({"policy.kind": kind, "fusion": fusion}).eval()
    with torch.no_grad():
        masked = model(clips, temperature=1.0)
    routed = model.infer(clips)
    assert torch.equal(masked.decisions, routed.decisions)
    assert torch.allclose(masked.logits, routed.logits, atol=1e-5)
    if model.fusion.from_features:
        return
    selected = routed.decisions[..., None] > 0
    assert torch.allclose(
        torch.where(selected, masked.segment_logits, 0), routed.segment_logits, atol=1e-5
    )


def test_outputs_have_the_shapes_of_the_glossary(clips) -> None:
    output = _model()(clips, temperature=5.0)
    assert output.logits.shape == (N, K)
    assert output.decisions.shape == (N, S, M)
    assert output.segment_logits.shape == (N, S, M, K)


def test_skipped_work_is_really_skipped(clips, decisions) -> None:
    model, costs = _model().eval(), count_costs(tiny(), K)
    with FlopCounterMode(display=False) as counter:
        model.infer(clips, decisions)
    # given decisions leave the policy out
    expected = costs.gflops(decisions).sum() * 1e9 - N * S * costs.segment_fixed
    assert counter.get_total_flops() / 2 == pytest.approx(float(expected))


def test_cost_of_inference_is_the_cost_of_its_decisions(clips) -> None:
    model, costs = _model().eval(), count_costs(tiny(), K)
    with FlopCounterMode(display=False) as counter:
        output = model.infer(clips)
    assert 0 < output.decisions.mean() < 1
    billed = float(costs.gflops(output.decisions).sum() * 1e9)
    assert counter.get_total_flops() / 2 == pytest.approx(billed)


def test_a_modality_that_no_segment_selects_is_not_called(clips) -> None:
    model, called = _model().eval(), []
    for modality, net in model.recognition.items():
        net.register_forward_hook(lambda *_, modality=modality: called.append(modality))
    only_audio = torch.tensor([0.0, 1.0]).expand(N, S, M)
    model.infer(clips, only_audio)
    assert called == ["audio"]


def test_nothing_selected_gives_zero_logits(clips) -> None:
    assert _model().eval().infer(clips, torch.zeros(N, S, M)).logits.eq(0).all()


def test_all_ones_equal_plain_fusion(clips) -> None:
    model = _model({"fusion": "average"}).eval()
    output = model.infer(clips, torch.ones(N, S, M))
    assert torch.allclose(output.logits, output.segment_logits.mean(dim=(1, 2)), atol=1e-6)


def test_a_skipped_modality_gets_no_gradient(clips) -> None:
    model = _model()
    model.policy.forward = lambda view, *, temperature: torch.tensor([0.0, 1.0]).expand(N, S, M)
    model(clips, temperature=1.0).logits.sum().backward()
    skipped, used = (model.recognition[m].classifier.weight.grad for m in ("rgb", "audio"))
    assert skipped.eq(0).all()
    assert used.ne(0).any()


def test_training_reaches_every_parameter(clips) -> None:
    model = _model()
    model(clips, temperature=1.0).logits.square().sum().backward()
    missing = [name for name, p in model.named_parameters() if p.grad is None]
    assert missing == []


def test_training_samples_and_eval_does_not(clips) -> None:
    model = build_adamml(tiny(), K)
    model.policy.eval()
    with torch.no_grad():
        samples = [model(clips, temperature=5.0).decisions for _ in range(4)]
        assert any(not torch.equal(samples[0], other) for other in samples[1:])
        model.eval()
        first, second = (model(clips, temperature=5.0).decisions for _ in range(2))
    assert torch.equal(first, second)


def test_cached_logits_and_views_give_the_same_as_running_everything(clips) -> None:
    model = _model().eval()
    with torch.no_grad():
        whole = model(clips, temperature=1.0)
        view = {m: tensor.clone() for m, tensor in model.policy_clips(clips).items()}
        cached = model.forward_from_logits(view, whole.segment_logits, temperature=1.0)
    assert torch.equal(whole.logits, cached.logits)
    assert torch.equal(whole.decisions, cached.decisions)


def test_policy_only_leaves_the_recognition_networks_alone(clips) -> None:
    model = _model()
    before = copy.deepcopy(model.recognition.state_dict())
    logits = torch.randn(N, S, M, K)
    output = model.forward_from_logits(model.policy_clips(clips), logits, temperature=1.0)
    output.logits.square().sum().backward()
    assert all(p.grad is None for p in model.recognition.parameters())
    assert all(p.grad is not None for p in model.policy.parameters())
    after = model.recognition.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_inference_in_training_mode_is_a_bug(clips) -> None:
    with pytest.raises(AssertionError, match="eval mode"):
        _model().infer(clips)


def test_same_seed_same_weights() -> None:
    first, second = _model().state_dict(), _model().state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_bias_routes_as_the_policy_then_decides(clips) -> None:
    model = _model().eval()
    view = model.policy_clips(clips)
    with torch.no_grad():
        margins = model.policy.logits(view).diff(dim=-1).flatten(0, 1).squeeze(-1)
        bias = dict(zip(model.networks, (-margins.median(dim=0).values).tolist(), strict=True))
        decisions = model.policy(view, temperature=None, decision_bias=bias)
    plain, moved = model.infer(clips), model.infer(clips, decision_bias=bias)
    assert torch.equal(moved.decisions, decisions)
    assert not torch.equal(moved.decisions, plain.decisions)
    assert torch.equal(moved.logits, model.infer(clips, decisions).logits)
    assert torch.equal(model.infer(clips, decision_bias={"rgb": 0.0}).logits, plain.logits)
