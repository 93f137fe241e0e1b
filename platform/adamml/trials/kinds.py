"""The kinds of assignment: decode videos, train a network or a trial, test one.

Trials reach their model by the family of their method (adamml/methods) and by nothing else.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch._dynamo  # noqa: F401 (torch.optim would, in the first trial: here the slot still waits)
from torch import nn

from adamml.config import override
from adamml.data.synthetic.generation import ensure_synthetic
from adamml.methods.metrics import trial_metrics
from adamml.methods.points import with_bias
from adamml.models.weights import fetch_weights
from adamml.recipes import RECIPES
from adamml.records import read_trial
from adamml.slots.dispatcher import Attempt, Report
from adamml.tables import lookup
from adamml.training.checkpoints import load_checkpoint
from adamml.training.evaluation import Evaluation
from adamml.training.loop import Metrics, fit
from adamml.training.policy_quality import relevance_of
from adamml.training.workers import Workers
from adamml.trials.assignment import Assignment
from adamml.trials.journalled import Execution, Trained, after, journalled
from adamml.trials.pretrained import ensure_unimodal, segment_logits
from adamml.trials.process_cache import splits_of
from adamml.trials.test_results import (
    load_results,
    result_metrics,
    save_results,
    video_results,
)


def execute(attempt: Attempt, report: Report, context: dict[str, Any]) -> None:
    """Execute one assignment on every rank of a slot.

    Args:
        attempt: its number, and as spec the assignment's plain values.
        report: sends a line to the slot; raises Stopped.
        context: home, study, data (folders), recipe, modalities, built_in.
    """
    assignment = Assignment.from_wire(attempt["spec"])
    recipe = lookup(RECIPES, context["recipe"], what="recipe")
    modalities = tuple(context["modalities"])
    config = override(recipe(modalities), assignment.overrides)
    run = Execution(
        assignment=assignment,
        attempt=attempt["attempt"],
        report=report,
        home=Path(context["home"]),
        study=Path(context["study"]),
        config=config,
        splits=splits_of(Path(context["data"]), config, modalities),
        workers=Workers.current(),
        built_in=context["built_in"],
    )
    lookup(KINDS, assignment.kind, what="kind of assignment")(run)


def prepare(run: Execution) -> None:
    """Decode splits into the node's cache, and report the videos that cannot be read.

    ImageNet weights are fetched first, so that a study that cannot have them ends at once, and
    missing videos of the built-in dataset are made.
    """
    fetch_weights(run.config)
    synthetic = run.config.data.synthetic
    if run.built_in and synthetic is not None:
        root = run.splits.manifest.root
        ensure_synthetic(root, synthetic, processes=1, splits=run.assignment.splits)
    bad: dict[str, str] = {}
    silent = videos = 0
    for split in run.assignment.splits:
        frames = run.splits.frames[split]
        table = run.splits.manifest.split(split).table
        paths = dict(zip(table["id"], table["path"], strict=True))
        bad |= {paths[id]: reason for id, reason in frames.bad.items()}
        silent += frames.silent
        videos += len(table)
    run.report({"epoch": 0, "bad": json.dumps(bad), "silent": silent, "videos": videos})


def unimodal(run: Execution) -> None:
    """Train one modality's network and compute its segment logits, unless the home has them."""
    modality = run.assignment.modality

    def train(keep: Callable[[int, str, Metrics], None]) -> Trained:
        metrics = ensure_unimodal(run.unimodal(modality), run.splits, run.workers, keep)
        # Only the stage policy_only reads segment logits.
        for split in ("validation", "train") if run.config.stages.get("policy_only") else ():
            segment_logits(run.unimodal(modality), run.splits, split, run.workers)
        return Trained(metrics, [])

    journalled(run, lambda done, keep: train(after(keep, done)))


def trial(run: Execution) -> None:
    """Train a trial as far as its fidelity, from the last epoch in its journal."""

    def train(done: int, keep: Callable[[int, str, Metrics], None]) -> Trained:
        quiet = after(keep, 10**9)
        for modality in run.config.modalities:
            ensure_unimodal(run.unimodal(modality), run.splits, run.workers, quiet)
        weights = {m: run.unimodal(m).weights for m in run.config.modalities}
        task = run.family.task(
            run.config,
            weights,
            run.splits,
            run.view,
            run.workers,
            run.folder / "checkpoint",
            run.assignment.fidelity,
        )
        fit(task, run.workers, keep, done=done)
        # Without an epoch in this process, either the plan has none (recognition is as it was), or
        # an earlier attempt died between its last epoch and its end.
        measured = task.measured or task.evaluate(len(task.plan))
        return Trained(measured, task.operating_points())

    journalled(run, train)


def test(run: Execution) -> None:
    """Evaluate a trial's final checkpoint on the test split, once, at the end of a study.

    The assignment's decision_bias selects the operating point that is evaluated.
    test_bias.<modality> reports it, and is 0 without one.
    """
    evaluation = _evaluated(run)
    costs, relevant = run.family.costs(run.config), relevance_of(run.splits, "test")
    _report_test(run, trial_metrics(run.config, evaluation, costs, relevant))


def test_videos(run: Execution) -> None:
    """Test a trial as test() does, and save every video's result (trials/test_results.py).

    A trial whose results are already saved is not tested again. The metrics that are reported are
    those of the file.
    """
    if run.workers.gather(load_results(run.folder) is None)[0]:
        evaluation = _evaluated(run)
        if run.workers.rank == 0:
            ids = run.splits.fixed("test").manifest.table["id"].tolist()
            costs = run.family.costs(run.config)
            save_results(video_results(ids, evaluation, costs), run.folder)
        run.workers.barrier()
    results = load_results(run.folder)
    assert results is not None
    _report_test(run, result_metrics(results, run.config.data.quality))


def bounds(run: Execution) -> None:
    """Report the best that decisions could do with a trial's networks on validation."""
    find = run.family.bounds
    if find is None:
        raise ValueError(f"references must be of a method with decisions to vary, got {run.method}")
    values = find(_final_model(run), run.splits, run.config, run.workers)
    run.report({"epoch": 0, "references": json.dumps(values)})


def _evaluated(run: Execution) -> Evaluation:
    bias, videos = run.assignment.decision_bias or None, run.splits.fixed("test")
    model, evaluate = _final_model(run), run.family.evaluate
    return evaluate(model, videos, run.config, run.workers, decision_bias=bias)


def _report_test(run: Execution, metrics: Metrics) -> None:
    bias = dict.fromkeys(run.config.modalities, 0.0) | dict(run.assignment.decision_bias)
    values = with_bias(metrics, bias)
    run.report({"epoch": 0, **{f"test_{name}": value for name, value in values.items()}})


def _final_model(run: Execution) -> nn.Module:
    model: nn.Module = run.family.build(run.config, {}, run.workers)
    epochs = len(read_trial(run.folder).epochs)
    load_checkpoint(run.folder / "checkpoint", epochs, model)
    return model


KINDS: dict[str, Callable[[Execution], None]] = {
    "prepare": prepare,
    "unimodal": unimodal,
    "trial": trial,
    "fusion": trial,
    "confirm": trial,
    "confirm_unimodal": unimodal,
    "test": test,
    "test_videos": test_videos,
    "references": bounds,
}
"""Kind of assignment -> the function that a slot runs on every rank."""
