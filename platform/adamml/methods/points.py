"""Operating points: one trained model at several settings of a knob that needs no training.

The knob is the decision bias (models/decision_bias.py): a number per modality that is added to the
logits of computing it. A family that has no such knob has no operating points.
"""

from collections.abc import Mapping

Point = dict[str, float]
"""quality, gflops, and per modality selection_rate.<modality> and bias.<modality>."""
BIAS = "bias."


def bias_of(point: Mapping[str, float]) -> dict[str, float]:
    """Return the decision bias of a point: modality -> number."""
    return {k.removeprefix(BIAS): v for k, v in point.items() if k.startswith(BIAS)}


def with_bias(metrics: Mapping[str, float], bias: Mapping[str, float]) -> Point:
    """Return metrics as those of the point at a decision bias."""
    return {**metrics, **{f"{BIAS}{modality}": value for modality, value in bias.items()}}
