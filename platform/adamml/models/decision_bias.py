"""Decision bias: the step from a policy's logits to decisions, with a knob in between.

A trained policy has a whole curve of accuracy against GFLOPs. A number added to its "use" logits
moves it along that curve without training (docs/method.md, "What we add to the paper").
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from adamml.models.gumbel import one_hot_argmax

USE = 1
"""Index of the "use" logit, compute this modality, among the two of a policy head."""


def add_decision_bias(
    logits: Tensor, modalities: Sequence[str], decision_bias: Mapping[str, float] | None
) -> Tensor:
    """Add a decision bias to the "use" logits of a policy.

    A large bias computes everything, a very negative one nothing. It is added to all logits after
    the policy's recurrence: the LSTM goes on seeing the logits without it, so that the bias of one
    segment or modality does not change the logits of another.

    Args:
        logits: [N, S, M, 2].
        modalities: names along the axis M.
        decision_bias: modality -> number to add; 0 where none is given.

    Returns:
        Logits [N, S, M, 2].

    Raises:
        ValueError: decision_bias has a modality that is not among modalities, or a number that is
            not finite.
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
    # In the order [skip, use], as USE is 1.
    return torch.stack([logits[..., 1 - USE], logits[..., USE] + bias], dim=-1)


def choose(
    logits: Tensor, modalities: Sequence[str], decision_bias: Mapping[str, float] | None = None
) -> Tensor:
    """Return decisions [N, S, M] from policy logits [N, S, M, 2]: the likelier option, biased.

    Args:
        logits: [N, S, M, 2].
        modalities: names along the axis M.
        decision_bias: as in add_decision_bias().

    Raises:
        ValueError: as in add_decision_bias().
    """
    return one_hot_argmax(add_decision_bias(logits, modalities, decision_bias))[..., USE]
