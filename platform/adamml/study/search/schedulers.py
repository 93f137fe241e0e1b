"""Tune schedulers that decide which trials go on, from all objectives together.

Asynchronous successive halving (Li et al. 2020, arXiv:1810.05934, the form that stops) over the
table of objectives. A trial that reaches a rung is ranked among all that have reached it, and goes
on if it is in the best 1/eta. Ranked by non-domination, ties by hypervolume contribution, the cheap
end of a front survives as well as the accurate one; ranked by quality alone, it would not.

Rungs count epochs in which the policy trains (metric policy_epoch): before the first of them
GFLOPs say nothing. The epochs of the policy-only stage are the first; a trial that survives the
last rung goes on to joint training.
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
"""Ranking of the trials at a rung: (points [P, D], worst values [D]) -> indices, best first."""


@dataclass(frozen=True, kw_only=True)
class Halving:
    """The user's settings of successive halving."""

    first_rung: int = 2
    """Policy epochs before the first comparison."""
    eta: int = 3
    """One in eta goes on; a rung has eta times the epochs of the one before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scheduler:
    """An entry of SCHEDULERS."""

    build: Callable[[tuple[int, ...], int, Sequence[float], Iterable[TrialRecord]], TrialScheduler]
    """build(rungs, eta, worst values, history) -> the scheduler that Tune is given."""
    stops_early: bool
    """True where it decides which trials go on to joint training; else the best are promoted after
    the policy-only stage."""
    rungs: Callable[[Halving, int], tuple[int, ...]]
    """rungs(halving, policy epochs of a trial) -> policy epochs at which a trial waits for its
    verdict. Nothing else decides that: plan, assignments and scheduler are given these."""


class SuccessiveHalving(FIFOScheduler):  # type: ignore[misc]
    """Stops a trial at a rung where it is not among the best 1/eta by `order`.

    Args:
        rungs: policy epochs at which trials are compared.
        reference: worst value of each objective, in the table's order.
        history: trials of an earlier run of the study. Their metrics at the rungs count, and a
            trial that goes on is not compared again at rungs that it has passed.
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
        """Rung -> id of each trial that has reached it -> its objectives there."""
        for record in history:
            for epoch in record.epochs:
                self._note(record.id, epoch.metrics)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Return Tune's word for "go on" or for "stop"."""
        id = str(trial.config["spec"]["id"])
        rung = self._note(id, result)
        goes_on = rung is None or self._goes_on(id, self._reached[rung])
        return str(TrialScheduler.CONTINUE if goes_on else TrialScheduler.STOP)

    def debug_string(self) -> str:
        """Return how many trials have reached each rung."""
        return ", ".join(f"{len(trials)} at rung {r}" for r, trials in self._reached.items())

    def _note(self, id: str, metrics: dict[str, Any]) -> int | None:
        """Return the rung of these metrics if the trial has just reached it, else None."""
        rung = metrics.get(CLOCK)
        # A pass of recognition alone leaves the clock where it is: only the first report counts.
        if rung not in self._reached or id in self._reached[rung]:
            return None
        self._reached[rung][id] = {name: metrics[name] for name in table.OBJECTIVES}
        return int(rung)

    def _goes_on(self, id: str, reached: dict[str, dict[str, float]]) -> bool:
        order = self._order(table.points(list(reached.values())), self._reference)
        place = order.index(list(reached).index(id))
        # Not a floor: the first trials of a rung go on, since none is there to compare them with.
        return place < len(reached) / self._eta


def by_front(points: fronts.Points, reference: Sequence[float]) -> list[int]:
    """Return indices by non-domination rank, then by hypervolume contribution."""
    return fronts.best(points, len(points), maximise=table.maximise(), reference=reference)


def by_scalar(points: fronts.Points, reference: Sequence[float]) -> list[int]:
    """Return indices by what is maximised minus what is minimised, each as a share of its range.

    A range lies between an objective's best and its worst value. One point of the front is
    preferred: with two objectives, that of slope one.
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
    """Return the rungs before the end of a trial with so many policy epochs.

    >>> geometric_rungs(Halving(first_rung=2, eta=3), policy_epochs=20)
    (2, 6, 18)

    Raises:
        ValueError: there is no first rung, or an eta with which every trial goes on.
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
"""Schedulers by name. With fifo every trial runs to its end. To add one: write an entry."""


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
    """Return Tune's scheduler for trials with so many policy epochs.

    Args:
        reference: worst value of each objective, in the table's order.

    Raises:
        ValueError: the name is unknown, or the halving has no rungs.
    """
    scheduler = scheduler_of(name)
    rungs = scheduler.rungs(halving, policy_epochs)
    return scheduler.build(rungs, halving.eta, reference, history)
