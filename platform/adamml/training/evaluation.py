"""Evaluate a model on a split: quality, GFLOPs of the decisions it made, selection rates."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from adamml.config import Config
from adamml.cost.distribution import cost_distribution
from adamml.cost.flops import Costs
from adamml.data.dataset import Item, SegmentDataset, batches
from adamml.models.adamml import AdaMML
from adamml.models.recognition import RecognitionNetwork
from adamml.objectives.quality import measures
from adamml.training.decisions import Decider
from adamml.training.fixed_views import FixedView
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


def _collect(workers: Workers, found: list[dict[str, Tensor]]) -> Evaluation:
    """Ranks hold every world_size-th video: put them back in the split's order."""
    own = {name: torch.cat([part[name].cpu() for part in found]) for name in found[0]}
    ranks = workers.gather(own)
    total = sum(len(rank["labels"]) for rank in ranks)
    merged = {}
    for name, values in own.items():
        whole = values.new_zeros((total, *values.shape[1:]))
        for number, rank in enumerate(ranks):
            whole[number :: workers.world_size] = rank[name]
        merged[name] = whole if name == "labels" else whole.float()
    return Evaluation(**merged)


def _batches(dataset: SegmentDataset, config: Config, workers: Workers) -> Iterator[Item]:
    return batches(
        dataset,
        batch_size=config.data.batch_size,
        shuffle_seed=None,
        rank=workers.rank,
        world_size=workers.world_size,
    )


@torch.no_grad()
def evaluate(
    model: AdaMML,
    dataset: SegmentDataset,
    config: Config,
    workers: Workers,
    *,
    decision_bias: Mapping[str, float] | None = None,
    every_segment: bool = False,
) -> Evaluation:
    """Routed inference on a split: each recognition network runs only where it was selected.

    Args:
        decision_bias: as in AdaMML.infer.
        every_segment: afterwards run the networks where they were not selected as well: nothing
            changes but segment_logits, which are then known (None with a fusion of features).
    """
    model.eval()
    decide, found = Decider.of(model, config, len(dataset), decision_bias), []
    for batch in _batches(dataset, config, workers):
        clips = {name: batch[name].to(workers.device) for name in config.inputs}
        decided = decide(model.policy_clips(clips), batch["index"])
        output = model.infer(clips, decided["decisions"])
        found.append({"logits": output.logits, "labels": batch["label"], **decided})
        if every_segment and output.segment_logits is not None:
            skipped = model.infer(clips, 1 - decided["decisions"]).segment_logits
            assert skipped is not None
            found[-1]["segment_logits"] = output.segment_logits + skipped  # 0 where not computed
    return _collect(workers, found)


@torch.no_grad()
def evaluate_view(
    model: AdaMML,
    view: FixedView,
    config: Config,
    workers: Workers,
    *,
    decision_bias: Mapping[str, float] | None = None,
) -> Evaluation:
    """The same numbers from cached segment logits, for a model whose recognition is frozen."""
    model.eval()
    rows = torch.arange(len(view))[workers.rank :: workers.world_size]
    decide, found = Decider.of(model, config, len(view), decision_bias), []
    for chunk in rows.split(config.data.batch_size):
        batch = view.batch(chunk, workers.device)
        clips = {name: batch[name] for name in config.inputs if name in batch}
        decided, logits = decide(clips, chunk), batch["segment_logits"]
        fused = model.fuse(logits, decided["decisions"]).logits
        labels = {"labels": batch["label"], "segment_logits": logits}
        found.append({"logits": fused, **labels, **decided})
    return _collect(workers, found)


@torch.no_grad()
def evaluate_unimodal(
    network: RecognitionNetwork,
    modality: str,
    dataset: SegmentDataset,
    config: Config,
    workers: Workers,
) -> Evaluation:
    """One network on every segment; decisions are ones, [N, S, 1]."""
    network.eval()
    found = []
    for batch in _batches(dataset, config, workers):
        logits = network(batch[modality].to(workers.device))
        ones = logits.new_ones((*logits.shape[:2], 1))
        found.append({"logits": logits.mean(1), "decisions": ones, "labels": batch["label"]})
    return _collect(workers, found)
