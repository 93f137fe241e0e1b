"""The contract of every fusion, and what sets them apart."""

import pytest
import torch
from adamml.models.fusion import FUSIONS, WeightedFusion


@pytest.fixture
def logits() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(2, 3, 2, 5)


@pytest.mark.parametrize("name", FUSIONS)
@pytest.mark.parametrize("num_modalities", [1, 2, 3])
def test_one_vector_of_logits_per_segment(name: str, num_modalities: int) -> None:
    decisions = torch.ones(2, 3, num_modalities)
    fused = FUSIONS[name](num_modalities)(torch.randn(2, 3, num_modalities, 5), decisions)
    assert fused.shape == (2, 3, 5)


@pytest.mark.parametrize("name", FUSIONS)
def test_what_is_skipped_does_not_matter(name: str, logits: torch.Tensor) -> None:
    decisions = torch.ones(2, 3, 2)
    decisions[:, 1, 0] = 0
    other = logits.clone()
    other[:, 1, 0] = 1e3
    fusion = FUSIONS[name](2)
    assert torch.equal(fusion(logits, decisions), fusion(other, decisions))


@pytest.mark.parametrize("name", FUSIONS)
def test_nothing_selected_gives_zeros(name: str, logits: torch.Tensor) -> None:
    assert FUSIONS[name](2)(logits, torch.zeros(2, 3, 2)).eq(0).all()


@pytest.mark.parametrize("name", FUSIONS)
def test_selected_decisions_get_a_finite_gradient(name: str, logits: torch.Tensor) -> None:
    decisions = torch.ones(2, 3, 2)
    decisions[0, 0] = 0
    decisions.requires_grad_()
    FUSIONS[name](2)(logits, decisions).sum().backward()
    assert decisions.grad.isfinite().all()
    assert decisions.grad[1].ne(0).any()


def test_all_selected_is_plain_fusion(logits: torch.Tensor) -> None:
    on = torch.ones(2, 3, 2)
    assert torch.allclose(FUSIONS["average"](2)(logits, on), logits.mean(dim=2))
    assert torch.allclose(FUSIONS["weighted"](2)(logits, on), logits.mean(dim=2))
    assert torch.equal(FUSIONS["max"](2)(logits, on), logits.amax(dim=2))


def test_weights_start_equal_and_always_sum_to_one() -> None:
    fusion = WeightedFusion(3)
    assert torch.allclose(fusion.weights, torch.full((3,), 1 / 3))
    with torch.no_grad():
        fusion.free += torch.tensor([0.5, -2.0])
    assert fusion.weights.sum().item() == pytest.approx(1)


def test_weights_are_not_raised_for_what_is_skipped(logits: torch.Tensor) -> None:
    decisions = torch.tensor([1.0, 0.0]).expand(2, 3, 2)
    assert torch.allclose(WeightedFusion(2)(logits, decisions), logits[:, :, 0] / 2)


def test_max_of_one_modality_is_that_modality(logits: torch.Tensor) -> None:
    decisions = torch.tensor([0.0, 1.0]).expand(2, 3, 2)
    assert torch.equal(FUSIONS["max"](2)(logits, decisions), logits[:, :, 1])
