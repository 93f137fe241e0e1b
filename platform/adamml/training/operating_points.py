"""One checkpoint, many operating points: a trained model's own curve of quality against GFLOPs.

A bias on the policy's "use" logits, one per modality (models/decision_bias.py), moves a model along
it without training. Policy logits and the logits of all segments are computed once; each bias then
is a comparison and a weighted sum.
"""

import copy
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from adamml.config import Config
from adamml.cost.flops import Costs, count_costs
from adamml.models.adamml import AdaMML
from adamml.models.decision_bias import choose
from adamml.models.fusion import Fusion
from adamml.models.policy import PolicyNetwork
from adamml.objectives import table
from adamml.statistics.fronts import non_dominated
from adamml.training.evaluation import Evaluation

Point = dict[str, float]
"""quality, gflops, and per modality selection_rate.<modality> and bias.<modality>."""
BIAS = "bias."
SHARED, GRID = 33, 256
"""Candidates: quantiles of the path on which all modalities share a bias; at most so many
combinations of the quantiles of each."""


def has_operating_points(model: AdaMML) -> bool:
    """Whether its policy has logits that a bias can move, and its fusion takes segment logits."""
    return isinstance(model.policy, PolicyNetwork) and not model.fusion.from_features


@torch.no_grad()
def operating_points(model: AdaMML, found: Evaluation, config: Config) -> list[Point]:
    """The curve on the videos of an unbiased evaluation, cheapest first.

    Args:
        found: with segment_logits.

    Returns:
        The points that no other candidate dominates, and the unbiased one, dominated or not.
        Its quality, gflops and rates are those of found.metrics().

    Raises:
        ValueError: the model has no operating points, or the evaluation no segment logits.
    """
    if not has_operating_points(model) or found.scores is None or found.segment_logits is None:
        raise ValueError(
            "operating points need a policy with logits and the logits of every segment"
        )
    fusion, costs = copy.deepcopy(model.fusion).cpu(), count_costs(config, config.data.num_classes)
    unbiased = dict.fromkeys(config.modalities, 0.0)
    points = [_point(found, unbiased, costs, config)]
    for bias in candidate_biases(found.scores[..., 1] - found.scores[..., 0], config.modalities):
        points.append(_point(_under(found, bias, fusion, config), bias, costs, config))
    return _best(points)


def candidate_biases(margins: Tensor, modalities: Sequence[str]) -> Iterable[dict[str, float]]:
    """Biases worth trying, from all off to all on.

    Args:
        margins: [N, S, M], by how much "use" exceeds "skip" in the policy's logits.

    Returns:
        A path on which all modalities share a bias, so that their rates rise together; then a grid
        over biases per modality, among them 0. All are thresholds at quantiles of the margins, so
        that rates are spread evenly however the policy's logits lie.
    """
    path = _thresholds(margins, SHARED)
    per_modality = int(GRID ** (1 / len(modalities)))
    axes = [[0.0, *_thresholds(m, per_modality - 1)] for m in margins.unbind(-1)]
    for bias in path:
        yield dict.fromkeys(modalities, bias)
    for biases in itertools.product(*axes) if len(modalities) > 1 else ():
        yield dict(zip(modalities, biases, strict=True))


def bias_of(point: Mapping[str, float]) -> dict[str, float]:
    """The decision_bias of a point: modality -> number."""
    return {k.removeprefix(BIAS): v for k, v in point.items() if k.startswith(BIAS)}


def _thresholds(margins: Tensor, count: int) -> list[float]:
    """Biases under which evenly spaced shares of these margins rise above 0, none and all
    included; of four digits, to be read and set by people."""
    values = margins.double().flatten().numpy()
    inner = np.quantile(values, np.linspace(0, 1, count)[1:-1])
    ends = values.max() + 1, values.min() - 1
    return [float(f"{-value:.4g}") for value in (ends[0], *inner[::-1], ends[1])]


def _under(found: Evaluation, bias: dict[str, float], fusion: Fusion, config: Config) -> Evaluation:
    """The evaluation that this bias would have given."""
    assert found.scores is not None
    decisions = choose(found.scores, config.modalities, bias)
    logits = fusion(found.segment_logits, decisions).mean(1)
    return replace(found, logits=logits, decisions=decisions)


def _point(found: Evaluation, bias: dict[str, float], costs: Costs, config: Config) -> Point:
    batch_size = config.data.batch_size if config.quirks.mean_of_batch_means else None
    objectives = found.objectives(config.data.quality, costs, config.modalities, batch_size)
    return objectives | {f"{BIAS}{modality}": value for modality, value in bias.items()}


def _best(points: list[Point]) -> list[Point]:
    """The first of them, and of the others the non-dominated ones, one of each place."""
    places = {tuple(p[name] for name in table.OBJECTIVES): p for p in reversed(points)}
    distinct = list(places.values())
    mask = non_dominated(table.points(distinct), maximise=table.maximise())
    kept = [p for p, keep in zip(distinct, mask, strict=True) if keep or p is points[0]]
    return sorted(kept, key=lambda p: (p["gflops"], p["quality"]))
