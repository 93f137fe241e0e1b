"""The training objective of AdaMML (docs/paper.md 1.3; adaptive loss of the released code).

A loss is named terms, whose sum is minimised; each is reported as a metric under its name. To add a
term: write a function, and add a line to policy_loss.
"""

import functools

import torch
import torch.nn.functional as F
from torch import Tensor

from adamml.config import LossConfig
from adamml.objectives.quality import hits, targets

Terms = dict[str, Tensor]
"""Name -> scalar. A name is a metric's: training/loop.py puts the pass before it."""


def total(terms: Terms) -> Tensor:
    """Return the sum of the terms, in their order: the scalar that is minimised."""
    return functools.reduce(torch.add, terms.values())


def policy_loss(
    logits: Tensor, decisions: Tensor, labels: Tensor, modalities: tuple[str, ...], loss: LossConfig
) -> Terms:
    """Return CE + sum_k lambda_k mean_n(correct_n U_nk^2) + gamma mean_n(1 - correct_n) as terms.

    U_nk is the fraction of video n's segments that use modality k.

    Args:
        logits: [N, K].
        decisions: [N, S, M] in the order of `modalities`.
        labels: [N] or [N, K].
        modalities: names of the M modalities.
        loss: weights, and the form of correctness.
    """
    correct = correctness(logits, labels, loss.correctness)
    lambdas = torch.tensor([loss.lambdas[m] for m in modalities]).to(logits)
    return {
        "cross_entropy": F.cross_entropy(logits, targets(labels)),
        "usage": usage(decisions, correct, lambdas),
        "wrong": wrong(correct, loss.gamma),
    }


def recognition_loss(logits: Tensor, labels: Tensor) -> Terms:
    """Return cross-entropy alone, the other terms of policy_loss being 0.

    Recognition epochs run with lambda = 0, and gamma acts on nothing there.
    """
    zero = logits.new_zeros(())
    return {"cross_entropy": F.cross_entropy(logits, targets(labels)), "usage": zero, "wrong": zero}


def correctness(logits: Tensor, labels: Tensor, form: str) -> Tensor:
    """Return how right each prediction is, [N].

    Args:
        logits: [N, K].
        labels: [N] or [N, K].
        form: "argmax", 1 where the predicted class is a label, else 0; or "probability", that of
            the true class (with several labels the sum of theirs).
    """
    if form == "argmax":
        return hits(logits, labels).to(logits.dtype)
    probabilities = logits.softmax(-1)
    if labels.dim() == 2:
        return (probabilities * labels).sum(-1)
    return probabilities.gather(1, labels[:, None])[:, 0]


def usage(decisions: Tensor, correct: Tensor, lambdas: Tensor) -> Tensor:
    """Return the price of computation: sum_k lambda_k mean_n(correct_n U_nk^2).

    Args:
        decisions: [N, S, M].
        correct: [N], from correctness().
        lambdas: [M], the weight of each modality.
    """
    # Only computation for correct predictions is punished. Without detach the gradient could make
    # it cheaper by making predictions wrong.
    squares = decisions.mean(1).square() * correct.detach()[:, None]
    return (squares.mean(0) * lambdas).sum()


def wrong(correct: Tensor, gamma: float) -> Tensor:
    """Return the price of wrong predictions: gamma mean_n(1 - correct_n).

    With correctness "argmax" (as published) it has no gradient; with "probability" it has.
    """
    return gamma * (1 - correct).mean()
