"""Fronts: which trials are beaten by no other, and how much of the plane they cover (on moocore).

Two objectives everywhere: quality (more is better) and GFLOPs per video (less is better). A point
dominates another if it is at least as good in both and better in one, so equal points do not
dominate each other. A reference is (chance quality, GFLOPs of the dearest configuration): the
corner from which covered area is measured, fixed before a study starts.
"""

from collections.abc import Sequence

import moocore
import numpy as np
from numpy.typing import ArrayLike, NDArray

MAXIMISE = [True, False]
Reference = tuple[float, float]
"""(quality, gflops)."""


def non_dominated(quality: ArrayLike, gflops: ArrayLike) -> NDArray[np.bool_]:
    """True where no other point dominates: [P] from quality [P] and gflops [P].

    Raises:
        ValueError: a value is not finite, or the lengths differ.
    """
    mask = moocore.is_nondominated(_points(quality, gflops), maximise=MAXIMISE, keep_weakly=True)
    return np.asarray(mask, dtype=np.bool_)


def ranks(quality: ArrayLike, gflops: ArrayLike) -> NDArray[np.int64]:
    """Non-domination ranks [P]: 0 for the front, 1 for the front of the rest, and so on."""
    found = moocore.pareto_rank(_points(quality, gflops), maximise=MAXIMISE)
    return np.asarray(found, dtype=np.int64)


def hypervolume(quality: ArrayLike, gflops: ArrayLike, reference: Reference) -> float:
    """The area between the front and the reference, in quality times GFLOPs.

    Points that are not better than the reference in both objectives add nothing.
    """
    points = _points(quality, gflops)
    return float(moocore.hypervolume(points, ref=_corner(reference), maximise=MAXIMISE))


def hypervolume_fraction(
    quality: ArrayLike, gflops: ArrayLike, reference: Reference, *, best_quality: float = 1.0
) -> float:
    """The hypervolume as a fraction of what perfect quality for nothing would give."""
    chance, max_gflops = _corner(reference).tolist()
    if best_quality <= chance or max_gflops <= 0:
        raise ValueError(
            f"reference must be below quality {best_quality} and above 0 gflops, got {reference}"
        )
    box = (best_quality - chance) * max_gflops
    return hypervolume(quality, gflops, reference) / float(box)


def hypervolume_contributions(
    quality: ArrayLike, gflops: ArrayLike, reference: Reference
) -> NDArray[np.float64]:
    """The hypervolume [P] that would be lost with each point; 0 for dominated points.

    Of equal points the first one stands for all and the others get 0.
    """
    points = _points(quality, gflops)
    distinct, firsts = np.unique(points, axis=0, return_index=True)
    contributions = np.zeros(len(points))
    contributions[firsts] = moocore.hv_contributions(
        distinct, ref=_corner(reference), maximise=MAXIMISE
    )
    return contributions


def best(quality: ArrayLike, gflops: ArrayLike, count: int, reference: Reference) -> list[int]:
    """Indices of the best `count` points, or of all if there are fewer, best first.

    Ordered by non-domination rank; within a rank by hypervolume contribution to that rank; then by
    index.
    """
    points, rank_of = _points(quality, gflops), ranks(quality, gflops)
    contribution = np.zeros(len(points))
    for rank in np.unique(rank_of):
        members = rank_of == rank
        contribution[members] = hypervolume_contributions(
            points[members, 0], points[members, 1], reference
        )
    order = np.lexsort((np.arange(len(points)), -contribution, rank_of))
    return [int(index) for index in order[:count]]


def attainment_surface(
    runs: Sequence[tuple[ArrayLike, ArrayLike]], percentile: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The surface that at least this percentage of runs attain: 50 is the median front.

    Args:
        runs: (quality, gflops) of the points of each run.

    Returns:
        GFLOPs and quality of its corners, cheapest first.
    """
    points = [_points(quality, gflops) for quality, gflops in runs]
    sets = np.repeat(np.arange(len(points)), [len(p) for p in points])
    minimised = np.concatenate(points) * [-1.0, 1.0]
    corners = moocore.eaf(minimised, sets, percentiles=[percentile])
    order = np.argsort(corners[:, 1])
    return corners[order, 1], -corners[order, 0]


def _points(quality: ArrayLike, gflops: ArrayLike) -> NDArray[np.float64]:
    columns = {"quality": quality, "gflops": gflops}
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in columns.items()}
    if arrays["quality"].shape != arrays["gflops"].shape or arrays["quality"].ndim != 1:
        shapes = [array.shape for array in arrays.values()]
        raise ValueError(f"quality and gflops must be lists of one length, got shapes {shapes}")
    for name, array in arrays.items():
        for index in np.flatnonzero(~np.isfinite(array))[:1]:
            raise ValueError(f"{name}[{index}] must be finite, got {array[index]}")
    return np.stack(list(arrays.values()), axis=1)


def _corner(reference: Sequence[float]) -> NDArray[np.float64]:
    return _points([reference[0]], [reference[1]]).reshape(2)
