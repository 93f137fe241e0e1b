"""Which trials go on, which one is chosen, and which fusion it has to beat."""

from collections.abc import Sequence
from typing import NamedTuple

from adamml.methods.points import Point, bias_of
from adamml.objectives import table
from adamml.records import TrialRecord
from adamml.statistics import fronts
from adamml.study.specs import TRAINED_FUSION

BUDGET = 0.55
"""The chosen trial may cost this share of the strongest fusion's GFLOPs."""
PROMOTED_BUDGETS = (0.9 * BUDGET, BUDGET, 1.25 * BUDGET)
"""Of the trials promoted in its view: joint training moves what a policy costs, either way, and a
decision bias brings a good one down."""


def evaluated(records: Sequence[TrialRecord], kind: str = "trial") -> list[TrialRecord]:
    """Those of a kind that have final metrics."""
    return [r for r in records if r.kind == kind and r.final]


def promoted(
    records: Sequence[TrialRecord], count: int, reference: Sequence[float]
) -> list[TrialRecord]:
    """The best `count` adaptive trials by non-domination: they are trained jointly next.

    The first are the most accurate ones within each of PROMOTED_BUDGETS of always-on; hypervolume
    contribution, which orders the rest, would prefer the ends of a saturated front.
    """
    trials = evaluated(records)
    candidates = [r for r in trials if r.method != "always_on"]
    always_on = max((r.final["gflops"] for r in trials if r.method == "always_on"), default=0.0)
    first: list[TrialRecord] = []
    for budget in PROMOTED_BUDGETS:
        within = [r for r in candidates if r.final["gflops"] <= budget * always_on]
        others = [r for r in within if r not in first]
        first += sorted(others, key=lambda r: (-r.final["quality"], r.final["gflops"]))[:1]
    order = fronts.best(
        objectives(candidates),
        len(candidates),
        maximise=table.maximise(),
        reference=reference,
    )
    rest = [candidates[index] for index in order if candidates[index] not in first]
    return [*first, *rest][:count]


def on_front(records: Sequence[TrialRecord]) -> set[str]:
    """Ids of the trials that no other trial dominates, on validation."""
    trials = evaluated(records)
    if not trials:
        return set()
    mask = fronts.non_dominated(objectives(trials), maximise=table.maximise())
    return {trial.id for trial, keep in zip(trials, mask, strict=True) if keep}


def hypervolume(records: Sequence[TrialRecord], reference: Sequence[float]) -> float:
    """Of the trials' front, as a fraction of the reference box."""
    return fronts.hypervolume_fraction(
        objectives(evaluated(records)),
        maximise=table.maximise(),
        reference=reference,
        ideal=table.best_values(),
    )


def strongest_fusion(records: Sequence[TrialRecord]) -> TrialRecord | None:
    """Return the most accurate fusion that is trained as long as the joint trials, on validation.

    Retrainings with fresh seeds are none of them: they must not change what the search chose.
    """
    fusions = [
        r
        for r in records
        if r.final
        and r.fidelity == "joint"
        and ((r.kind == "trial" and r.method == "always_on") or r.id == TRAINED_FUSION)
    ]
    return max(fusions, key=lambda r: r.final["quality"], default=None)


def average_is_stronger(records: Sequence[TrialRecord]) -> bool:
    """Whether average fusion beats always-on's learned weights before both are trained further.

    The answer stays when they have been: a study that is run again trains nothing else.
    """
    quality = {r.id: next(iter(r.finals.values()))["quality"] for r in records if r.finals}
    always_on = [quality[r.id] for r in evaluated(records) if r.method == "always_on"]
    return quality.get("fusion-average", 0.0) > max(always_on, default=0.0)


class OperatingPoint(NamedTuple):
    """A trial or fusion under a decision bias, or as it is."""

    record: TrialRecord
    point: Point

    @property
    def bias(self) -> dict[str, float]:
        """Modality -> decision_bias; empty for a trial as it is."""
        found = bias_of(self.point)
        return found if any(found.values()) else {}

    @property
    def tested(self) -> bool:
        """Whether the record's test metrics are those of this point."""
        values = self.record.test
        used = bias_of({k.removeprefix("test_"): v for k, v in values.items()})
        return "test_quality" in values and (used if any(used.values()) else {}) == self.bias


def as_it_is(record: TrialRecord) -> OperatingPoint:
    return OperatingPoint(record, record.final)


def choose(records: Sequence[TrialRecord], fusion: TrialRecord | None) -> OperatingPoint | None:
    """Of jointly trained trials, the operating point within BUDGET of the fusion's GFLOPs that
    best_within() prefers, on validation.

    Returns:
        The cheapest where none is within the budget; None without jointly trained trials.
    """
    joint = [r for r in evaluated(records) if r.fidelity == "joint" and r.method != "always_on"]
    if not joint or fusion is None:
        return None
    return best_within(joint, BUDGET * fusion.final["gflops"])


def best_within(trials: Sequence[TrialRecord], limit: float) -> OperatingPoint:
    """Of at least one trial: their best operating point of at most so many GFLOPs.

    Of those whose accuracy is within one standard error of the most accurate, the one whose GFLOPs
    a bias has moved least from what its policy was trained to, then the cheapest: the most accurate
    of hundreds of points is lucky (EXPERIMENTS.md); a trial as it is was not picked from a curve.
    """
    points = [point for record in trials for point in _points(record)]
    affordable = [found for found in points if found.point["gflops"] <= limit]
    if not affordable:
        return min(points, key=lambda found: found.point["gflops"])
    best = max(affordable, key=lambda found: found.point["quality"]).point
    enough = best["quality"] - best.get("quality_se", 0.0)
    good = [found for found in affordable if found.point["quality"] >= enough]
    return min(
        good, key=lambda f: (_moved(f), f.point["gflops"], -f.point["quality"], f.bias != {})
    )


def _moved(found: OperatingPoint) -> float:
    """By how many GFLOPs its bias changes what the policy computes by itself."""
    return abs(found.point["gflops"] - found.record.final["gflops"])


def _points(record: TrialRecord) -> list[OperatingPoint]:
    """The unbiased one is among them (methods/adamml/operating_points.py)."""
    points = record.operating_points or [record.final]
    return [OperatingPoint(record, point) for point in points]


def objectives(records: Sequence[TrialRecord]) -> fronts.Points:
    """Return the final objectives of each record, [P, D]."""
    return table.points([record.final for record in records])
