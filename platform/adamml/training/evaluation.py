"""Evaluate a model on a split: quality, GFLOPs of the decisions it made, selection rates."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torchmetrics.functional.classification import multiclass_accuracy

from adamml.config import Config
from adamml.cost.flops import Costs
from adamml.data.dataset import SegmentDataset, batches
from adamml.models.adamml import AdaMML, Output
from adamml.models.recognition import RecognitionNetwork
from adamml.training.fixed_views import FixedView
from adamml.training.workers import Workers


@dataclass(frozen=True)
class Evaluation:
    """logits [N, K], decisions [N, S, M], labels [N], in the order of the split's videos."""

    logits: Tensor
    decisions: Tensor
    labels: Tensor

    @property
    def accuracy(self) -> float:
        """Top-1, in [0, 1]."""
        classes = self.logits.shape[-1]
        return float(multiclass_accuracy(self.logits, self.labels, classes, average="micro"))

    def metrics(self, costs: Costs, modalities: tuple[str, ...]) -> dict[str, float]:
        """accuracy, gflops (mean over videos), and per modality the share of segments computed."""
        rates = self.decisions.mean((0, 1))
        return {
            "accuracy": self.accuracy,
            "gflops": float(costs.gflops(self.decisions).mean()),
            **{f"selection_rate.{m}": float(r) for m, r in zip(modalities, rates, strict=True)},
        }


def _collect(workers: Workers, outputs: list[Output], labels: list[Tensor]) -> Evaluation:
    """Ranks hold every world_size-th video: put them back in the split's order."""
    own = (
        torch.cat([o.logits.float().cpu() for o in outputs]),
        torch.cat([o.decisions.float().cpu() for o in outputs]),
        torch.cat([label.cpu() for label in labels]),
    )
    ranks = workers.gather(own)
    total = sum(len(rank[2]) for rank in ranks)
    merged = []
    for part in range(3):
        whole = ranks[0][part].new_zeros((total, *ranks[0][part].shape[1:]))
        for rank, values in enumerate(ranks):
            whole[rank :: workers.world_size] = values[part]
        merged.append(whole)
    return Evaluation(*merged)


@torch.no_grad()
def evaluate(
    model: AdaMML, dataset: SegmentDataset, config: Config, workers: Workers
) -> Evaluation:
    """Routed inference on a split: each recognition network runs only where it was selected."""
    model.eval()
    outputs, labels = [], []
    size = config.data.batch_size
    for batch in batches(
        dataset,
        batch_size=size,
        shuffle_seed=None,
        rank=workers.rank,
        world_size=workers.world_size,
        loader_workers=config.data.loader_workers,
    ):
        clips = {name: batch[name].to(workers.device) for name in config.inputs}
        outputs.append(model.infer(clips))
        labels.append(batch["label"])
    return _collect(workers, outputs, labels)


@torch.no_grad()
def evaluate_view(model: AdaMML, view: FixedView, config: Config, workers: Workers) -> Evaluation:
    """The same numbers from cached segment logits, for a model whose recognition is frozen."""
    model.eval()
    rows = torch.arange(len(view))[workers.rank :: workers.world_size]
    outputs, labels = [], []
    for chunk in rows.split(config.data.batch_size):
        batch = view.batch(chunk, workers.device)
        clips = {name: batch[name] for name in config.inputs if name in batch}
        logits = batch["segment_logits"]
        outputs.append(model.forward_from_logits(clips, logits, temperature=1.0))
        labels.append(batch["label"])
    return _collect(workers, outputs, labels)


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
    outputs, labels = [], []
    for batch in batches(
        dataset,
        batch_size=config.data.batch_size,
        shuffle_seed=None,
        rank=workers.rank,
        world_size=workers.world_size,
        loader_workers=config.data.loader_workers,
    ):
        logits = network(batch[modality].to(workers.device))
        ones = logits.new_ones((*logits.shape[:2], 1))
        outputs.append(Output(logits.mean(1), ones, logits[:, :, None]))
        labels.append(batch["label"])
    return _collect(workers, outputs, labels)
