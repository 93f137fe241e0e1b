"""What a slot does with an assignment: prepare videos, train a network or a trial, test one.

Each kind writes its journal first and reports second; an epoch counts when its line is there.
"""

import json
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adamml.config import Config, flatten, override
from adamml.data.manifest import Split
from adamml.journal import Journal
from adamml.recipes import RECIPES
from adamml.records import TrialRecord, read_trial
from adamml.study.dispatcher import Assignment, Stopped
from adamml.study.pretrained import Unimodal, ensure_unimodal, segment_logits, unimodal_at
from adamml.study.references import references
from adamml.study.videos import fixed_view, splits_of
from adamml.tables import lookup
from adamml.training.checkpoints import load_checkpoint
from adamml.training.evaluation import evaluate
from adamml.training.fixed_views import FixedView
from adamml.training.loop import Metrics, fit
from adamml.training.splits import Splits
from adamml.training.tasks import (
    FIDELITIES,
    adamml_metrics,
    adamml_task,
    fresh_adamml,
)
from adamml.training.workers import Workers

Report = Callable[[dict[str, Any]], None]
FINAL = ("accuracy", "gflops", "selection_rate.")


@dataclass(frozen=True)
class Run:
    """One assignment in this process."""

    assignment: Assignment
    report: Report
    home: Path
    study: Path
    config: Config
    splits: Splits
    workers: Workers

    @property
    def spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.assignment["spec"]
        return spec

    @property
    def folder(self) -> Path:
        return self.study / "trials" / str(self.spec["id"])

    def unimodal(self, modality: str) -> Unimodal:
        return unimodal_at(self.home, self.config, modality, self.splits.manifest.fingerprint)

    def view(self, split: Split) -> FixedView:
        unimodals = [self.unimodal(m) for m in self.config.modalities]
        return fixed_view(self.config, unimodals, self.splits, split, self.workers)


def execute(assignment: Assignment, report: Report, context: dict[str, Any]) -> None:
    """Run one assignment on every rank of a slot.

    Args:
        assignment: its spec holds kind (an entry of KINDS), id, and the overrides of the recipe.
        report: of the slot; raises Stopped.
        context: home, study, data (folders), recipe.
    """
    spec = assignment["spec"]
    config = override(lookup(RECIPES, context["recipe"], what="recipe")(), spec["overrides"])
    splits = splits_of(Path(context["data"]), config)
    home, study = Path(context["home"]), Path(context["study"])
    run = Run(assignment, report, home, study, config, splits, Workers.current())
    lookup(KINDS, spec["kind"], what="kind of assignment")(run)


def prepare(run: Run) -> None:
    """Decode these splits into the node's cache; report what could not be read."""
    bad: dict[str, str] = {}
    silent = videos = 0
    for split in run.spec["splits"]:
        frames = run.splits.frames[split]
        bad |= frames.bad
        silent += frames.silent
        videos += len(run.splits.manifest.split(split))
    run.report({"epoch": 0, "bad": json.dumps(bad), "silent": silent, "videos": videos})


def unimodal(run: Run) -> None:
    """Train one modality's network, unless the home has it, and its segment logits."""
    modality = run.spec["modality"]

    def train(keep: Callable[[int, str, Metrics], None]) -> Metrics:
        metrics = ensure_unimodal(run.unimodal(modality), run.splits, run.workers, keep)
        for split in ("validation", "train") if run.config.stages.get("policy_only") else ():
            segment_logits(run.unimodal(modality), run.splits, split, run.workers)
        return metrics

    _journalled(run, "unimodal", lambda done, keep: train(_after(keep, done)))


def trial(run: Run) -> None:
    """Train a trial as far as spec["fidelity"], from where its journal says it is."""

    def train(done: int, keep: Callable[[int, str, Metrics], None]) -> Metrics:
        quiet = _after(keep, 10**9)
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
            run.spec["fidelity"],
        )
        last: Metrics = {}

        def remember(epoch: int, stage: str, metrics: Metrics) -> None:
            last.update(metrics)
            keep(epoch, stage, metrics)

        fit(task, run.workers, remember, done=done)
        if last:
            return last
        record = read_trial(run.folder)
        if record.epochs:  # it died between its last epoch and its end
            return dict(record.epochs[-1].metrics)
        return task.evaluate("policy_only")  # no epoch at all: recognition is as it was

    _journalled(run, run.spec["fidelity"], train)


def test(run: Run) -> None:
    """Evaluate a trial's final checkpoint on the test split; asked once, at the end of a study."""
    metrics = _test_metrics(run)
    run.report({"epoch": 0, **{f"test_{name}": value for name, value in metrics.items()}})


def _test_metrics(run: Run) -> Metrics:
    model = _final_model(run)
    return adamml_metrics(
        run.config, evaluate(model, run.splits.fixed("test"), run.config, run.workers)
    )


def bounds(run: Run) -> None:
    """The relevance policy and the oracle front, with a trial's networks on validation."""
    model = _final_model(run)
    found = references(model, run.splits, run.config, run.workers)
    run.report({"epoch": 0, "references": json.dumps(found)})


def _final_model(run: Run):  # type: ignore[no-untyped-def]
    model = fresh_adamml(run.config, {}, run.workers)
    epochs = len(read_trial(run.folder).epochs)
    load_checkpoint(run.folder / "checkpoint", epochs, model)
    return model


KINDS: dict[str, Callable[[Run], None]] = {
    "prepare": prepare,
    "unimodal": unimodal,
    "trial": trial,
    "fusion": trial,
    "test": test,
    "references": bounds,
}
Train = Callable[[int, Callable[[int, str, Metrics], None]], Metrics]


def _journalled(run: Run, fidelity: str, train: Train) -> None:
    """Run train(done, keep) with every step in the journal; the final metrics come from it."""
    record = read_trial(run.folder)
    if _reached(record, fidelity):
        run.report(_final_report(record.final, len(record.epochs), fidelity))
        return
    journal = Journal(run.folder / "journal.jsonl") if run.workers.rank == 0 else None

    def write(event: str, **fields: Any) -> None:
        if journal is not None:
            journal.append(event, **fields)

    def keep(epoch: int, stage: str, metrics: Metrics) -> None:
        write("epoch", epoch=epoch, stage=stage, metrics=metrics)
        run.report({"epoch": epoch, "stage": stage, **metrics})

    spec = run.spec
    write(
        "start",
        **{k: spec[k] for k in ("id", "kind", "method", "name", "overrides")},
        params=flatten(run.config),
        attempt=run.assignment["attempt"],
    )
    try:
        metrics = train(len(record.epochs), keep)
        final = {k: v for k, v in metrics.items() if k.startswith(FINAL)}
        write("final", fidelity=fidelity, metrics=final)
        epochs = max(len(record.epochs), len(read_trial(run.folder).epochs))
        run.report(_final_report(final, epochs, fidelity))
        write("end", status="completed", error=None)
    except Stopped as stopped:
        if stopped.reason == "stopped":  # "closed" and "stale" leave it open: it goes on elsewhere
            write("end", status="stopped", error=None)
        raise
    except Exception:
        write("end", status="failed", error=traceback.format_exc())
        raise


def _final_report(final: Metrics, epochs: int, fidelity: str) -> dict[str, Any]:
    return {"epoch": epochs, "fidelity": fidelity, **final}


def _reached(record: TrialRecord, fidelity: str) -> bool:
    if record.fidelity is None:
        return False
    order = list(FIDELITIES)
    return record.fidelity == fidelity or order.index(record.fidelity) > order.index(fidelity)


def _after(
    keep: Callable[[int, str, Metrics], None], done: int
) -> Callable[[int, str, Metrics], None]:
    """keep() for epochs after the first `done`."""

    def later(epoch: int, stage: str, metrics: Metrics) -> None:
        if epoch > done:
            keep(epoch, stage, metrics)

    return later
