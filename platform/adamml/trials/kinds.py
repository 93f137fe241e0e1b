"""What a slot does with an assignment: prepare videos, train a network or a trial, test one."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch._dynamo  # noqa: F401 (torch.optim would, in the first trial: here the slot still waits)

from adamml.config import override
from adamml.cost.flops import count_costs
from adamml.data.synthetic.generation import ensure_synthetic
from adamml.models.adamml import AdaMML
from adamml.models.weights import fetch_weights
from adamml.recipes import RECIPES
from adamml.records import read_trial
from adamml.slots.dispatcher import Attempt
from adamml.tables import lookup
from adamml.training.checkpoints import load_checkpoint
from adamml.training.evaluation import evaluate
from adamml.training.loop import Metrics, fit
from adamml.training.operating_points import BIAS
from adamml.training.policy_quality import relevance_of
from adamml.training.tasks import adamml_metrics, adamml_task, fresh_adamml
from adamml.training.workers import Workers
from adamml.trials.assignment import Assignment
from adamml.trials.bounds import references
from adamml.trials.journalled import Report, Run, Trained, after, journalled
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
        report: of the slot; raises Stopped.
        context: home, study, data (folders), recipe, modalities, built_in.
    """
    assignment = Assignment.from_wire(attempt["spec"])
    recipe = lookup(RECIPES, context["recipe"], what="recipe")
    modalities = tuple(context["modalities"])
    config = override(recipe(modalities), assignment.overrides)
    run = Run(
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


def prepare(run: Run) -> None:
    """Fetch ImageNet weights, so that a study that cannot have them ends at once; make what these
    splits lack of the built-in videos; decode them into the node's cache; report what could not be
    read."""
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


def unimodal(run: Run) -> None:
    """Train one modality's network, unless the home has it, and its segment logits."""
    modality = run.assignment.modality

    def train(keep: Callable[[int, str, Metrics], None]) -> Trained:
        metrics = ensure_unimodal(run.unimodal(modality), run.splits, run.workers, keep)
        for split in ("validation", "train") if run.config.stages.get("policy_only") else ():
            segment_logits(run.unimodal(modality), run.splits, split, run.workers)
        return Trained(metrics, [])

    journalled(run, lambda done, keep: train(after(keep, done)))


def trial(run: Run) -> None:
    """Train a trial as far as its fidelity, from where its journal says it is."""

    def train(done: int, keep: Callable[[int, str, Metrics], None]) -> Trained:
        quiet = after(keep, 10**9)
        for modality in run.config.modalities:
            ensure_unimodal(run.unimodal(modality), run.splits, run.workers, quiet)
        weights = {m: run.unimodal(m).weights for m in run.config.modalities}
        task = adamml_task(
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


def test(run: Run) -> None:
    """Evaluate a trial's final checkpoint on the test split; asked once, at the end of a study.

    With a decision_bias it is that operating point which is evaluated; test_bias.<modality>
    says so, and is 0 otherwise.
    """
    bias = run.assignment.decision_bias or None
    metrics = _test_metrics(run, bias) | _used(run, bias)
    run.report({"epoch": 0, **{f"test_{name}": value for name, value in metrics.items()}})


def _used(run: Run, bias: Mapping[str, float] | None) -> Metrics:
    """bias.<modality>, 0 where none was set."""
    used = dict.fromkeys(run.config.modalities, 0.0) | dict(bias or {})
    return {f"{BIAS}{modality}": value for modality, value in used.items()}


def _test_metrics(run: Run, bias: Mapping[str, float] | None) -> Metrics:
    model, config, videos = _final_model(run), run.config, run.splits.fixed("test")
    found = evaluate(model, videos, config, run.workers, decision_bias=bias)
    return adamml_metrics(config, found, relevance_of(run.splits, "test"))


def test_videos(run: Run) -> None:
    """Evaluate a trial's final checkpoint on the test split, once, and keep what it said of every
    video beside it; report the metrics of that. decision_bias: as for test()."""
    bias = run.assignment.decision_bias or None
    if run.workers.gather(load_results(run.folder) is None)[0]:
        dataset = run.splits.fixed("test")
        model = _final_model(run)
        found = evaluate(model, dataset, run.config, run.workers, decision_bias=bias)
        if run.workers.rank == 0:
            costs = count_costs(run.config, run.config.data.num_classes)
            ids = dataset.manifest.table["id"].tolist()
            save_results(video_results(ids, found, costs), run.folder)
        run.workers.barrier()
    results = load_results(run.folder)
    assert results is not None
    metrics = result_metrics(results, run.config.data.quality) | _used(run, bias)
    run.report({"epoch": 0, **{f"test_{name}": value for name, value in metrics.items()}})


def bounds(run: Run) -> None:
    """The relevance policy and the oracle front, with a trial's networks on validation."""
    model = _final_model(run)
    found = references(model, run.splits, run.config, run.workers)
    run.report({"epoch": 0, "references": json.dumps(found)})


def _final_model(run: Run) -> AdaMML:
    model = fresh_adamml(run.config, {}, run.workers)
    epochs = len(read_trial(run.folder).epochs)
    load_checkpoint(run.folder / "checkpoint", epochs, model)
    return model


KINDS: dict[str, Callable[[Run], None]] = {
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
