"""Tune schedulers that stop trials early, by all objectives together.

They do asynchronous successive halving (Li et al. 2020, arXiv:1810.05934, the variant that stops
trials) over the table of objectives. A trial that reaches a rung is ranked among all trials that
have reached it, and continues if it is among the best 1/eta. Ranked by non-domination, with ties
broken by hypervolume contribution, the cheap end of a front continues as well as the accurate end;
ranked by quality alone, it would be stopped.

A rung is a number of epochs in which the policy was trained (metric policy_epoch), because GFLOPs
have no meaning before the first of them. These epochs begin in the policy-only stage; a trial that
continues after the last rung is trained jointly.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from adamml.objectives import table
from adamml.records import TrialRecord
from adamml.statistics import fronts
from adamml.tables import lookup

CLOCK = "policy_epoch"
"""Metric that counts the epochs in which a trial's policy was trained."""
Order = Callable[[fronts.Points, Sequence[float]], list[int]]
"""Ranking of the trials at a rung: (points [P, D], worst values [D]) -> indices [P], best first."""


@dataclass(frozen=True, kw_only=True)
class Halving:
    """Settings of successive halving."""

    first_rung: int = 2
    """Number of policy epochs before the first rung."""
    eta: int = 3
    """Factor: one in eta trials continues; a rung has eta times the epochs of the one before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scheduler:
    """Entry of SCHEDULERS."""

    build: Callable[[tuple[int, ...], int, Sequence[float], Iterable[TrialRecord]], TrialScheduler]
    """Function (rungs, eta, worst values, history) -> Tune's scheduler."""
    stops_early: bool
    """True if it decides which trials are trained jointly. Otherwise the best are promoted after
    the policy-only stage."""
    rungs: Callable[[Halving, int], tuple[int, ...]]
    """Function (halving, policy epochs of a trial) -> rungs: policy epochs at which a trial waits
    for the answer whether to continue. Plan, assignments and scheduler all use these rungs."""


class SuccessiveHalving(FIFOScheduler):  # type: ignore[misc]
    """Scheduler that stops a trial at a rung if it is not among the best 1/eta there.

    Args:
        rungs: policy epochs at which trials are compared.
        eta: one in eta trials continues.
        order: ranking of the trials at a rung.
        reference: worst value of each objective, in the table's order.
        history: trials of earlier sessions of the study. Their metrics at the rungs count, and a
            trial that continues is not compared again at rungs that it has passed.
    """

    def __init__(
        self,
        rungs: Sequence[int],
        *,
        eta: int,
        order: Order,
        reference: Sequence[float],
        history: Iterable[TrialRecord] = (),
    ) -> None:
        super().__init__()
        self._eta, self._order, self._reference = eta, order, reference
        self._reached: dict[int, dict[str, dict[str, float]]] = {r: {} for r in rungs}
        """Rung -> id of each trial that has reached it -> objectives of the trial at the rung."""
        for record in history:
            for epoch in record.epochs:
                self._note(record.id, epoch.metrics)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Return Tune's decision on a trial that reports: CONTINUE or STOP."""
        id = str(trial.config["spec"]["id"])
        rung = self._note(id, result)
        continues = rung is None or self._continues(id, self._reached[rung])
        return str(TrialScheduler.CONTINUE if continues else TrialScheduler.STOP)

    def debug_string(self) -> str:
        """Return how many trials have reached each rung."""
        return ", ".join(f"{len(trials)} at rung {r}" for r, trials in self._reached.items())

    def _note(self, id: str, metrics: dict[str, Any]) -> int | None:
        """Note the metrics of a trial that has just reached a rung; return the rung, else None."""
        rung = metrics.get(CLOCK)
        # An epoch without a policy pass repeats the number: only its first report counts.
        if rung not in self._reached or id in self._reached[rung]:
            return None
        self._reached[rung][id] = {name: metrics[name] for name in table.OBJECTIVES}
        return int(rung)

    def _continues(self, id: str, reached: dict[str, dict[str, float]]) -> bool:
        order = self._order(table.points(list(reached.values())), self._reference)
        place = order.index(list(reached).index(id))
        # Not rounded down: the first trial at a rung continues, having none to be compared with.
        return place < len(reached) / self._eta


def by_front(points: fronts.Points, reference: Sequence[float]) -> list[int]:
    """Return indices by non-domination rank, then by hypervolume contribution."""
    return fronts.best(points, len(points), maximise=table.maximise(), reference=reference)


def by_scalar(points: fronts.Points, reference: Sequence[float]) -> list[int]:
    """Return indices by what is maximised minus what is minimised, each as a share of its range.

    The range of an objective lies between its best and its worst value. This ranking prefers one
    point of the front: with two objectives, the one where its slope is one.
    """
    merits = np.zeros(len(points))
    columns = zip(table.OBJECTIVES.values(), points.T, reference, strict=True)
    for objective, values, worst in columns:
        if objective.maximised:
            merits += (values - worst) / (objective.best - worst)
        else:
            merits -= (values - objective.best) / (worst - objective.best)
    return sorted(range(len(merits)), key=lambda index: -merits[index])


def successive_halving(order: Order) -> Scheduler:
    """Return the scheduler that stops all but the best 1/eta by `order` at each rung."""

    def build(
        rungs: tuple[int, ...],
        eta: int,
        reference: Sequence[float],
        history: Iterable[TrialRecord],
    ) -> TrialScheduler:
        return SuccessiveHalving(rungs, eta=eta, order=order, reference=reference, history=history)

    return Scheduler(build=build, stops_early=True, rungs=geometric_rungs)


def geometric_rungs(halving: Halving, policy_epochs: int) -> tuple[int, ...]:
    """Return the rungs of a trial: first_rung, and eta times the rung before, until its end.

    >>> geometric_rungs(Halving(first_rung=2, eta=3), policy_epochs=20)
    (2, 6, 18)

    Raises:
        ValueError: first_rung is below 1, or eta is below 2 and would stop no trial.
    """
    if halving.first_rung < 1 or halving.eta < 2:
        raise ValueError(
            f"first_rung must be at least 1 and eta at least 2, got {halving.first_rung} and "
            f"{halving.eta}"
        )
    rungs, rung = [], halving.first_rung
    while rung < policy_epochs:
        rungs.append(rung)
        rung *= halving.eta
    return tuple(rungs)


SCHEDULERS: dict[str, Scheduler] = {
    "fifo": Scheduler(
        build=lambda rungs, eta, reference, history: FIFOScheduler(),
        stops_early=False,
        rungs=lambda halving, policy_epochs: (),
    ),
    "front_asha": successive_halving(by_front),
    "scalar_asha": successive_halving(by_scalar),
}
"""Name -> scheduler. fifo stops no trial. To add a scheduler: write an entry."""


def scheduler_of(name: str) -> Scheduler:
    """Return an entry of SCHEDULERS.

    Raises:
        ValueError: the name is unknown.
    """
    return lookup(SCHEDULERS, name, what="scheduler")


def build_scheduler(
    name: str,
    halving: Halving,
    policy_epochs: int,
    reference: Sequence[float],
    history: Iterable[TrialRecord] = (),
) -> TrialScheduler:
    """Return Tune's scheduler.

    Args:
        name: entry of SCHEDULERS.
        halving: settings of successive halving.
        policy_epochs: number of epochs in which a trial trains its policy.
        reference: worst value of each objective, in the table's order.
        history: trials of earlier sessions of the study.

    Raises:
        ValueError: the name is unknown, or the halving has no rungs.
    """
    scheduler = scheduler_of(name)
    rungs = scheduler.rungs(halving, policy_epochs)
    return scheduler.build(rungs, halving.eta, reference, history)
