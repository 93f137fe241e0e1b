import json
from pathlib import Path

import pytest
import torch
from adamml.config import LossConfig
from adamml.objectives.losses import policy_loss, recognition_loss, total

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/rgb_audio_resnet18.json").read_text())


def loss_config(correctness: str, gamma: float = 10.0) -> LossConfig:
    return LossConfig(
        lambdas={"rgb": 1.0, "audio": 0.05},
        gamma=gamma,
        correctness=correctness,  # type: ignore[arg-type]
    )


def sample() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 4, generator=generator, requires_grad=True)
    decisions = (torch.rand(6, 3, 2, generator=generator) > 0.5).float().requires_grad_()
    return logits, decisions, torch.arange(6) % 4


def test_equals_the_reference() -> None:
    expected = GOLDEN["loss"]
    lambdas = dict(zip(("rgb", "audio"), expected["lambdas"], strict=True))
    config = LossConfig(lambdas=lambdas, gamma=expected["gamma"], correctness="argmax")
    logits = torch.tensor(GOLDEN["expected"]["video_logits"]) / 20
    parts = policy_loss(
        logits,
        torch.tensor(GOLDEN["decisions"]),
        torch.tensor(GOLDEN["targets"]),
        ("rgb", "audio"),
        config,
    )
    for name in ("cross_entropy", "usage", "wrong"):
        assert float(parts[name]) == pytest.approx(expected[name], rel=1e-5)


def test_published_gamma_has_no_gradient() -> None:
    logits, decisions, labels = sample()
    parts = policy_loss(logits, decisions, labels, ("rgb", "audio"), loss_config("argmax"))
    assert float(parts["wrong"]) > 0
    assert not parts["wrong"].requires_grad


def test_probability_makes_gamma_act() -> None:
    logits, decisions, labels = sample()
    parts = policy_loss(logits, decisions, labels, ("rgb", "audio"), loss_config("probability"))
    (gradient,) = torch.autograd.grad(parts["wrong"], logits)
    assert (gradient.gather(1, labels[:, None]) < 0).all(), "being right is rewarded"


def test_the_total_is_the_sum_of_the_terms_in_their_order() -> None:
    logits, decisions, labels = sample()
    terms = policy_loss(logits, decisions, labels, ("rgb", "audio"), loss_config("probability"))
    assert list(terms)[:3] == ["cross_entropy", "usage", "wrong"]
    first, *others = terms.values()
    assert torch.equal(total(terms), sum(others, first))
    more = terms | {"toy": torch.tensor(0.5)}
    assert torch.equal(total(more), total(terms) + 0.5)


@pytest.mark.parametrize("correctness", ["argmax", "probability"])
def test_usage_never_punishes_being_right(correctness: str) -> None:
    logits, decisions, labels = sample()
    parts = policy_loss(logits, decisions, labels, ("rgb", "audio"), loss_config(correctness))
    on_logits, on_decisions = torch.autograd.grad(
        parts["usage"], (logits, decisions), allow_unused=True
    )
    assert on_logits is None
    assert on_decisions is not None
    assert (on_decisions >= 0).all()


def test_usage_weighs_each_modality() -> None:
    logits = torch.eye(2) * 10
    labels = torch.arange(2)
    config = loss_config("argmax")
    for modality, weight in enumerate((1.0, 0.05)):
        decisions = torch.zeros(2, 4, 2)
        decisions[:, :2, modality] = 1
        parts = policy_loss(logits, decisions, labels, ("rgb", "audio"), config)
        assert float(parts["usage"]) == pytest.approx(weight * 0.25)


def test_recognition_sees_cross_entropy_alone() -> None:
    logits, _, labels = sample()
    parts = recognition_loss(logits, labels)
    assert torch.equal(total(parts), torch.nn.functional.cross_entropy(logits, labels))
