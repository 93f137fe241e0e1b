"""The training objective of AdaMML (paper.md 1.3; adaptive loss of the released code)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from adamml.config import LossConfig


@dataclass(frozen=True)
class LossParts:
    """Scalars; `total` is what is minimised."""

    cross_entropy: Tensor
    usage: Tensor
    wrong: Tensor

    @property
    def total(self) -> Tensor:
        return self.cross_entropy + self.usage + self.wrong


def correctness(logits: Tensor, labels: Tensor, form: str) -> Tensor:
    """[N]: 1 where the prediction is right ("argmax"), or the true class's probability."""
    if form == "argmax":
        return (logits.argmax(-1) == labels).to(logits.dtype)
    return logits.softmax(-1).gather(1, labels[:, None]).squeeze(1)


def policy_loss(
    logits: Tensor, decisions: Tensor, labels: Tensor, modalities: tuple[str, ...], loss: LossConfig
) -> LossParts:
    """CE + sum_k lambda_k mean_n(correct_n U_nk^2) + gamma mean_n(1 - correct_n).

    U_nk is the fraction of video n's segments that use modality k. With correctness "argmax" (as
    published) the gamma term has no gradient. With "probability" the true class's probability
    stands for the indicator: detached in the usage term, which would otherwise punish being right,
    and differentiated in the gamma term.

    Args:
        logits: [N, K]; decisions: [N, S, M] in the order of `modalities`; labels: [N].
    """
    correct = correctness(logits, labels, loss.correctness)
    lambdas = torch.tensor([loss.lambdas[m] for m in modalities]).to(logits)
    usage = decisions.mean(1).square() * correct.detach()[:, None]
    return LossParts(
        cross_entropy=F.cross_entropy(logits, labels),
        usage=(usage.mean(0) * lambdas).sum(),
        wrong=loss.gamma * (1 - correct).mean(),
    )


def recognition_loss(logits: Tensor, labels: Tensor) -> LossParts:
    """Cross-entropy alone: recognition epochs run with lambda = 0, where gamma acts on nothing."""
    zero = logits.new_zeros(())
    return LossParts(cross_entropy=F.cross_entropy(logits, labels), usage=zero, wrong=zero)
