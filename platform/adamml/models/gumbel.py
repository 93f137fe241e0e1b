"""Discrete choices that a gradient passes through (docs/method.md, "Policy")."""

import torch
from torch import Tensor


def gumbel_choice(logits: Tensor, temperature: float) -> Tensor:
    """Sample one option per row: one-hot forward, softmax backward (straight-through).

    The values are exactly 0 and 1, so that they can be counted and compared. Those of torch's
    F.gumbel_softmax(hard=True) are not: it returns numbers like 0.99999994.

    Args:
        logits: [..., options].
        temperature: of the softmax, positive. It changes the gradient and not the sample.

    Returns:
        One-hot float32 [..., options].
    """
    scores = logits.float()
    noise = -torch.empty_like(scores).exponential_().log()  # Gumbel noise is -log of exponential
    soft = ((scores + noise) / temperature).softmax(dim=-1)
    # The bracket is exactly 0 forward and carries the gradient of soft backward. Without it, as
    # (hard - soft) + soft, the sum would be rounded away from 0 and 1.
    return one_hot_argmax(soft) + (soft - soft.detach())


def one_hot_argmax(logits: Tensor) -> Tensor:
    """Return float32 [..., options] that is 1 at the largest logit and 0 elsewhere; no gradient."""
    choice = logits.argmax(dim=-1, keepdim=True)
    return torch.zeros_like(logits, dtype=torch.float32).scatter_(-1, choice, 1.0)
