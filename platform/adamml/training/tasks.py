"""The two things that are trained: a unimodal recognition network, and AdaMML on top of several."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from adamml.config import Config
from adamml.cost.flops import count_costs
from adamml.data.manifest import Split
from adamml.models.adamml import AdaMML, build_adamml
from adamml.models.policy import PolicyNetwork
from adamml.models.recognition import RecognitionNetwork, build_recognition
from adamml.models.weight_files import load_weights
from adamml.models.weights import load_pretrained
from adamml.objectives.quality import measures
from adamml.training.determinism import configure, seed_everything
from adamml.training.evaluation import Evaluation, evaluate, evaluate_unimodal, evaluate_view
from adamml.training.fixed_views import FixedView
from adamml.training.loop import Metrics, Task, plan
from adamml.training.operating_points import has_operating_points, operating_points
from adamml.training.policy_quality import precision_and_recall, relevance_of
from adamml.training.splits import Splits
from adamml.training.workers import Workers

FIDELITIES: dict[str, str | None] = {"policy": "policy_only", "joint": None}
"""Fidelity -> the last stage it runs; None runs them all."""


def _placed(model: nn.Module, config: Config, workers: Workers) -> nn.Module:
    """On its device, channels_last; with synchronised batch norm between GPUs."""
    cuda = workers.device.type == "cuda"
    if cuda and workers.world_size > 1 and config.execution.sync_batch_norm == "cuda":
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    return model.to(workers.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def fresh_unimodal(config: Config, modality: str, workers: Workers) -> RecognitionNetwork:
    """A recognition network with weights drawn from the config's seed, on a backbone that starts
    from config.recognition[modality].weights.

    Raises:
        ValueError, OSError: as load_pretrained.
    """
    configure(config.execution)
    seed_everything(config.seed, "unimodal", modality)
    network = build_recognition(config, modality, config.data.num_classes)
    field = f"recognition.{modality}.weights"
    load_pretrained(network.backbone, config.recognition[modality], field)
    return _placed(network, config, workers)  # type: ignore[return-value]


def fresh_adamml(config: Config, pretrained: dict[str, Path], workers: Workers) -> AdaMML:
    """AdaMML with the unimodal networks' weights and the rest drawn from the config's seed.

    Args:
        pretrained: modality -> safetensors of its unimodal network. Backbones of the policy start
            from config.policy.backbones[modality].weights.

    Raises:
        ValueError, OSError: as load_pretrained.
    """
    configure(config.execution)
    seed_everything(config.seed, "adamml")
    model = build_adamml(config, config.data.num_classes)
    for modality, path in pretrained.items():
        load_weights(model.recognition[modality], path)
    if isinstance(model.policy, PolicyNetwork):
        for modality, backbone in model.policy.backbones.items():
            field = f"policy.backbones.{modality}.weights"
            load_pretrained(backbone, config.policy.backbones[modality], field)
    return _placed(model, config, workers)  # type: ignore[return-value]


def unimodal_task(
    config: Config, modality: str, splits: Splits, workers: Workers, checkpoints: Path
) -> Task:
    """Train one recognition network alone, for config.unimodal[modality].epochs."""
    network = fresh_unimodal(config, modality, workers)
    splits = splits.alone(modality)
    validation, own = splits.fixed("validation"), config.unimodal[modality]

    def metrics(epoch: int) -> Metrics:
        if epoch % own.validate_every and epoch < own.epochs:
            return {}
        found = evaluate_unimodal(network, modality, validation, splits.config, workers)
        return unimodal_metrics(config, modality, found)

    return Task(
        config=splits.config,
        model=network,
        plan=plan({"unimodal": own.epochs}),
        videos=splits.augmented(own.segments),
        view=_no_view,
        evaluate=metrics,
        score=lambda found: found["quality"],
        checkpoints=checkpoints,
        modality=modality,
    )


def adamml_task(
    config: Config,
    pretrained: dict[str, Path],
    splits: Splits,
    view: Callable[[Split], FixedView],
    workers: Workers,
    checkpoints: Path,
    fidelity: str,
) -> Task:
    """Train a trial as far as its fidelity.

    Args:
        view: split -> its fixed view, for the policy-only stage.
    """
    model = fresh_adamml(config, pretrained, workers)
    epochs = plan(config.stages, until=FIDELITIES[fidelity])
    relevant = relevance_of(splits, "validation")
    last: list[Evaluation] = []

    def metrics(epoch: int) -> Metrics:
        stage, whole = epochs[epoch - 1][0] if epoch else "policy_only", epoch == len(epochs)
        found = evaluate_trial(model, config, splits, view, workers, stage, every_segment=whole)
        last[:] = [found] if whole else []
        return adamml_metrics(config, found, relevant)

    def points() -> list[Metrics]:
        if not has_operating_points(model):
            return []
        if not last:  # its last epoch ended in another process
            metrics(len(epochs))
        return operating_points(model, last[0], config)

    def score(found: Metrics) -> float:
        lambdas = config.loss.lambdas
        usage = sum(lambdas[m] * found[f"selection_rate.{m}"] for m in config.modalities)
        return found["quality"] - usage

    return Task(
        config=config,
        model=model,
        plan=epochs,
        videos=splits.augmented(config.data.train_segments),
        view=lambda: view("train"),
        evaluate=metrics,
        score=score,
        checkpoints=checkpoints,
        operating_points=points,
    )


def evaluate_trial(
    model: AdaMML,
    config: Config,
    splits: Splits,
    view: Callable[[Split], FixedView],
    workers: Workers,
    stage: str,
    *,
    every_segment: bool = False,
) -> Evaluation:
    """On the validation split; from cached segment logits while recognition is still frozen.

    Args:
        every_segment: of a model that has operating points, have the logits of all segments.
    """
    if stage == "policy_only":
        return evaluate_view(model, view("validation"), config, workers)
    every_segment = every_segment and has_operating_points(model)
    validation = splits.fixed("validation")
    return evaluate(model, validation, config, workers, every_segment=every_segment)


def adamml_metrics(config: Config, found: Evaluation, relevant: Tensor | None = None) -> Metrics:
    """All that an evaluation says.

    Args:
        relevant: [N, S, M], where it is known: adds precision and recall per modality.
    """
    costs = count_costs(config, config.data.num_classes)
    batch_size = config.data.batch_size if config.quirks.mean_of_batch_means else None
    metrics = found.metrics(config.data.quality, costs, config.modalities, batch_size)
    if relevant is None:
        return metrics
    return metrics | precision_and_recall(found.decisions, relevant, config.modalities)


def unimodal_metrics(config: Config, modality: str, found: Evaluation) -> Metrics:
    """quality (objectives/quality.py), and the GFLOPs of running this network on every segment."""
    costs = count_costs(config, config.data.num_classes)
    macs = found.decisions.shape[1] * costs.segment_selected(modality)
    return measures(config.data.quality, found.logits, found.labels) | {"gflops": macs / 1e9}


def _no_view() -> FixedView:
    raise AssertionError("a unimodal network has no policy to train on a fixed view")
