"""Cost of a model on a split: not one number but a distribution over its videos."""

from dataclasses import dataclass

import torch
from torch import Tensor

from adamml.cost.flops import Costs


@dataclass(frozen=True, kw_only=True, slots=True)
class CostDistribution:
    """Spread of GFLOPs per video over a split, and which parts of the model they go to.

    Means are an evaluation's: it may have to average them by batch (training/evaluation.py).
    """

    p5: float
    """5th percentile of the videos' GFLOPs, interpolated linearly."""
    p95: float
    """95th percentile of the videos' GFLOPs, interpolated linearly."""
    shares: dict[str, float]
    """Part -> its fraction of all computation. Parts are the modalities (their recognition
    networks), "policy", and "fusion" with a fusion of features. Fractions sum to 1; where nothing
    is computed all are 0."""

    def metrics(self) -> dict[str, float]:
        """Return gflops_p5, gflops_p95 and a gflops_share.<part> for each part."""
        return {
            "gflops_p5": self.p5,
            "gflops_p95": self.p95,
            **{f"gflops_share.{part}": share for part, share in self.shares.items()},
        }


def cost_distribution(costs: Costs, decisions: Tensor) -> CostDistribution:
    """Return the distribution of costs over N videos.

    Args:
        costs: multiply-accumulates of one segment of the model.
        decisions: [N, S, M].

    Raises:
        ValueError: decisions for no video, or with another M than costs.modalities.
    """
    videos, segments, modalities = decisions.shape
    if not videos or modalities != len(costs.modalities):
        raise ValueError(
            f"decisions must be [N, S, {len(costs.modalities)}] with N > 0, "
            f"got {list(decisions.shape)}"
        )
    gflops = costs.gflops(decisions)
    tails = torch.quantile(gflops, gflops.new_tensor([0.05, 0.95]))
    counts = decisions.detach().double().sum(dim=(0, 1)).tolist()
    macs = {
        m: count * costs.segment_selected(m)
        for m, count in zip(costs.modalities, counts, strict=True)
    }
    # The policy and a fusion of features run on every segment, whatever is decided.
    macs["policy"] = float(videos * segments * costs.segment_policy)
    if costs.fusion:
        macs["fusion"] = float(videos * segments * costs.fusion)
    total = sum(macs.values())
    return CostDistribution(
        p5=float(tails[0]),
        p95=float(tails[1]),
        shares={part: value / total if total else 0.0 for part, value in macs.items()},
    )
