"""Unimodal networks: the recognition network of one modality, trained alone.

They belong to no method: trials of every family start from them, and studies share them
(trials/pretrained.py).
"""

from pathlib import Path

import torch
from torch import Tensor

from adamml.config import Config
from adamml.cost.flops import count_costs
from adamml.data.dataset import SegmentDataset, batches
from adamml.models.recognition import RecognitionNetwork, build_recognition
from adamml.models.weights import load_pretrained
from adamml.objectives.losses import Terms, recognition_loss
from adamml.objectives.quality import measures
from adamml.training.determinism import configure, seed_everything
from adamml.training.evaluation import Evaluation, collect, evaluation_batches
from adamml.training.fixed_views import FixedView
from adamml.training.loop import Metrics, Task, plan
from adamml.training.passes import Batch, Pass
from adamml.training.placement import placed
from adamml.training.splits import Splits
from adamml.training.workers import Workers


class UnimodalPass(Pass):
    """A pass over one recognition network; the mean of its segment logits classifies a video."""

    trained = ()  # all parts
    optimizer = "unimodal"
    model: RecognitionNetwork

    def forward(self, batch: Batch, temperature: float) -> Terms:
        (clips,) = self.clips(batch).values()
        return recognition_loss(self.model(clips).mean(1), batch["label"])


def fresh_unimodal(config: Config, modality: str, workers: Workers) -> RecognitionNetwork:
    """Build a recognition network with weights drawn from the config's seed.

    Its backbone starts from config.recognition[modality].weights.

    Raises:
        ValueError, OSError: the weights cannot be loaded (load_pretrained).
    """
    configure(config.execution)
    seed_everything(config.seed, "unimodal", modality)
    network = build_recognition(config, modality, config.data.num_classes)
    field = f"recognition.{modality}.weights"
    load_pretrained(network.backbone, config.recognition[modality], field)
    return placed(network, config, workers)  # type: ignore[return-value]


def unimodal_task(
    config: Config, modality: str, splits: Splits, workers: Workers, checkpoints: Path
) -> Task:
    """Return the training of one recognition network, of config.unimodal[modality].epochs epochs.

    Args:
        config: complete config of a trial.
        modality: modality of the network.
        splits: videos of that config.
        workers: ranks that train together.
        checkpoints: folder of the network's checkpoints.
    """
    network = fresh_unimodal(config, modality, workers)
    splits = splits.alone(modality)
    validation, settings = splits.fixed("validation"), config.unimodal[modality]

    def evaluate(epoch: int) -> Metrics:
        # In the demo, evaluations after every epoch took a quarter of a network's time
        # (docs/notebook/2026-11-22-forty-trials.md). The last epoch's metrics are the network's.
        if epoch % settings.validate_every and epoch < settings.epochs:
            return {}
        evaluation = evaluate_unimodal(network, modality, validation, splits.config, workers)
        return unimodal_metrics(config, modality, evaluation)

    return Task(
        config=splits.config,
        model=network,
        plan=plan({"unimodal": settings.epochs}),
        passes={"unimodal": (UnimodalPass,)},
        videos=splits.augmented(settings.segments),
        view=_no_view,
        evaluate=evaluate,
        score=lambda metrics: metrics["quality"],
        checkpoints=checkpoints,
        modality=modality,
    )


@torch.no_grad()
def evaluate_unimodal(
    network: RecognitionNetwork,
    modality: str,
    dataset: SegmentDataset,
    config: Config,
    workers: Workers,
) -> Evaluation:
    """Evaluate one network on every segment of a split; all decisions [N, S, 1] are 1."""
    network.eval()
    parts = []
    for batch in evaluation_batches(dataset, config, workers):
        logits = network(batch[modality].to(workers.device))
        ones = logits.new_ones((*logits.shape[:2], 1))
        parts.append({"logits": logits.mean(1), "decisions": ones, "labels": batch["label"]})
    return collect(workers, parts)


def unimodal_metrics(config: Config, modality: str, evaluation: Evaluation) -> Metrics:
    """Return the quality, and the GFLOPs of running this network on every segment."""
    costs = count_costs(config, config.data.num_classes)
    macs = evaluation.decisions.shape[1] * costs.segment_selected(modality)
    return measures(config.data.quality, evaluation.logits, evaluation.labels) | {
        "gflops": macs / 1e9
    }


@torch.no_grad()
def segment_logits_of(
    network: RecognitionNetwork,
    modality: str,
    dataset: SegmentDataset,
    batch_size: int,
    device: torch.device,
) -> Tensor:
    """Return a frozen network's logits for every segment of every video: [N, S, K], on the CPU."""
    network.eval()
    parts = batches(dataset, batch_size=batch_size, shuffle_seed=None)
    return torch.cat([network(batch[modality].to(device)).float().cpu() for batch in parts])


def _no_view() -> FixedView:
    raise AssertionError("a unimodal network has no policy to train on a fixed view")
