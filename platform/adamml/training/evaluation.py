"""Evaluations of a model on a split: quality, GFLOPs of the decisions and selection rates."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from adamml.config import Config
from adamml.cost.distribution import cost_distribution
from adamml.cost.flops import Costs
from adamml.data.dataset import Item, SegmentDataset, batches
from adamml.objectives.quality import measures
from adamml.training.workers import Workers


@dataclass(frozen=True)
class Evaluation:
    """Logits and decisions for every video of a split, in the split's order."""

    logits: Tensor
    """Video logits, [N, K]."""
    decisions: Tensor
    """Decisions, [N, S, M], 1 where a modality of a segment was computed."""
    labels: Tensor
    """Labels, [N], or [N, K] where a video may have several."""
    scores: Tensor | None = None
    """Logits that a learned policy decided by, [N, S, M, 2], without a bias; None for others."""
    segment_logits: Tensor | None = None
    """Logits of every segment, selected or not, [N, S, M, K]; None where not all were computed."""

    def objectives(
        self,
        quality: str,
        costs: Costs,
        modalities: tuple[str, ...],
        batch_size: int | None = None,
    ) -> dict[str, float]:
        """Return the objectives and selection rates.

        Args:
            quality: kind of quality, accuracy or map.
            costs: price of a decision of the model.
            modalities: names of the M modalities.
            batch_size: if given, costs and selection rates are unweighted means over the means of
                batches of this size, the last one smaller (quirks.mean_of_batch_means).

        Returns:
            quality, with the other values of objectives/quality.measures; the mean over videos
            of each cost (Costs.by_video); and selection_rate.<modality>, the share of segments
            computed.
        """
        rates = _mean(self.decisions.mean(1), batch_size)
        return {
            **measures(quality, self.logits, self.labels),
            **{
                name: float(_mean(values, batch_size))
                for name, values in costs.by_video(self.decisions).items()
            },
            **{f"selection_rate.{m}": float(r) for m, r in zip(modalities, rates, strict=True)},
        }

    def metrics(
        self,
        quality: str,
        costs: Costs,
        modalities: tuple[str, ...],
        batch_size: int | None = None,
    ) -> dict[str, float]:
        """Return objectives() and the distribution of GFLOPs over videos and parts of the model.

        Args:
            quality: kind of quality, accuracy or map.
            costs: price of a decision of the model.
            modalities: names of the M modalities.
            batch_size: as in objectives().

        Returns:
            The objectives; gflops_published, the mean as the paper bills it; and the values of
            cost/distribution.CostDistribution.metrics().
        """
        published = _mean(costs.billed.gflops(self.decisions), batch_size)
        return {
            **cost_distribution(costs, self.decisions).metrics(),
            "gflops_published": float(published),
            **self.objectives(quality, costs, modalities, batch_size),
        }


def _mean(values: Tensor, batch_size: int | None) -> Tensor:
    """Return the mean over the first axis, the videos; with batch_size, of the batches' means."""
    if batch_size is None:
        return values.mean(0)
    return torch.stack([batch.mean(0) for batch in values.split(batch_size)]).mean(0)


def collect(workers: Workers, parts: list[dict[str, Tensor]]) -> Evaluation:
    """Join the results of all ranks, in the order of the split's videos.

    Args:
        workers: ranks that evaluate together.
        parts: for each batch of this rank (evaluation_batches), the fields of an Evaluation.
    """
    mine = {name: torch.cat([part[name].cpu() for part in parts]) for name in parts[0]}
    ranks = workers.gather(mine)
    total = sum(len(rank["labels"]) for rank in ranks)
    merged = {}
    for name, values in mine.items():
        whole = values.new_zeros((total, *values.shape[1:]))
        # Rank r evaluated the videos r, r + world_size, ...
        for number, rank in enumerate(ranks):
            whole[number :: workers.world_size] = rank[name]
        merged[name] = whole if name == "labels" else whole.float()
    return Evaluation(**merged)


def evaluation_batches(dataset: SegmentDataset, config: Config, workers: Workers) -> Iterator[Item]:
    """Return this rank's share of a split: every world_size-th video, in order."""
    return batches(
        dataset,
        batch_size=config.data.batch_size,
        shuffle_seed=None,
        rank=workers.rank,
        world_size=workers.world_size,
    )
