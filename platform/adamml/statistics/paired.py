"""Hierarchical bootstrap over seeds and videos, for means and for paired differences.

Every replicate draws the seeds anew with replacement, and the videos anew with replacement: levels
are resampled as they were sampled (Saravanan, Berman and Sober 2020, "Application of the
hierarchical bootstrap to multi-level data in neuroscience"). All seeds see the same test videos, so
these are crossed with the seeds and not nested in them: a replicate's videos are the same for all
of its seeds (Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1). The interval
is that of percentiles.

How far to trust it (tests/test_paired.py): about 95% coverage where videos are what varies; more
than that, so cautious, where seed and video vary together; too little where seeds vary most and are
few, at most 75% with three: their interval then is just their range. Look at the seeds one by one,
or take more of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

Array = np.ndarray[Any, Any]

LEVEL = 0.95
REPLICATES = 10_000
_CHUNK = 4_000_000
"""Draws in memory at a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    mean: float
    low: float
    high: float
    """The interval's ends."""

    @property
    def above_zero(self) -> bool:
        return self.low > 0


def bootstrap(
    values: ArrayLike, *, level: float = LEVEL, replicates: int = REPLICATES, seed: int = 0
) -> Estimate:
    """The mean over seeds and videos, and its interval.

    Args:
        values: [seeds, videos], e.g. 1 where correct.
        seed: of the draws.

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
    (means,) = joint_replicates([table], replicates=replicates, seed=seed)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(mean=float(table.mean()), low=float(low), high=float(high))


def paired_difference(
    ours: ArrayLike,
    others: ArrayLike,
    *,
    level: float = LEVEL,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Estimate:
    """Of ours over others on the same videos at the same seeds; beaten where it is above zero.

    Args:
        ours, others: [seeds, videos].

    Raises:
        ValueError: their shapes differ.
    """
    a, b = np.asarray(ours, np.float64), np.asarray(others, np.float64)
    if a.shape != b.shape:
        raise ValueError(
            f"both methods must have the same seeds and videos, got {a.shape} and {b.shape}"
        )
    return bootstrap(a - b, level=level, replicates=replicates, seed=seed)


def joint_replicates(
    tables: Sequence[Array], *, replicates: int = REPLICATES, seed: int = 0
) -> list[Array]:
    """The mean of each replicate, of several tables on the same videos: [replicates] each.

    All tables share the draws of videos, and those of as many seeds the draws of seeds: they are
    paired. A mean is a sum weighted by how often seed and video came.

    Args:
        tables: [seeds, videos] each.
    """
    rng, videos = np.random.default_rng(seed), tables[0].shape[1]
    numbers = dict.fromkeys(len(table) for table in tables)
    chunk = max(1, _CHUNK // videos)
    means: list[list[Array]] = [[] for _ in tables]
    for start in range(0, replicates, chunk):
        size = min(chunk, replicates - start)
        of_videos = _draw_counts(videos, size, rng)
        of_seeds = {seeds: _draw_counts(seeds, size, rng) for seeds in numbers}
        for table, found in zip(tables, means, strict=True):
            weighted = (of_videos @ table.T) * of_seeds[len(table)]
            found.append(weighted.sum(1) / table.size)
    return [np.concatenate(found) for found in means]


def _draw_counts(things: int, size: int, rng: np.random.Generator) -> Array:
    """[size, things]: how often each came in `things` draws with replacement."""
    drawn = rng.integers(things, size=(size, things)) + things * np.arange(size)[:, None]
    return np.bincount(drawn.ravel(), minlength=size * things).reshape(size, things).astype(float)
