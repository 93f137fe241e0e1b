"""Straight-through choices: exact samples forward, softmax gradients backward."""

import pytest
import torch
from adamml.models.gumbel import gumbel_choice, one_hot_argmax


def test_samples_are_exactly_one_hot() -> None:
    torch.manual_seed(0)
    chosen = gumbel_choice(torch.randn(1000, 2), temperature=0.7)
    assert set(chosen.flatten().tolist()) == {0.0, 1.0}
    assert chosen.sum(dim=-1).eq(1).all()


@pytest.mark.parametrize("temperature", [0.5, 5.0])
def test_frequencies_are_the_softmax_at_any_temperature(temperature: float) -> None:
    torch.manual_seed(0)
    logits = torch.tensor([0.0, 1.0])
    chosen = gumbel_choice(logits.expand(20_000, 2), temperature)
    assert torch.allclose(chosen.mean(dim=0), logits.softmax(dim=0), atol=0.015)


def test_gradient_is_that_of_the_softmax() -> None:
    logits = torch.randn(3, 2, requires_grad=True)
    torch.manual_seed(1)
    gumbel_choice(logits, 2.0)[:, 1].sum().backward()
    torch.manual_seed(1)
    soft = logits.detach().clone().requires_grad_()
    noise = -torch.empty_like(soft).exponential_().log()
    ((soft + noise) / 2.0).softmax(dim=-1)[:, 1].sum().backward()
    assert torch.allclose(logits.grad, soft.grad)
    assert logits.grad.abs().sum() > 0


def test_low_precision_logits_give_float32_choices() -> None:
    assert gumbel_choice(torch.zeros(4, 2, dtype=torch.bfloat16), 1.0).dtype == torch.float32


def test_argmax_is_one_hot_at_the_greatest() -> None:
    assert one_hot_argmax(torch.tensor([[0.1, 0.2], [3.0, -1.0]])).tolist() == [[0, 1], [1, 0]]


def test_temperature_to_zero_approaches_the_argmax_of_the_noisy_logits() -> None:
    """A hard sample does not depend on it; the softmax behind the gradient becomes the argmax."""
    logits, steepest = torch.randn(500, 2), []
    for temperature in (10.0, 1.0, 0.1, 0.01, 0.001):
        torch.manual_seed(1)
        leaf = logits.clone().requires_grad_()
        chosen = gumbel_choice(leaf, temperature)
        torch.manual_seed(1)
        noisy = logits - torch.empty_like(logits).exponential_().log()
        assert torch.equal(chosen, one_hot_argmax(noisy))
        soft = (noisy / temperature).softmax(dim=-1)
        steepest.append((soft - one_hot_argmax(noisy)).abs().mean().item())
        chosen[:, 1].sum().backward()
        assert torch.allclose(leaf.grad[:, 1], (soft * (1 - soft))[:, 1] / temperature, rtol=1e-3)
    assert steepest == sorted(steepest, reverse=True)
    assert steepest[-1] < 1e-2 < steepest[0]
