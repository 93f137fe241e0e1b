"""Estimates of how much of a study is left: epochs by stage, priced by those that were timed."""

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
"""Stages that train recognition networks; an epoch of any other costs about a tenth."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """The state of a study at a moment."""

    study: StudyRecord | None = None
    seconds_left: float | None = None
    """None before every unimodal network that has begun was timed."""
    fraction: float = 0.0
    """Share of the work that is done."""
    retrained: int = 0
    retrainings: int = 0
    """All trainings with fresh seeds; 0 before the candidates are known."""


def looked(study: StudyRecord, phases: Sequence[Phase], config: Config, slots: int) -> Look:
    """Return how much of a study is left.

    Args:
        study: its records.
        phases: that are left.
        config: that its trials start from.
        slots: trials at the same time.
    """
    left = [a for phase in phases for a in (*phase.assignments, *phase.undecided)]
    done = sum(t.kind == "confirm" and bool(t.final) for t in study.trials)
    certain = done or any(a.kind == "confirm" for p in phases[:1] for a in p.assignments)
    total = done + sum(a.kind == "confirm" for a in left) if certain else 0
    seconds, fraction = time_left(study, epochs_left(left, study, config), slots)
    return Look(
        study=study,
        seconds_left=seconds,
        fraction=fraction,
        retrained=done,
        retrainings=total,
    )


def epochs_left(
    assignments: Iterable[Assignment], study: StudyRecord, config: Config
) -> Counter[str]:
    """Return stage -> epochs that these assignments have before them.

    Args:
        assignments: that are left.
        study: whose trials may have done some of them.
        config: that all trials start from.
    """
    done = {t.id: Counter(epoch.stage for epoch in t.epochs) for t in study.trials}
    left: Counter[str] = Counter()
    for assignment in assignments:
        stages = Counter(_stages(assignment, config))
        left += stages - done.get(assignment.id, Counter())  # a counter drops what is not above 0
    return left


def _stages(assignment: Assignment, config: Config) -> dict[str, int]:
    """Stage -> epochs of the whole training up to the assignment's fidelity."""
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

    A stage that was not seen yet is taken to cost what an epoch of the dearest network or trial
    costs, or, where recognition does not train, a tenth of it.

    Args:
        study: its records.
        left: stage -> epochs that are left.
        slots: trials at the same time.

    Returns:
        None for the seconds, before every unimodal network that has begun was timed.
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
    """Return the mean seconds of an epoch by stage, and how many epochs were done."""
    times: dict[str, list[float]] = defaultdict(list)
    done: dict[str, int] = defaultdict(int)
    for trial in trials:
        before: list[float] = []
        for epoch in trial.epochs:
            done[epoch.stage] += 1
            before += [start for start in trial.starts if start < epoch.time]
            if before:
                times[epoch.stage].append(epoch.time - max(before))
            before = [epoch.time]
    return {stage: sum(values) / len(values) for stage, values in times.items()}, done
