"""How good a policy is where the manifest says which segments are relevant in which modality."""

import bisect
from collections.abc import Mapping, Sequence

from torch import Tensor

from adamml.data.manifest import Split
from adamml.data.relevance import relevance, relevance_known
from adamml.training.splits import Splits

NOTHING_WRONG = 1.0
"""0/0: the precision of computing nothing, and the recall where nothing is relevant."""
SAME = 1e-9
"""Qualities and GFLOPs this close are equal: sums over videos in another order."""


def relevance_of(splits: Splits, split: Split) -> Tensor | None:
    """[N, S, M] for the segments that evaluations of this split see; None where it is not known."""
    manifest, config = splits.fixed(split).manifest, splits.config
    if not relevance_known(manifest, config):
        return None
    return relevance(manifest, config, config.data.test_segments)


def precision_and_recall(
    decisions: Tensor, relevant: Tensor, modalities: Sequence[str]
) -> dict[str, float]:
    """Over all segments of all videos: precision.<modality>, the share of computed segments that
    are relevant, and recall.<modality>, the share of relevant segments that are computed.

    Where nothing is computed the precision is 1, and where nothing is relevant the recall: no
    computation was wasted, and nothing missed.

    Args:
        decisions: [N, S, M] of 0 and 1; relevant: the same.
    """
    chosen, wanted = decisions.bool().flatten(0, 1), relevant.bool().flatten(0, 1)
    found = {}
    for number, modality in enumerate(modalities):
        computed, needed = chosen[:, number], wanted[:, number]
        found[f"precision.{modality}"] = _share(needed[computed])
        found[f"recall.{modality}"] = _share(computed[needed])
    return found


def _share(right: Tensor) -> float:
    return float(right.double().mean()) if len(right) else NOTHING_WRONG


def regret(
    quality: float, gflops: float, oracle_front: Mapping[str, Sequence[float]]
) -> dict[str, float]:
    """How far a trial is from the oracle front, on the same videos.

    quality_regret: the oracle's quality at the same mean GFLOPs or fewer (0 where it can afford
    none of its points) minus the trial's; negative where the trial's own networks are better than
    the oracle's. gflops_regret: the trial's GFLOPs minus the fewest for which the oracle is as
    good; missing where it never is.

    Args:
        oracle_front: quality and gflops, each rising (methods/adamml/bounds.py).
    """
    qualities, prices = oracle_front["quality"], oracle_front["gflops"]
    affordable = bisect.bisect_right(prices, gflops + SAME)
    found = {"quality_regret": (qualities[affordable - 1] if affordable else 0.0) - quality}
    needed = bisect.bisect_left(qualities, quality - SAME)
    if needed < len(qualities):
        found["gflops_regret"] = gflops - prices[needed]
    return found
