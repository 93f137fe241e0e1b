"""Quality of a policy, for manifests that say which segments are relevant in which modality."""

import bisect
from collections.abc import Mapping, Sequence

from torch import Tensor

from adamml.data.manifest import Split
from adamml.data.relevance import relevance, relevance_known
from adamml.training.splits import Splits

NOTHING_WRONG = 1.0
"""Value of 0/0: the precision where nothing is computed, the recall where nothing is relevant."""
TOLERANCE = 1e-9
"""Difference up to which qualities or GFLOPs are equal: sums over videos depend on their order."""


def relevance_of(splits: Splits, split: Split) -> Tensor | None:
    """Return the relevance [N, S, M] of the segments that evaluations of a split see.

    None if the manifest does not say where the evidence is.
    """
    manifest, config = splits.fixed(split).manifest, splits.config
    if not relevance_known(manifest, config):
        return None
    return relevance(manifest, config, config.data.test_segments)


def precision_and_recall(
    decisions: Tensor, relevant: Tensor, modalities: Sequence[str]
) -> dict[str, float]:
    """Return how well decisions meet relevance, over all segments of all videos.

    Args:
        decisions: [N, S, M], 1 where a modality of a segment is computed, else 0.
        relevant: [N, S, M], 1 where it carries evidence, else 0.
        modalities: names of the M modalities.

    Returns:
        precision.<modality>, the share of computed segments that are relevant, and
        recall.<modality>, the share of relevant segments that are computed. A precision is 1 where
        nothing is computed, for nothing is wasted; a recall where nothing is relevant, for nothing
        is missed.
    """
    chosen, wanted = decisions.bool().flatten(0, 1), relevant.bool().flatten(0, 1)
    metrics = {}
    for number, modality in enumerate(modalities):
        computed, needed = chosen[:, number], wanted[:, number]
        metrics[f"precision.{modality}"] = _share(needed[computed])
        metrics[f"recall.{modality}"] = _share(computed[needed])
    return metrics


def _share(right: Tensor) -> float:
    """Return the share of true entries."""
    return float(right.double().mean()) if len(right) else NOTHING_WRONG


def regret(
    quality: float, gflops: float, oracle_front: Mapping[str, Sequence[float]]
) -> dict[str, float]:
    """Return how far a trial is from the oracle front, on the same videos.

    Args:
        quality: quality of the trial.
        gflops: mean GFLOPs per video of the trial.
        oracle_front: lists of quality and gflops, both rising (methods/adamml/bounds.py).

    Returns:
        quality_regret: the oracle's quality at the trial's GFLOPs or fewer (0 if no point of the
        front is that cheap) minus the trial's. It is negative where the trial's recognition
        networks are better than those that the oracle chooses from.
        gflops_regret: the trial's GFLOPs minus the fewest at which the oracle is as good. It is
        missing where the oracle never is.
    """
    qualities, prices = oracle_front["quality"], oracle_front["gflops"]
    affordable = bisect.bisect_right(prices, gflops + TOLERANCE)
    regrets = {"quality_regret": (qualities[affordable - 1] if affordable else 0.0) - quality}
    cheapest = bisect.bisect_left(qualities, quality - TOLERANCE)
    if cheapest < len(qualities):
        regrets["gflops_regret"] = gflops - prices[cheapest]
    return regrets
