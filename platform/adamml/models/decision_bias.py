"""From a policy's logits to decisions, with a knob in between."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from adamml.models.gumbel import one_hot_argmax

USE = 1
"""The index of "compute it" in a policy head's two logits."""


def biased(
    logits: Tensor, modalities: Sequence[str], decision_bias: Mapping[str, float] | None
) -> Tensor:
    """Policy logits [N, S, M, 2] with decision_bias added to those of "use".

    The knob that moves a trained model along its own curve of accuracy against GFLOPs: large
    computes everything, very negative nothing. It comes after the logits that the LSTM sees of the
    step before, so a video's other decisions do not change with it.

    Args:
        decision_bias: modality -> what is added; 0 where not given.

    Raises:
        ValueError: it names a modality that is not there, or is not finite.
    """
    if not decision_bias:
        return logits
    if not set(decision_bias) <= set(modalities):
        raise ValueError(
            f"decision_bias must name modalities of {', '.join(modalities)}, "
            f"got {', '.join(decision_bias)}"
        )
    if not all(math.isfinite(value) for value in decision_bias.values()):
        raise ValueError(f"decision_bias must be finite, got {dict(decision_bias)}")
    bias = logits.new_tensor([decision_bias.get(m, 0.0) for m in modalities])
    return torch.stack([logits[..., 1 - USE], logits[..., USE] + bias], dim=-1)


def choose(
    logits: Tensor, modalities: Sequence[str], decision_bias: Mapping[str, float] | None = None
) -> Tensor:
    """Decisions [N, S, M] of policy logits [N, S, M, 2]: the likelier option after the bias."""
    return one_hot_argmax(biased(logits, modalities, decision_bias))[..., USE]
