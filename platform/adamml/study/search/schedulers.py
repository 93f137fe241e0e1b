"""Which trials go on: Tune schedulers that look at quality and GFLOPs together.

Asynchronous successive halving (Li et al. 2020, arXiv:1810.05934, the form that stops) over two
objectives. A trial that reaches a rung is ranked among all that have reached it, and goes on if it
is in the best 1/eta. Ranked by non-domination, ties by hypervolume contribution, the cheap end of a
front survives as well as the good one; ranked by quality alone, it would not.

Rungs count epochs in which the policy trains (metric policy_epoch): before the first of them
GFLOPs say nothing. The epochs of the policy-only stage are the first; who survives the last rung
goes on to joint training.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from adamml.records import TrialRecord
from adamml.statistics import fronts
from adamml.tables import lookup

CLOCK = "policy_epoch"
Order = Callable[[Sequence[float], Sequence[float]], list[int]]
"""(qualities, GFLOPs) -> indices, best first."""


@dataclass(frozen=True, kw_only=True)
class Halving:
    """When trials are compared, and how many go on."""

    first_rung: int = 2
    """Policy epochs before the first comparison."""
    eta: int = 3
    """One in eta goes on; a rung has eta times the epochs of the one before."""

    def rungs(self, policy_epochs: int) -> tuple[int, ...]:
        """Those before the end of a trial with so many policy epochs.

        Raises:
            ValueError: no first rung, or an eta that halves nothing.
        """
        if self.first_rung < 1 or self.eta < 2:
            raise ValueError(
                f"first_rung must be at least 1 and eta at least 2, got {self.first_rung} and "
                f"{self.eta}"
            )
        found, rung = [], self.first_rung
        while rung < policy_epochs:
            found.append(rung)
            rung *= self.eta
        return tuple(found)


class SuccessiveHalving(FIFOScheduler):  # type: ignore[misc]
    """Stops a trial at a rung where it is not among the best 1/eta by `order`.

    Args:
        rungs: policy epochs at which trials are compared.
        history: trials of an earlier run of the study: what they had at the rungs counts, and a
            trial that goes on is not asked again at rungs it has passed.
    """

    def __init__(
        self,
        rungs: Sequence[int],
        *,
        eta: int,
        order: Order,
        history: Iterable[TrialRecord] = (),
    ) -> None:
        super().__init__()
        self._eta, self._order = eta, order
        self._reached: dict[int, dict[str, tuple[float, float]]] = {r: {} for r in rungs}
        for record in history:
            for epoch in record.epochs:
                self._note(record.id, epoch.metrics)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        id = str(trial.config["spec"]["id"])
        rung = self._note(id, result)
        go = rung is None or self._goes_on(id, self._reached[rung])
        return str(TrialScheduler.CONTINUE if go else TrialScheduler.STOP)

    def debug_string(self) -> str:
        return ", ".join(f"{len(found)} at rung {r}" for r, found in self._reached.items())

    def _note(self, id: str, metrics: dict[str, Any]) -> int | None:
        """The rung that these metrics are of, where the trial was not there before."""
        rung = metrics.get(CLOCK)
        if rung not in self._reached or id in self._reached[rung]:
            return None
        self._reached[rung][id] = metrics["quality"], metrics["gflops"]
        return int(rung)

    def _goes_on(self, id: str, reached: dict[str, tuple[float, float]]) -> bool:
        qualities, gflops = zip(*reached.values(), strict=True)
        place = self._order(qualities, gflops).index(list(reached).index(id))
        return place < len(reached) / self._eta


def by_front(
    qualities: Sequence[float], gflops: Sequence[float], reference: fronts.Reference
) -> list[int]:
    """By non-domination rank, then by hypervolume contribution."""
    return fronts.best(qualities, gflops, len(qualities), reference)


def by_scalar(
    qualities: Sequence[float], gflops: Sequence[float], reference: fronts.Reference
) -> list[int]:
    """By quality minus GFLOPs, each as a share of what the reference box spans: one point of the
    front is preferred, that of slope one."""
    chance, dearest = reference
    merits = [
        (q - chance) / (1 - chance) - g / dearest for q, g in zip(qualities, gflops, strict=True)
    ]
    return sorted(range(len(merits)), key=lambda index: -merits[index])


ORDERS: dict[str, Callable[..., list[int]] | None] = {
    "fifo": None,
    "front_asha": by_front,
    "scalar_asha": by_scalar,
}
"""Scheduler -> how it ranks trials at a rung; None: every trial runs to its end."""


def build_scheduler(
    name: str,
    halving: Halving,
    policy_epochs: int,
    reference: fronts.Reference,
    history: Iterable[TrialRecord] = (),
) -> TrialScheduler:
    """A scheduler for trials with so many policy epochs.

    Raises:
        ValueError: an unknown name, or a halving that is none.
    """
    order = lookup(ORDERS, name, what="scheduler")
    if order is None:
        return FIFOScheduler()
    return SuccessiveHalving(
        halving.rungs(policy_epochs),
        eta=halving.eta,
        order=partial(order, reference=reference),
        history=history,
    )
