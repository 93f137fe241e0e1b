"""Selection: the promoted trials, the front, the chosen operating point, the fusion to beat."""

from collections.abc import Sequence
from typing import NamedTuple

from adamml.methods.points import Point, bias_of
from adamml.objectives import table
from adamml.records import TrialRecord
from adamml.statistics import fronts
from adamml.study.specs import TRAINED_FUSION

BUDGET = 0.55
"""Share of the strongest fusion's GFLOPs that the chosen operating point may cost."""
PROMOTED_BUDGETS = (0.9 * BUDGET, BUDGET, 1.25 * BUDGET)
"""GFLOPs budgets, as shares of always-on fusion, within which the most accurate trial is promoted
to joint training. Three, because joint training changes a policy's cost in either direction, and a
decision bias can lower it later."""


def evaluated(records: Sequence[TrialRecord], kind: str = "trial") -> list[TrialRecord]:
    """Return the records of a kind that have final metrics."""
    return [r for r in records if r.kind == kind and r.final]


def promoted(
    records: Sequence[TrialRecord], count: int, reference: Sequence[float]
) -> list[TrialRecord]:
    """Return the trials that are promoted to joint training, always-on fusion excepted.

    The first are the most accurate trials within each of PROMOTED_BUDGETS. The rest are ordered by
    non-domination rank, then by hypervolume contribution.

    Args:
        records: of the study's trials.
        count: number of trials to promote.
        reference: worst value of each objective, in the table's order.
    """
    # Hypervolume contribution alone would prefer the two ends of a front with many trials.
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
    """Return the ids of the trials that no other trial dominates, on validation."""
    trials = evaluated(records)
    if not trials:
        return set()
    mask = fronts.non_dominated(objectives(trials), maximise=table.maximise())
    return {trial.id for trial, keep in zip(trials, mask, strict=True) if keep}


def hypervolume(records: Sequence[TrialRecord], reference: Sequence[float]) -> float:
    """Return the hypervolume of the trials' front, as a fraction from 0 to 1.

    Args:
        records: of the study's trials.
        reference: worst value of each objective, in the table's order; 1 would be a trial with the
            best value of each.
    """
    return fronts.hypervolume_fraction(
        objectives(evaluated(records)),
        maximise=table.maximise(),
        reference=reference,
        ideal=table.best_values(),
    )


def strongest_fusion(records: Sequence[TrialRecord]) -> TrialRecord | None:
    """Return the most accurate fusion on validation of those trained through all stages.

    Retrainings with fresh seeds do not count: they must not change the choice of the search.

    Returns:
        Always-on fusion or trained average fusion; None if neither was trained through all stages.
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
    """Return whether average fusion beats always-on fusion before both are trained jointly."""
    # By their first final metrics: joint training must not change the answer of a later run.
    quality = {r.id: next(iter(r.finals.values()))["quality"] for r in records if r.finals}
    always_on = [quality[r.id] for r in evaluated(records) if r.method == "always_on"]
    return quality.get("fusion-average", 0.0) > max(always_on, default=0.0)


class OperatingPoint(NamedTuple):
    """A trained trial or fusion under a decision bias, or without one."""

    record: TrialRecord
    """Record of the trial or fusion."""
    point: Point
    """Metrics of the record on validation, under the bias."""

    @property
    def bias(self) -> dict[str, float]:
        """Modality -> decision bias; empty without one."""
        bias = bias_of(self.point)
        return bias if any(bias.values()) else {}

    @property
    def tested(self) -> bool:
        """True if the record's test metrics were measured under this bias."""
        values = self.record.test
        used = bias_of({k.removeprefix("test_"): v for k, v in values.items()})
        return "test_quality" in values and (used if any(used.values()) else {}) == self.bias


def unbiased_point(record: TrialRecord) -> OperatingPoint:
    """Return the operating point of a trial or fusion without a decision bias."""
    return OperatingPoint(record, record.final)


def choose(records: Sequence[TrialRecord], fusion: TrialRecord | None) -> OperatingPoint | None:
    """Choose an operating point of the jointly trained trials, on validation.

    Args:
        records: of the study's trials.
        fusion: the strongest fusion, from strongest_fusion(); BUDGET is a share of its GFLOPs.

    Returns:
        The point that best_within() prefers within the budget; None without a fusion or without
        jointly trained trials.
    """
    joint = [r for r in evaluated(records) if r.fidelity == "joint" and r.method != "always_on"]
    if not joint or fusion is None:
        return None
    return best_within(joint, BUDGET * fusion.final["gflops"])


def best_within(trials: Sequence[TrialRecord], limit: float) -> OperatingPoint:
    """Return the best operating point of trials within a limit of GFLOPs.

    Points whose quality is within one standard error of the best count as equally good. Of these
    the point is returned whose decision bias changes the GFLOPs of its policy least; then the
    cheapest.

    Args:
        trials: at least one.
        limit: GFLOPs per video.

    Returns:
        The point; the cheapest of all if none is within the limit.
    """
    # The most accurate of hundreds of points is a lucky one, an unbiased point is not picked from
    # many (docs/notebook/2026-11-22-accuracy-within-budget.md).
    points = [point for record in trials for point in _points(record)]
    affordable = [each for each in points if each.point["gflops"] <= limit]
    if not affordable:
        return min(points, key=lambda each: each.point["gflops"])
    best = max(affordable, key=lambda each: each.point["quality"]).point
    enough = best["quality"] - best.get("quality_se", 0.0)
    good = [each for each in affordable if each.point["quality"] >= enough]
    return min(
        good,
        key=lambda each: (
            _gflops_change(each),
            each.point["gflops"],
            -each.point["quality"],
            each.bias != {},
        ),
    )


def _gflops_change(each: OperatingPoint) -> float:
    """Return by how many GFLOPs the bias changes the cost of the policy, up or down."""
    return abs(each.point["gflops"] - each.record.final["gflops"])


def _points(record: TrialRecord) -> list[OperatingPoint]:
    """Return the operating points of a trial, the unbiased one among them."""
    points = record.operating_points or [record.final]
    return [OperatingPoint(record, point) for point in points]


def objectives(records: Sequence[TrialRecord]) -> fronts.Points:
    """Return the final objectives of each record, [P, D]."""
    return table.points([record.final for record in records])
