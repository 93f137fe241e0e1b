"""The loop over epochs: passes, evaluation, checkpoint, report; resumable after every epoch."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from adamml.config import Config
from adamml.data.dataset import SegmentDataset, batches
from adamml.models.weight_files import load_weights
from adamml.objectives.losses import Terms, total
from adamml.training.checkpoints import (
    Progress,
    folder,
    load_checkpoint,
    remove_older,
    save_checkpoint,
)
from adamml.training.determinism import seed_everything
from adamml.training.fixed_views import FixedView
from adamml.training.optimizers import build_optimizer, set_learning_rate
from adamml.training.passes import Batch, Pass, Passes, policy_passes
from adamml.training.workers import Workers

Metrics = dict[str, float]
Report = Callable[[int, str, Metrics], None]
"""report(epoch, stage, metrics): called on every rank after each epoch; raises to stop."""


@dataclass
class Task:
    """What to train, on what, for which epochs."""

    config: Config
    model: nn.Module
    plan: list[tuple[str, int]]
    """(stage, epoch of that stage counted from 1), in order."""
    passes: Passes
    """Stage -> the passes of each of its epochs."""
    videos: SegmentDataset
    """Augmented training videos, for passes whose source is "videos"."""
    view: Callable[[], FixedView]
    """The training split's fixed view, for passes whose source is "logits"."""
    evaluate: Callable[[int], Metrics]
    """Epoch of the plan, from 1 (0: before all) -> validation metrics, the same on every rank;
    none for an epoch that is not evaluated."""
    score: Callable[[Metrics], float]
    """What "best" means among alternating epochs, for fine-tuning from the best."""
    checkpoints: Path
    modality: str | None = None
    """Of a unimodal network."""
    operating_points: Callable[[], list[Metrics]] = list
    """After the last epoch: the model's curve on validation (methods/points.py)."""
    optimizers: dict[str, torch.optim.Optimizer] = field(default_factory=dict)
    measured: Metrics = field(default_factory=dict)
    """Metrics of the last evaluation in this process; empty before one."""


def plan(stages: dict[str, int], until: str | None = None) -> list[tuple[str, int]]:
    """The epochs of these stages in order, up to and with the stage `until` where given."""
    epochs = []
    for stage, count in stages.items():
        epochs += [(stage, number) for number in range(1, count + 1)]
        if stage == until:
            break
    return epochs


def fit(task: Task, workers: Workers, report: Report, done: int = 0) -> Progress:
    """Run the epochs of the plan after the first `done`, which the checkpoint of that epoch holds.

    Raises:
        FloatingPointError: a loss is not finite; the epoch and pass are named.
    """
    progress, states = Progress(epoch=0, stage=""), dict[str, Any]()
    if done:
        states, progress = load_checkpoint(task.checkpoints, done, task.model)
    task.model.to(workers.device)
    for epoch, (stage, stage_epoch) in list(enumerate(task.plan, start=1))[done:]:
        if stage_epoch == 1:
            _begin_stage(task, stage, progress)
            states = {}
        seed_everything(task.config.seed, "epoch", epoch, workers.rank)
        metrics = _train_epoch(task, workers, epoch, stage, stage_epoch, states)
        if evaluated := task.evaluate(epoch):
            task.measured = evaluated
        metrics |= evaluated
        progress = _advance(task, progress, epoch, stage, metrics)
        if workers.rank == 0:
            optimizers = {name: o.state_dict() for name, o in task.optimizers.items()}
            save_checkpoint(task.checkpoints, task.model, optimizers, progress)
        workers.barrier()
        report(epoch, stage, metrics)
        if workers.rank == 0:
            remove_older(task.checkpoints, epoch)
    return progress


def _begin_stage(task: Task, stage: str, progress: Progress) -> None:
    task.optimizers.clear()
    if stage == "fine_tuning" and progress.best_epoch:
        load_weights(task.model, folder(task.checkpoints, progress.epoch) / "best.safetensors")


def _advance(task: Task, progress: Progress, epoch: int, stage: str, metrics: Metrics) -> Progress:
    progress = replace(progress, epoch=epoch, stage=stage)
    if stage == "alternating" and (score := task.score(metrics)) > progress.best_score:
        return replace(progress, best_epoch=epoch, best_score=score)
    return progress


def _train_epoch(
    task: Task,
    workers: Workers,
    epoch: int,
    stage: str,
    stage_epoch: int,
    states: dict[str, Any],
) -> Metrics:
    gumbel = task.config.gumbel
    stages = [stage for stage, _ in task.plan]
    passes_before = policy_passes(stages[: epoch - 1], task.passes)
    temperature = gumbel.temperature * gumbel.decay**passes_before
    metrics: Metrics = {}
    if stage != "unimodal":
        clock = policy_passes(stages[:epoch], task.passes)
        metrics |= {"temperature": temperature, "policy_epoch": clock}
    for pass_type in task.passes[stage]:
        module = pass_type(task.model, task.config)
        if not module.parameters_trained():
            continue  # always-on has no policy to train
        optimizer = _optimizer(task, module, states)
        name = pass_type.optimizer
        lr = set_learning_rate(optimizer, task.config, name, stage_epoch, task.modality)
        losses = _run_pass(task, workers, module, optimizer, epoch, temperature)
        for term, value in losses.items():
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"{term} must be finite, got {value} in epoch {epoch} ({stage}, {name})"
                )
        metrics |= {f"{name}.{term}": value for term, value in losses.items()} | {f"{name}.lr": lr}
        metrics["loss"] = losses["loss"]
    return metrics


def _optimizer(task: Task, module: Pass, states: dict[str, Any]) -> torch.optim.Optimizer:
    name = module.optimizer
    if name not in task.optimizers:
        parameters = module.parameters_trained()
        task.optimizers[name] = build_optimizer(task.config, name, parameters, task.modality)
        if name in states:
            task.optimizers[name].load_state_dict(states.pop(name))
    return task.optimizers[name]


def _run_pass(
    task: Task,
    workers: Workers,
    module: Pass,
    optimizer: torch.optim.Optimizer,
    epoch: int,
    temperature: float,
) -> Metrics:
    """Train for one pass over the videos; return the mean of the loss and of each of its terms.

    Means are over batches and ranks.
    """
    device = workers.device
    half = task.config.execution.precision == "bfloat16" and device.type == "cuda"
    parallel = workers.parallel(module).train()
    sums: dict[str, Tensor] = {}
    count = 0
    for batch in _feed(task, workers, module.source, epoch):
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
            terms: Terms = parallel(batch, temperature)
            loss = total(terms)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        for name, value in {"loss": loss, **terms}.items():
            sums[name] = sums.get(name, 0) + value.detach().double()
        count += 1
    if not sums:
        return {"loss": math.nan}  # the caller raises: there was no video to train on
    # Tensors until here: to read each batch's numbers would make the GPU wait for the CPU.
    means = (torch.stack(list(sums.values())) / count).tolist()
    ranks = zip(*workers.gather(means), strict=True)
    return {name: sum(v) / len(v) for name, v in zip(sums, ranks, strict=True)}


def _feed(task: Task, workers: Workers, source: str, epoch: int) -> Iterator[Batch]:
    data = task.config.data
    if source == "logits":
        yield from task.view().batches(workers, data.policy_only_batch_size, shuffle=True)
        return
    task.videos.set_epoch(epoch)
    for batch in batches(
        task.videos,
        batch_size=data.batch_size,
        shuffle_seed=task.config.seed,
        rank=workers.rank,
        world_size=workers.world_size,
    ):
        yield {name: _to(value, workers.device) for name, value in batch.items()}


def _to(value: Tensor, device: torch.device) -> Tensor:
    return value.to(device, non_blocking=True)
