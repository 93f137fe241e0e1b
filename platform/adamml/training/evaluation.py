"""An evaluation of a model on a split: quality, GFLOPs of its decisions, selection rates."""

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
    """logits [N, K], decisions [N, S, M], labels [N] or [N, K], in the order of the
    split's videos."""

    logits: Tensor
    decisions: Tensor
    labels: Tensor
    scores: Tensor | None = None
    """[N, S, M, 2]: what the decisions were made from, before a bias; of a learned policy."""
    segment_logits: Tensor | None = None
    """[N, S, M, K] of every segment, selected or not; where they were asked for or are cached."""

    def objectives(
        self,
        quality: str,
        costs: Costs,
        modalities: tuple[str, ...],
        batch_size: int | None = None,
    ) -> dict[str, float]:
        """quality with its standard error (objectives/quality.py), gflops (the mean over videos),
        and per modality the share of segments computed.

        Args:
            quality: accuracy or map.
            batch_size: with it, gflops and shares are unweighted means over the means of batches
                of this size, the last one smaller (quirks.mean_of_batch_means).
        """
        rates = _mean(self.decisions.mean(1), batch_size)
        return {
            **measures(quality, self.logits, self.labels),
            "gflops": float(_mean(costs.gflops(self.decisions), batch_size)),
            **{f"selection_rate.{m}": float(r) for m, r in zip(modalities, rates, strict=True)},
        }

    def metrics(
        self,
        quality: str,
        costs: Costs,
        modalities: tuple[str, ...],
        batch_size: int | None = None,
    ) -> dict[str, float]:
        """The objectives, and how gflops is distributed over videos and parts."""
        published = _mean(costs.billed.gflops(self.decisions), batch_size)
        return {
            **cost_distribution(costs, self.decisions).metrics(),
            "gflops_published": float(published),
            **self.objectives(quality, costs, modalities, batch_size),
        }


def _mean(values: Tensor, batch_size: int | None) -> Tensor:
    """Over the first axis, the videos; with a batch_size of the batches' means."""
    if batch_size is None:
        return values.mean(0)
    return torch.stack([batch.mean(0) for batch in values.split(batch_size)]).mean(0)


def collect(workers: Workers, parts: list[dict[str, Tensor]]) -> Evaluation:
    """Join all ranks' parts in the order of the split's videos.

    A part has the fields of an Evaluation for one batch of this rank (evaluation_batches).
    """
    mine = {name: torch.cat([part[name].cpu() for part in parts]) for name in parts[0]}
    ranks = workers.gather(mine)
    total = sum(len(rank["labels"]) for rank in ranks)
    merged = {}
    for name, values in mine.items():
        whole = values.new_zeros((total, *values.shape[1:]))
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
