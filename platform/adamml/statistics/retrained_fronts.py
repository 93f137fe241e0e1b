"""What retraining with fresh seeds says of a front, on the test split.

Each configuration was retrained with seeds that the search has not seen, and tested once per seed
on the same videos. Intervals are those of paired.py; the probability to be on the front is the
share of its replicates in which no other configuration dominates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adamml.statistics import fronts
from adamml.statistics.paired import Estimate, bootstrap, joint_replicates, paired_difference

Array = np.ndarray[Any, Any]
FRONT_REPLICATES = 2000
CONTESTED = (0.1, 0.9)
"""Whoever is on the front with a probability between these gets more seeds."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Retrained:
    """One configuration on the test split."""

    key: str
    seeds: list[int]
    values: Array
    """[seeds, videos]: what each contributes to the quality, of accuracy 1 where right."""
    gflops: Array
    """[seeds, videos]."""

    def at(self, seeds: Sequence[int]) -> Array:
        return self.values[[self.seeds.index(seed) for seed in seeds]]


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    key: str
    seeds: list[int]
    quality: Estimate
    gflops: Estimate
    by_seed: list[tuple[float, float]]
    """(quality, GFLOPs) at each seed."""
    difference: Estimate | None
    """Of quality, to the fusion on the same videos at the same seeds; None for itself."""
    on_front: float
    """Probability that no other configuration dominates it."""

    @property
    def contested(self) -> bool:
        low, high = CONTESTED
        return low < self.on_front < high


def confirmed(found: Sequence[Retrained], fusion: str) -> list[Confirmed]:
    """Means, intervals and probabilities, in the order given.

    Args:
        found: on the same videos in the same order.
        fusion: the key of what differences are taken to.
    """
    other = next((r for r in found if r.key == fusion), None)
    probabilities = on_front(found)
    return [
        Confirmed(
            key=r.key,
            seeds=r.seeds,
            quality=bootstrap(r.values),
            gflops=bootstrap(r.gflops),
            by_seed=[
                (float(q), float(g))
                for q, g in zip(r.values.mean(1), r.gflops.mean(1), strict=True)
            ],
            difference=None if other is None or r is other else _difference(r, other),
            on_front=probability,
        )
        for r, probability in zip(found, probabilities, strict=True)
    ]


def on_front(found: Sequence[Retrained]) -> list[float]:
    """The probability of each to be dominated by no other one."""
    qualities = np.stack(_replicates([r.values for r in found]))
    gflops = np.stack(_replicates([r.gflops for r in found]))
    masks = [fronts.non_dominated(q, g) for q, g in zip(qualities.T, gflops.T, strict=True)]
    return [float(share) for share in np.mean(masks, axis=0)]


def attained(found: Sequence[Confirmed]) -> Mapping[str, Any]:
    """Attainment over seeds: what half of them reach ("median"), what any ("best") and all
    ("worst") of them do, each {"gflops": [...], "quality": [...]}; over the seeds of all."""
    common = sorted(set.intersection(*(set(c.seeds) for c in found))) if found else []
    if not common:
        return {}
    runs = []
    for seed in common:
        points = [c.by_seed[c.seeds.index(seed)] for c in found]
        runs.append(([quality for quality, _ in points], [gflops for _, gflops in points]))
    surfaces = {"best": 100 / len(common), "median": 50.0, "worst": 100.0}
    shown = {}
    for name, percentile in surfaces.items():
        gflops, quality = fronts.attainment_surface(runs, percentile)
        shown[name] = {"gflops": gflops.tolist(), "quality": quality.tolist()}
    return shown


def _replicates(tables: list[Array]) -> list[Array]:
    return joint_replicates(tables, replicates=FRONT_REPLICATES)


def _difference(ours: Retrained, other: Retrained) -> Estimate | None:
    seeds = [seed for seed in ours.seeds if seed in other.seeds]
    return paired_difference(ours.at(seeds), other.at(seeds)) if seeds else None
