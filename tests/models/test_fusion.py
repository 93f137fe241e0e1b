"""The contract of every fusion, and what sets them apart."""

import pytest
import torch
from adamml.config import MODALITIES, override
from adamml.models.fusion import FUSIONS, Fusion, WeightedFusion
from adamml.recipes import tiny

K = 5
WIDTHS = (4, 6, 7)
"""Features of each modality's backbone."""


def build(name: str, num_modalities: int) -> Fusion:
    torch.manual_seed(1)
    modalities = MODALITIES[:num_modalities]
    changes = {"fusion": name, "fc2.width": 8, "stages.policy_only": 0}
    config = override(tiny(modalities), changes)
    return FUSIONS[name](config, K, sum(WIDTHS[:num_modalities])).eval()


def fusion_input(fusion: Fusion, num_modalities: int) -> torch.Tensor | list[torch.Tensor]:
    """Logits, or features, of two videos with three segments."""
    torch.manual_seed(0)
    if fusion.from_features:
        return [torch.randn(2, 3, width) for width in WIDTHS[:num_modalities]]
    return torch.randn(2, 3, num_modalities, K)


@pytest.fixture
def logits() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(2, 3, 2, K)


@pytest.mark.parametrize("name", FUSIONS)
@pytest.mark.parametrize("num_modalities", [1, 2, 3])
def test_one_vector_of_logits_per_segment(name: str, num_modalities: int) -> None:
    fusion = build(name, num_modalities)
    fused = fusion(fusion_input(fusion, num_modalities), torch.ones(2, 3, num_modalities))
    assert fused.shape == (2, 3, K)


@pytest.mark.parametrize("name", FUSIONS)
def test_what_is_skipped_does_not_matter(name: str) -> None:
    decisions = torch.ones(2, 3, 2)
    decisions[:, 1, 0] = 0
    fusion = build(name, 2)
    one, other = fusion_input(fusion, 2), fusion_input(fusion, 2)
    (other[0][:, 1] if fusion.from_features else other[:, 1, 0]).fill_(1e3)
    assert torch.equal(fusion(one, decisions), fusion(other, decisions))


@pytest.mark.parametrize("name", FUSIONS)
def test_nothing_selected_gives_zeros(name: str) -> None:
    fusion = build(name, 2)
    assert fusion(fusion_input(fusion, 2), torch.zeros(2, 3, 2)).eq(0).all()


@pytest.mark.parametrize("name", FUSIONS)
def test_selected_decisions_get_a_finite_gradient(name: str) -> None:
    decisions = torch.ones(2, 3, 2)
    decisions[0, 0] = 0
    decisions.requires_grad_()
    fusion = build(name, 2)
    fusion(fusion_input(fusion, 2), decisions).sum().backward()
    assert decisions.grad.isfinite().all()
    assert decisions.grad[1].ne(0).any()


@pytest.mark.parametrize("name", ["weighted", "class_wise", "fc2"])
def test_every_parameter_gets_a_gradient(name: str) -> None:
    fusion = build(name, 3)
    fusion(fusion_input(fusion, 3), torch.ones(2, 3, 3)).square().sum().backward()
    for key, parameter in fusion.named_parameters():
        assert parameter.grad.ne(0).any(), key


def test_class_wise_with_equal_columns_is_weighted(logits: torch.Tensor) -> None:
    weighted, class_wise = build("weighted", 2), build("class_wise", 2)
    with torch.no_grad():
        weighted.free.fill_(0.7)
        class_wise.free.fill_(0.7)
    decisions = torch.tensor([1.0, 0.0]).expand(2, 3, 2)
    assert torch.allclose(weighted(logits, decisions), class_wise(logits, decisions))


def test_all_selected_is_plain_fusion(logits: torch.Tensor) -> None:
    on = torch.ones(2, 3, 2)
    assert torch.allclose(build("average", 2)(logits, on), logits.mean(dim=2))
    assert torch.allclose(build("weighted", 2)(logits, on), logits.mean(dim=2))
    assert torch.equal(build("max", 2)(logits, on), logits.amax(dim=2))


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
    assert torch.equal(build("max", 2)(logits, decisions), logits[:, :, 1])
