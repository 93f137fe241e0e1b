"""An estimate of how much of a study is left: epochs by stage, times the seconds of such epochs."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from adamml.config import Config, override
from adamml.methods import FIDELITIES
from adamml.records import StudyRecord, TrialRecord
from adamml.study.running.phase import Phase
from adamml.training.loop import plan
from adamml.trials.assignment import Assignment

RECOGNITION_STAGES = ("unimodal", "warm_up", "alternating", "fine_tuning")
"""Stages that train recognition networks; an epoch of another stage takes about a tenth as long."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """State of a study, and an estimate of what is left."""

    study: StudyRecord | None = None
    """Records of the study; None before it has a journal."""
    seconds_left: float | None = None
    """Estimate of the time left in seconds; None while a unimodal network is in its first epoch."""
    fraction: float = 0.0
    """Share of the work that is done, by time, from 0 to 1."""
    retrained: int = 0
    """Number of trainings with fresh seeds that are done."""
    retrainings: int = 0
    """Number of all trainings with fresh seeds; 0 before the candidates are chosen."""


def estimate(study: StudyRecord, phases: Sequence[Phase], config: Config, slots: int) -> Expected:
    """Return an estimate of how much of a study is left.

    Args:
        study: its records.
        phases: that are left.
        config: that its trials start from.
        slots: trials at the same time.
    """
    left = [a for phase in phases for a in (*phase.assignments, *phase.undecided)]
    done = sum(t.kind == "confirm" and bool(t.final) for t in study.trials)
    # Before the candidates are chosen, their number is a guess that would mislead on a display.
    certain = done or any(a.kind == "confirm" for p in phases[:1] for a in p.assignments)
    total = done + sum(a.kind == "confirm" for a in left) if certain else 0
    seconds, fraction = time_left(study, epochs_left(left, study, config), slots)
    return Expected(
        study=study,
        seconds_left=seconds,
        fraction=fraction,
        retrained=done,
        retrainings=total,
    )


def epochs_left(
    assignments: Iterable[Assignment], study: StudyRecord, config: Config
) -> Counter[str]:
    """Return the epochs that assignments still have to train: stage -> number of epochs.

    Args:
        assignments: that are left.
        study: with the epochs that its trials have done already.
        config: that all trials start from.
    """
    done = {t.id: Counter(epoch.stage for epoch in t.epochs) for t in study.trials}
    left: Counter[str] = Counter()
    for assignment in assignments:
        stages = Counter(_stages(assignment, config))
        left += stages - done.get(assignment.id, Counter())  # Counter drops numbers below 1
    return left


def _stages(assignment: Assignment, config: Config) -> dict[str, int]:
    """Return the epochs of the whole training to the assignment's fidelity, by stage."""
    if assignment.fidelity == "unimodal":
        return {"unimodal": config.unimodal[assignment.modality].epochs}
    if assignment.fidelity not in FIDELITIES:
        return {}
    changes = {k: v for k, v in assignment.overrides.items() if k.startswith("stages.")}
    stages = override(config, changes).stages if changes else config.stages
    return Counter(stage for stage, _ in plan(stages, until=FIDELITIES[assignment.fidelity]))


def time_left(
    study: StudyRecord, left: Mapping[str, int], slots: int
) -> tuple[float | None, float]:
    """Return the seconds left, and the fraction of the work that is done.

    An epoch of a stage that was not timed yet is assumed to take as long as one of the slowest
    network or trial; a tenth of that if the stage does not train recognition.

    Args:
        study: its records.
        left: stage -> epochs that are left.
        slots: trials at the same time.

    Returns:
        Seconds and fraction; None and 0 while a unimodal network is in its first epoch.
    """
    seconds, done = _epoch_seconds(study.trials)
    untimed = any(t.kind == "unimodal" and t.starts and not t.epochs for t in study.trials)
    if not seconds or untimed:
        return None, 0.0
    dearest = max(max(_epoch_seconds([t])[0].values(), default=0.0) for t in study.trials)

    def price(stage: str) -> float:
        return seconds.get(stage, dearest if stage in RECOGNITION_STAGES else dearest / 10)

    ahead = sum(count * price(stage) for stage, count in left.items())
    spent = sum(count * price(stage) for stage, count in done.items())
    return ahead / slots, (spent / (spent + ahead) if spent + ahead else 1.0)


def _epoch_seconds(trials: list[TrialRecord]) -> tuple[dict[str, float], dict[str, int]]:
    """Return the mean seconds of an epoch, and the number of epochs done, by stage."""
    times: dict[str, list[float]] = defaultdict(list)
    done: dict[str, int] = defaultdict(int)
    for trial in trials:
        before: list[float] = []
        for epoch in trial.epochs:
            done[epoch.stage] += 1
            # An epoch begins where the last one ended, or at the start of a later attempt.
            before += [start for start in trial.starts if start < epoch.time]
            if before:
                times[epoch.stage].append(epoch.time - max(before))
            before = [epoch.time]
    return {stage: sum(values) / len(values) for stage, values in times.items()}, done
