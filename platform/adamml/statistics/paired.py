"""Hierarchical bootstrap over seeds and videos, for means and for paired differences.

Every replicate draws seeds with replacement, and videos with replacement: both levels are resampled
as they were sampled (Saravanan, Berman and Sober 2020, "Application of the hierarchical bootstrap
to multi-level data in neuroscience"). All seeds are tested on the same videos, so videos are
crossed with seeds and not nested in them: a replicate has the same videos for all of its seeds
(Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1). The interval is the
percentile interval.

Coverage of the 95% interval (tests/statistics/test_paired.py): about 95% if videos vary most; more,
which is cautious, if seeds and videos vary together; too little if seeds vary most and are few.
With three seeds it is at most 75%, because the interval is then the range of the seeds. In that
case compare the seeds one by one, or train more of them.

>>> ours, others = [[1, 1, 1, 0], [1, 1, 0, 1]], [[1, 0, 0, 0], [1, 0, 0, 1]]
>>> paired_difference(ours, others).mean
0.375
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]
"""Table of numbers, [seeds, videos]."""
Draws = NDArray[np.float64]
"""Numbers of each replicate."""

LEVEL = 0.95
"""Share of replicates inside an interval."""
REPLICATES = 10_000
"""Number of replicates from which an interval is taken."""
_CHUNK = 4_000_000
"""Number of draws in memory at a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A mean and an interval that contains it."""

    mean: float
    """Mean over seeds and videos."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""


def bootstrap(
    values: ArrayLike, *, level: float = LEVEL, replicates: int = REPLICATES, seed: int = 0
) -> Estimate:
    """Return the mean over seeds and videos, and its interval.

    Args:
        values: [seeds, videos], e.g. 1 for a correct prediction.
        level: share of replicates inside the interval.
        replicates: number of replicates.
        seed: seed of the random draws.

    Raises:
        ValueError: values is not a filled table, or has a number that is not finite.
    """
    table = np.asarray(values, np.float64)
    if table.ndim != 2 or not table.size:
        raise ValueError(f"values must be [seeds, videos], none of them 0, got {table.shape}")
    if not np.isfinite(table).all():
        raise ValueError(
            f"values must be finite, got {int((~np.isfinite(table)).sum())} that are not"
        )
    (means,) = joint_replicates([table], [range(len(table))], replicates=replicates, seed=seed)
    mean = float(table.mean())
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2]).tolist()
    # If all values are equal (always-on costs the same on every video), sums in another order may
    # differ in the last digit, and the mean would lie outside of its interval.
    return Estimate(mean=mean, low=min(low, mean), high=max(high, mean))


def paired_difference(
    ours: ArrayLike,
    others: ArrayLike,
    *,
    seeds: tuple[Sequence[int], Sequence[int]] | None = None,
    level: float = LEVEL,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Estimate:
    """Return the mean of ours minus others, and its interval, on the same videos and seeds.

    Ours is better if the whole interval lies above zero.

    Args:
        ours: [seeds, videos].
        others: [seeds, videos].
        seeds: the seed of each row of ours, and of each row of others. Only seeds that both have
            are compared. None if row n of both has the same seed.
        level: share of replicates inside the interval.
        replicates: number of replicates.
        seed: seed of the random draws.

    Raises:
        ValueError: the videos differ, or no seed is common to both.
    """
    a, b = np.asarray(ours, np.float64), np.asarray(others, np.float64)
    if seeds is not None:
        our_rows, other_rows = (_rows(s, t) for s, t in zip(seeds, (a, b), strict=True))
        common = [seed for seed in our_rows if seed in other_rows]
        if not common:
            raise ValueError(
                "both methods must have a seed in common, got "
                f"{sorted(our_rows)} and {sorted(other_rows)}"
            )
        a, b = a[[our_rows[seed] for seed in common]], b[[other_rows[seed] for seed in common]]
    if a.shape != b.shape:
        raise ValueError(
            f"both methods must have the same seeds and videos, got {a.shape} and {b.shape}"
        )
    return bootstrap(a - b, level=level, replicates=replicates, seed=seed)


def joint_replicates(
    tables: Sequence[Array],
    seeds: Sequence[Sequence[int]],
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> list[Draws]:
    """Return the mean of each replicate of several tables on the same videos: [replicates] each.

    Tables share the draws of videos, and the draws of the seeds that they have in common, so that
    their replicates are paired. The replicates of one table are distributed as in the plain
    bootstrap of its seeds.

    Args:
        tables: [seeds, videos] each.
        seeds: the seed of each row of each table.
        replicates: number of replicates.
        seed: seed of the random draws.

    Raises:
        ValueError: a table's seeds are not one per row, or not distinct.
    """
    rows = [_rows(s, table) for s, table in zip(seeds, tables, strict=True)]
    union = list(dict.fromkeys(seed for row_of in rows for seed in row_of))
    # [U] per table: the row of each seed of the union, -1 if the table lacks the seed.
    places = [np.array([row_of.get(seed, -1) for seed in union]) for row_of in rows]
    rng, videos = np.random.default_rng(seed), tables[0].shape[1]
    chunk = max(1, _CHUNK // videos)
    means: list[list[Draws]] = [[] for _ in tables]
    for start in range(0, replicates, chunk):
        size = min(chunk, replicates - start)
        video_counts = _counts(rng.integers(videos, size=(size, videos)), videos)
        seed_counts = _seed_counts(places, size, rng)
        for table, counts, table_means in zip(tables, seed_counts, means, strict=True):
            # A mean of drawn values is a sum weighted by how often its seed and video were drawn.
            weighted = (video_counts @ table.T) * counts
            table_means.append(weighted.sum(1) / table.size)
    return [np.concatenate(table_means) for table_means in means]


def _rows(seeds: Sequence[int], table: Array) -> dict[int, int]:
    """Return the row of each seed."""
    row_of = {seed: row for row, seed in enumerate(seeds)}
    if len(row_of) != len(seeds) or len(seeds) != len(table):
        raise ValueError(
            f"seeds must be {len(table)} different ones, one per row, got {list(seeds)}"
        )
    return row_of


def _seed_counts(places: Sequence[Array], size: int, rng: np.random.Generator) -> list[Draws]:
    """Return how often each row of each table was drawn, [size, rows] per table.

    One sequence is drawn over the seeds of all tables. A table with n seeds takes the first n draws
    that are seeds of its own: they are uniform and independent, as in the plain bootstrap.
    """
    union = len(places[0])
    draws = np.empty((size, 0), np.int64)
    wanted = [int((place >= 0).sum()) for place in places]
    while any(
        ((place[draws] >= 0).sum(1) < count).any()
        for place, count in zip(places, wanted, strict=True)
    ):
        draws = np.concatenate([draws, rng.integers(union, size=(size, union))], axis=1)
    counts = []
    for place, count in zip(places, wanted, strict=True):
        mine = place[draws] >= 0
        first = mine & (mine.cumsum(1) <= count)
        # Each row keeps exactly `count` draws, so the flat list can be reshaped.
        counts.append(_counts(place[draws[first]].reshape(size, count), count))
    return counts


def _counts(draws: Array, things: int) -> Draws:
    """Return how often each of `things` came in each row: [size, things] from draws [size, n]."""
    flat = draws + things * np.arange(len(draws))[:, None]
    counts = np.bincount(flat.ravel(), minlength=len(draws) * things)
    return counts.reshape(len(draws), things).astype(np.float64)
