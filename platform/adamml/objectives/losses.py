"""The training objective of AdaMML (docs/paper.md 1.3; adaptive loss of the released code).

A loss is a dict of named terms, whose sum is minimised. Each term is reported as a metric under its
name. To add a term: write a function, and add a line to policy_loss.
"""

import functools

import torch
import torch.nn.functional as F
from torch import Tensor

from adamml.config import LossConfig
from adamml.objectives.quality import hits, targets

Terms = dict[str, Tensor]
"""Name -> scalar. The metric of a term is its name behind that of its pass (training/loop.py)."""


def total(terms: Terms) -> Tensor:
    """Return the scalar that is minimised: the sum of the terms, in their order."""
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
        loss: weights lambda and gamma, and the form of correctness.
    """
    correct = correctness(logits, labels, loss.correctness)
    lambdas = torch.tensor([loss.lambdas[m] for m in modalities]).to(logits)
    return {
        "cross_entropy": F.cross_entropy(logits, targets(labels)),
        "usage": usage(decisions, correct, lambdas),
        "wrong": wrong(correct, loss.gamma),
    }


def recognition_loss(logits: Tensor, labels: Tensor) -> Terms:
    """Return cross-entropy as the only term that is not 0, under the names of policy_loss.

    Recognition epochs have lambda = 0, and gamma has no gradient in the recognition networks.

    Args:
        logits: [N, K].
        labels: [N] or [N, K].
    """
    zero = logits.new_zeros(())
    return {"cross_entropy": F.cross_entropy(logits, targets(labels)), "usage": zero, "wrong": zero}


def correctness(logits: Tensor, labels: Tensor, form: str) -> Tensor:
    """Return the correctness of each prediction, [N], from 0 to 1.

    Args:
        logits: [N, K].
        labels: [N] or [N, K].
        form: "argmax" for 1 if the predicted class is a label, else 0; "probability" for the
            softmax probability of the label, or the sum over a video's labels.
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
    # Only computation for correct predictions has a price. Without detach the gradient could lower
    # the price by making predictions wrong.
    squares = decisions.mean(1).square() * correct.detach()[:, None]
    return (squares.mean(0) * lambdas).sum()


def wrong(correct: Tensor, gamma: float) -> Tensor:
    """Return the price of wrong predictions: gamma mean_n(1 - correct_n).

    Correctness "argmax" (as published) gives it no gradient, "probability" gives it one.

    Args:
        correct: [N], from correctness().
        gamma: weight of this term.
    """
    return gamma * (1 - correct).mean()
