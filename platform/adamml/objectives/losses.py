"""The training objective of AdaMML (paper.md 1.3; adaptive loss of the released code)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from adamml.config import LossConfig
from adamml.objectives.quality import hits, targets


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
    """[N]: 1 where the prediction is right ("argmax"), or the true class's probability; of several
    labels, where it is one of them, or their sum."""
    if form == "argmax":
        return hits(logits, labels).to(logits.dtype)
    said = logits.softmax(-1)
    return (said * labels).sum(-1) if labels.dim() == 2 else said.gather(1, labels[:, None])[:, 0]


def policy_loss(
    logits: Tensor, decisions: Tensor, labels: Tensor, modalities: tuple[str, ...], loss: LossConfig
) -> LossParts:
    """CE + sum_k lambda_k mean_n(correct_n U_nk^2) + gamma mean_n(1 - correct_n).

    U_nk is the fraction of video n's segments that use modality k. With correctness "argmax" (as
    published) the gamma term has no gradient. With "probability" the true class's probability
    stands for the indicator: detached in the usage term, which would otherwise punish being right,
    and differentiated in the gamma term.

    Args:
        logits: [N, K]; decisions: [N, S, M] in the order of `modalities`; labels: [N] or [N, K].
    """
    correct = correctness(logits, labels, loss.correctness)
    lambdas = torch.tensor([loss.lambdas[m] for m in modalities]).to(logits)
    usage = decisions.mean(1).square() * correct.detach()[:, None]
    return LossParts(
        cross_entropy=F.cross_entropy(logits, targets(labels)),
        usage=(usage.mean(0) * lambdas).sum(),
        wrong=loss.gamma * (1 - correct).mean(),
    )


def recognition_loss(logits: Tensor, labels: Tensor) -> LossParts:
    """Cross-entropy alone: recognition epochs run with lambda = 0, where gamma acts on nothing."""
    zero = logits.new_zeros(())
    return LossParts(cross_entropy=F.cross_entropy(logits, targets(labels)), usage=zero, wrong=zero)
