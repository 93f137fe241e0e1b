"""Discrete choices that a gradient passes through."""

import torch
from torch import Tensor


def gumbel_choice(logits: Tensor, temperature: float) -> Tensor:
    """Sample one option per row: one-hot forward, softmax backward (straight-through).

    torch's F.gumbel_softmax(hard=True) returns values like 0.99999994; these are exactly 0 or 1, so
    that they can be counted and compared.

    Args:
        logits: [..., options].
        temperature: of the softmax; positive.

    Returns:
        [..., options] in float32.
    """
    scores = logits.float()
    noise = -torch.empty_like(scores).exponential_().log()
    soft = ((scores + noise) / temperature).softmax(dim=-1)
    return one_hot_argmax(soft) + (soft - soft.detach())


def one_hot_argmax(logits: Tensor) -> Tensor:
    """[..., options] -> [..., options] in float32, 1 at the greatest; no gradient."""
    choice = logits.argmax(dim=-1, keepdim=True)
    return torch.zeros_like(logits, dtype=torch.float32).scatter_(-1, choice, 1.0)
