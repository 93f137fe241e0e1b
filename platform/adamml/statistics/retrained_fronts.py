"""Statistics of a front whose configurations were retrained with fresh seeds.

Each configuration was retrained with seeds that the search has not used, and tested once per seed
on the same videos. Intervals come from paired.py. The probability to be on the front is the share
of replicates in which no other configuration dominates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from adamml.statistics import fronts
from adamml.statistics.paired import (
    Array,
    Estimate,
    bootstrap,
    joint_replicates,
    paired_difference,
)

FRONT_REPLICATES = 2000
"""Number of replicates for the probability to be on the front."""
CONTESTED = (0.1, 0.9)
"""Probabilities to be on the front between which a configuration gets more seeds."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Retrained:
    """One configuration on the test split."""

    key: str
    """Name of the configuration, unique in its study."""
    seeds: list[int]
    """Seed of each row of the values."""
    values: dict[str, Array]
    """Objective -> [seeds, videos], the contribution of each video to it (for accuracy 1 where the
    video is classified correctly). All configurations have the same objectives in one order."""


@dataclass(frozen=True, kw_only=True)
class FrontRow:
    """Result of one retrained configuration: means, intervals and its probability on the front."""

    key: str
    """Name of the configuration, unique in its study."""
    seeds: list[int]
    """Seeds at which it was tested."""
    objectives: dict[str, Estimate]
    """Objective -> mean and interval over seeds and videos."""
    by_seed: list[tuple[float, ...]]
    """Point [D] at each seed: the means over videos, in the order of the objectives."""
    difference: Estimate | None
    """Difference to the fusion in one objective, on the same videos and seeds; None for the fusion
    itself, and if they have no seed in common."""
    on_front: float
    """Probability that no other configuration dominates it."""

    @property
    def contested(self) -> bool:
        """True if it is neither clearly on the front nor clearly off it."""
        low, high = CONTESTED
        return low < self.on_front < high


def front_rows(
    configurations: Sequence[Retrained],
    fusion: str,
    *,
    maximise: Sequence[bool],
    compared: str,
) -> list[FrontRow]:
    """Return means, intervals and probabilities of configurations, in their order.

    Args:
        configurations: tested on the same videos in the same order.
        fusion: key of the configuration that the others are compared with.
        maximise: for each objective, true if more is better.
        compared: objective in which they are compared.
    """
    other = next((r for r in configurations if r.key == fusion), None)
    probabilities = on_front(configurations, maximise=maximise)
    return [
        FrontRow(
            key=r.key,
            seeds=r.seeds,
            objectives={name: bootstrap(values) for name, values in r.values.items()},
            by_seed=_by_seed(r),
            difference=None if other is None or r is other else _difference(r, other, compared),
            on_front=probability,
        )
        for r, probability in zip(configurations, probabilities, strict=True)
    ]


def on_front(configurations: Sequence[Retrained], *, maximise: Sequence[bool]) -> list[float]:
    """Return for each configuration the probability that no other one dominates it."""
    seeds = [r.seeds for r in configurations]
    # joint_replicates() makes the same draws for each objective: a replicate has one set of seeds
    # and videos.
    replicates = [
        joint_replicates(
            [r.values[name] for r in configurations], seeds, replicates=FRONT_REPLICATES
        )
        for name in configurations[0].values
    ]
    points = np.moveaxis(np.array(replicates), (0, 1), (2, 1))  # [D, P, R] -> [R, P, D]
    masks = [fronts.non_dominated(replicate, maximise=maximise) for replicate in points]
    return [float(share) for share in np.mean(masks, axis=0)]


def attainment_surfaces(
    configurations: Sequence[FrontRow], *, maximise: Sequence[bool]
) -> Mapping[str, Mapping[str, list[float]]]:
    """Return the surfaces that any ("best"), half ("median") and all ("worst") of the seeds attain.

    Args:
        configurations: from front_rows().
        maximise: for each objective, true if more is better.

    Returns:
        Surface -> objective -> values at its corners, over the seeds that all configurations have.
        Empty without such a seed, and for more than fronts.MOST_ATTAINED objectives.
    """
    if not configurations or len(maximise) > fronts.MOST_ATTAINED:
        return {}
    common = sorted(set.intersection(*(set(c.seeds) for c in configurations)))
    if not common:
        return {}
    runs = [[c.by_seed[c.seeds.index(seed)] for c in configurations] for seed in common]
    percentiles = {"best": 100 / len(common), "median": 50.0, "worst": 100.0}
    surfaces = {}
    for name, percentile in percentiles.items():
        corners = fronts.attainment_surface(runs, percentile, maximise=maximise)
        columns = zip(configurations[0].objectives, corners.T.tolist(), strict=True)
        surfaces[name] = dict(columns)
    return surfaces


def _by_seed(configuration: Retrained) -> list[tuple[float, ...]]:
    means = [values.mean(1).tolist() for values in configuration.values.values()]
    return list(zip(*means, strict=True))


def _difference(ours: Retrained, other: Retrained, objective: str) -> Estimate | None:
    if not set(ours.seeds) & set(other.seeds):
        return None
    seeds = (ours.seeds, other.seeds)
    return paired_difference(ours.values[objective], other.values[objective], seeds=seeds)
