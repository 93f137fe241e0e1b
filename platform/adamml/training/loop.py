"""The training loop: per epoch passes, evaluation, checkpoint and report.

A trial can be resumed after every epoch.
"""

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
OnEpoch = Callable[[int, str, Metrics], None]
"""Callback (epoch, stage, metrics), called on every rank after each epoch. It raises to stop."""


@dataclass
class Task:
    """The training of one model: its epochs, its data and its evaluation."""

    config: Config
    """Complete config of the trial."""
    model: nn.Module
    """Model that is trained in place."""
    plan: list[tuple[str, int]]
    """Stage and epoch of that stage, from 1, of every epoch in order."""
    passes: Passes
    """Stage -> the passes of each of its epochs."""
    videos: SegmentDataset
    """Augmented training videos, for passes whose source is "videos"."""
    view: Callable[[], FixedView]
    """Return the training split's fixed view, for passes whose source is "logits"."""
    evaluate: Callable[[int], Metrics]
    """Return the validation metrics after an epoch of the plan, from 1; 0 is before the first.

    They are the same on every rank, and empty for an epoch that is not evaluated."""
    score: Callable[[Metrics], float]
    """Return the number by which the best alternating epoch is chosen. Fine-tuning starts there."""
    checkpoints: Path
    """Folder of the trial's checkpoints."""
    modality: str | None = None
    """Modality of a unimodal network; None for any other model."""
    operating_points: Callable[[], list[Metrics]] = list
    """Return the model's curve on validation after the last epoch (methods/points.py)."""
    optimizers: dict[str, torch.optim.Optimizer] = field(default_factory=dict)
    """Optimisers of the present stage, by the name of their settings (Pass.optimizer)."""
    measured: Metrics = field(default_factory=dict)
    """Metrics of the last evaluation in this process; empty before the first."""


def plan(stages: dict[str, int], until: str | None = None) -> list[tuple[str, int]]:
    """Return the epochs of these stages in order, as for Task.plan.

    Args:
        stages: stage -> number of epochs.
        until: the last stage that is included; None for all stages.
    """
    epochs = []
    for stage, count in stages.items():
        epochs += [(stage, number) for number in range(1, count + 1)]
        if stage == until:
            break
    return epochs


def fit(task: Task, workers: Workers, report: OnEpoch, done: int = 0) -> Progress:
    """Run the plan's epochs that are left, and return the progress after the last.

    Args:
        task: the training.
        workers: ranks that train together.
        report: called after each epoch.
        done: number of epochs that an earlier process completed. Training continues from the
            checkpoint of the last of them.

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
            states = {}  # the loaded optimisers belong to a stage that is over
        seed_everything(task.config.seed, "epoch", epoch, workers.rank)
        metrics = _train_epoch(task, workers, epoch, stage, stage_epoch, states)
        if evaluated := task.evaluate(epoch):
            task.measured = evaluated
        metrics |= evaluated
        progress = _advance(task, progress, epoch, stage, metrics)
        if workers.rank == 0:
            optimizers = {name: o.state_dict() for name, o in task.optimizers.items()}
            save_checkpoint(task.checkpoints, task.model, optimizers, progress)
        # report() journals the epoch. No rank may do so before its checkpoint is complete, and the
        # one before it must last until then: a resumed trial loads what the journal names.
        workers.barrier()
        report(epoch, stage, metrics)
        if workers.rank == 0:
            remove_older(task.checkpoints, epoch)
    return progress


def _begin_stage(task: Task, stage: str, progress: Progress) -> None:
    """Drop the optimisers of the stage before; fine-tuning also goes back to the best epoch."""
    task.optimizers.clear()
    if stage == "fine_tuning" and progress.best_epoch:
        load_weights(task.model, folder(task.checkpoints, progress.epoch) / "best.safetensors")


def _advance(task: Task, progress: Progress, epoch: int, stage: str, metrics: Metrics) -> Progress:
    """Return the progress after an epoch with these metrics."""
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
    """Run the passes of one epoch; return their losses and learning rates by name.

    Raises:
        FloatingPointError: a loss is not finite.
    """
    gumbel = task.config.gumbel
    stages = [stage for stage, _ in task.plan]
    # The temperature falls with each pass that trained the policy: epochs of recognition alone
    # leave it as it is. Counted from the plan, it is right after a resume too.
    passes_before = policy_passes(stages[: epoch - 1], task.passes)
    temperature = gumbel.temperature * gumbel.decay**passes_before
    metrics: Metrics = {}
    if stage != "unimodal":
        clock = policy_passes(stages[:epoch], task.passes)
        metrics |= {"temperature": temperature, "policy_epoch": clock}
    for pass_type in task.passes[stage]:
        module = pass_type(task.model, task.config)
        if not module.parameters_trained():
            continue  # e.g. the policy pass of always-on fusion, which has no policy
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
    """Return the pass's optimiser. The first pass of a stage that needs one builds it.

    A stage that is resumed takes its state out of `states`, those of the checkpoint.
    """
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
    """Train for one pass over the videos.

    Returns:
        The mean of the loss and of each of its terms, over batches and ranks; nan for the loss
        where there was no batch.
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
        return {"loss": math.nan}  # there was no video to train on; the caller raises
    # Sums stay on the device until here: reading numbers per batch would make a GPU wait.
    means = (torch.stack(list(sums.values())) / count).tolist()
    ranks = zip(*workers.gather(means), strict=True)
    return {name: sum(v) / len(v) for name, v in zip(sums, ranks, strict=True)}


def _feed(task: Task, workers: Workers, source: str, epoch: int) -> Iterator[Batch]:
    """Yield this rank's batches of one pass, on its device, from a source (Pass.source)."""
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
