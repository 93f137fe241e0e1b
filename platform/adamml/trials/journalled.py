"""One assignment in a slot's process, with every step in its journal.

The journal is written before the slot is told; an epoch counts once its line is written.
"""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from adamml.config import Config, flatten
from adamml.data.manifest import Split
from adamml.journal import Journal
from adamml.methods import FIDELITIES, Family, family_of
from adamml.records import TrialRecord, read_trial
from adamml.slots.dispatcher import Report, Stopped
from adamml.training.fixed_views import FixedView
from adamml.training.loop import Metrics
from adamml.training.splits import Splits
from adamml.training.workers import Workers
from adamml.trials.assignment import Assignment
from adamml.trials.pretrained import Unimodal, unimodal_at
from adamml.trials.process_cache import fixed_view


@dataclass(frozen=True)
class Execution:
    """An assignment in a worker's process, with all that executing it needs."""

    assignment: Assignment
    attempt: int
    """Number of this attempt at it, from 1."""
    report: Report
    home: Path
    study: Path
    config: Config
    splits: Splits
    workers: Workers
    built_in: bool
    """The data is the built-in dataset, in the home: videos that are missing are made."""

    @property
    def method(self) -> str:
        """Name of the trial's method; a test, which does not give it, reads it in the journal."""
        return self.assignment.method or read_trial(self.folder).method

    @property
    def family(self) -> Family[Any]:
        """Family of the trial's method."""
        return family_of(self.method)

    @property
    def folder(self) -> Path:
        """Folder of the trial in the study."""
        return self.study / "trials" / self.assignment.id

    def unimodal(self, modality: str) -> Unimodal:
        return unimodal_at(self.home, self.config, modality, self.splits.manifest.fingerprint)

    def view(self, split: Split) -> FixedView:
        unimodals = [self.unimodal(m) for m in self.config.modalities]
        return fixed_view(self.family, self.config, unimodals, self.splits, split, self.workers)


class Trained(NamedTuple):
    metrics: Metrics
    """Everything that the last evaluation measured; these are the final metrics."""
    operating_points: list[Metrics]
    """The model at several settings of its knob (methods/points.py); empty without a knob."""


Train = Callable[[int, Callable[[int, str, Metrics], None]], Trained]


def journalled(run: Execution, train: Train) -> None:
    """Run train(done, keep) with every step in the journal; the final metrics come from it."""
    record, fidelity = read_trial(run.folder), run.assignment.fidelity
    journal = Journal(run.folder / "journal.jsonl") if run.workers.rank == 0 else None

    def write(event: str, **fields: Any) -> None:
        if journal is not None:
            journal.append(event, **fields)

    if _reached(record, fidelity):
        run.report(_final_report(record.final, len(record.epochs), fidelity))
        if record.status != "completed":  # its attempt died between its last two lines
            write("end", status="completed", error=None)
        return

    def keep(epoch: int, stage: str, metrics: Metrics) -> None:
        write("epoch", epoch=epoch, stage=stage, metrics=metrics)
        run.report({"epoch": epoch, "stage": stage, **metrics})

    write("start", **start_fields(run.assignment, run.config), attempt=run.attempt)
    try:
        trained = train(len(record.epochs), keep)
        if trained.operating_points:
            write("operating_points", fidelity=fidelity, points=trained.operating_points)
        write("final", fidelity=fidelity, metrics=trained.metrics)
        epochs = max(len(record.epochs), len(read_trial(run.folder).epochs))
        run.report(_final_report(trained.metrics, epochs, fidelity))
        write("end", status="completed", error=None)
    except Stopped as stopped:
        if stopped.reason == "stopped":  # "closed" and "stale" leave it open: it goes on elsewhere
            write("end", status="stopped", error=None)
        raise
    except Exception:
        write("end", status="failed", error=traceback.format_exc())
        raise


def start_fields(assignment: Assignment, config: Config) -> dict[str, Any]:
    """Return the fields of a trial's "start" event, besides its attempt.

    Args:
        assignment: of the trial.
        config: complete, with the assignment's overrides.
    """
    return {
        "id": assignment.id,
        "kind": assignment.kind,
        "method": assignment.method,
        "name": assignment.name,
        "overrides": dict(assignment.overrides),
        "params": flatten(config),
    }


def _final_report(final: Metrics, epochs: int, fidelity: str) -> dict[str, Any]:
    return {"epoch": epochs, "fidelity": fidelity, **final}


def _reached(record: TrialRecord, fidelity: str) -> bool:
    if record.fidelity is None:
        return False
    order = list(FIDELITIES)
    return record.fidelity == fidelity or order.index(record.fidelity) > order.index(fidelity)


def after(
    keep: Callable[[int, str, Metrics], None], done: int
) -> Callable[[int, str, Metrics], None]:
    """keep() for epochs after the first `done`."""

    def later(epoch: int, stage: str, metrics: Metrics) -> None:
        if epoch > done:
            keep(epoch, stage, metrics)

    return later
