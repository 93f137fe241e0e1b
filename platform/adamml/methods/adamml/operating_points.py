"""The operating points of AdaMML: a trained model's own curve of quality against GFLOPs.

A bias on the policy's "use" logits, one per modality (models/decision_bias.py), moves a model along
the curve without training. Policy logits and the logits of all segments are computed once; each
bias then is a comparison and a weighted sum.
"""

import copy
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from adamml.config import Config
from adamml.cost.flops import Costs
from adamml.methods.adamml.costs import adamml_costs
from adamml.methods.points import Point, with_bias
from adamml.models.adamml import AdaMML
from adamml.models.decision_bias import choose
from adamml.models.fusion import Fusion
from adamml.models.policy import PolicyNetwork
from adamml.objectives import table
from adamml.statistics.fronts import non_dominated
from adamml.training.evaluation import Evaluation

SHARED = 33
"""Number of candidates on the path on which all modalities share a bias."""
GRID = 256
"""Largest number of candidates that combine biases of single modalities."""


def has_operating_points(model: AdaMML) -> bool:
    """Return whether a bias can move the policy's logits, and the fusion takes segment logits."""
    return isinstance(model.policy, PolicyNetwork) and not model.fusion.from_features


@torch.no_grad()
def operating_points(model: AdaMML, evaluation: Evaluation, config: Config) -> list[Point]:
    """Return the model's curve on the videos of an unbiased evaluation, cheapest first.

    Returns:
        The points that no other candidate dominates, and the unbiased one, dominated or not. The
        objectives of the unbiased point are those of the evaluation's metrics().

    Raises:
        ValueError: the model has no operating points, or the evaluation no segment logits.
    """
    scores = evaluation.scores
    if not has_operating_points(model) or scores is None or evaluation.segment_logits is None:
        raise ValueError(
            "operating points need a policy with logits and the logits of every segment"
        )
    fusion, costs = copy.deepcopy(model.fusion).cpu(), adamml_costs(config)
    unbiased = dict.fromkeys(config.modalities, 0.0)
    points = [_point(evaluation, unbiased, costs, config)]
    for bias in candidate_biases(scores[..., 1] - scores[..., 0], config.modalities):
        points.append(_point(_under(evaluation, bias, fusion, config), bias, costs, config))
    return _best(points)


def candidate_biases(margins: Tensor, modalities: Sequence[str]) -> Iterable[dict[str, float]]:
    """Yield the biases worth trying, from all off to all on.

    First comes a path on which all modalities share a bias, so that their rates rise together; then
    a grid over biases per modality, among them 0. All are thresholds at quantiles of the margins,
    so rates are spread evenly whatever the scale of the policy's logits.

    Args:
        margins: [N, S, M], the policy's logits of "use" minus those of "skip".
        modalities: names along M.
    """
    path = _thresholds(margins, SHARED)
    per_modality = int(GRID ** (1 / len(modalities)))
    axes = [[0.0, *_thresholds(m, per_modality - 1)] for m in margins.unbind(-1)]
    for bias in path:
        yield dict.fromkeys(modalities, bias)
    # With one modality the grid would be a coarser copy of the path.
    for biases in itertools.product(*axes) if len(modalities) > 1 else ():
        yield dict(zip(modalities, biases, strict=True))


def _thresholds(margins: Tensor, count: int) -> list[float]:
    """Return the biases that lift evenly spaced shares of these margins above 0, from none to all.

    They have four digits, so that people can read and set them.
    """
    values = margins.double().flatten().numpy()
    inner = np.quantile(values, np.linspace(0, 1, count)[1:-1])
    ends = values.max() + 1, values.min() - 1
    return [float(f"{-value:.4g}") for value in (ends[0], *inner[::-1], ends[1])]


def _under(
    evaluation: Evaluation, bias: dict[str, float], fusion: Fusion, config: Config
) -> Evaluation:
    """Return the evaluation that this bias would have given."""
    assert evaluation.scores is not None
    decisions = choose(evaluation.scores, config.modalities, bias)
    logits = fusion(evaluation.segment_logits, decisions).mean(1)
    return replace(evaluation, logits=logits, decisions=decisions)


def _point(evaluation: Evaluation, bias: dict[str, float], costs: Costs, config: Config) -> Point:
    batch_size = config.data.batch_size if config.quirks.mean_of_batch_means else None
    objectives = evaluation.objectives(config.data.quality, costs, config.modalities, batch_size)
    return with_bias(objectives, bias)


def _best(points: list[Point]) -> list[Point]:
    """Return the first point and the non-dominated others, cheapest first, without repeats."""
    # reversed(): of points with equal objectives the first stays, which may be the unbiased one.
    places = {tuple(p[name] for name in table.OBJECTIVES): p for p in reversed(points)}
    distinct = list(places.values())
    mask = non_dominated(table.points(distinct), maximise=table.maximise())
    best = [p for p, on_front in zip(distinct, mask, strict=True) if on_front or p is points[0]]
    return sorted(best, key=lambda p: (p["gflops"], p["quality"]))
