"""Fronts of points in any number of objectives: dominance, ranks, hypervolume (on moocore).

Points are [P, D]; `maximise` says for each of the D objectives whether more is better. A point
dominates another if it is at least as good in every objective and better in one, so equal points do
not dominate each other. A reference is the corner [D] of worst values from which hypervolume is
measured; it is fixed before a study starts.

>>> accuracy_and_gflops = [[0.9, 2.0], [0.8, 1.0], [0.7, 3.0]]
>>> non_dominated(accuracy_and_gflops, maximise=[True, False]).tolist()
[True, True, False]
>>> best(accuracy_and_gflops, 2, maximise=[True, False], reference=[0.5, 4.0])
[1, 0]
>>> round(hypervolume(accuracy_and_gflops, maximise=[True, False], reference=[0.5, 4.0]), 6)
1.1
"""

import math
from collections.abc import Sequence

import moocore
import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]
"""Points in D objectives, [P, D]."""
MOST_ATTAINED = 3
"""Most objectives for which moocore computes attainment surfaces."""


def non_dominated(points: ArrayLike, *, maximise: Sequence[bool]) -> NDArray[np.bool_]:
    """Return a mask [P], true where no other point dominates.

    Raises:
        ValueError: a value is not finite, or the points do not have D columns.
    """
    checked = _points(points, maximise)
    mask = moocore.is_nondominated(checked, maximise=list(maximise), keep_weakly=True)
    return np.asarray(mask, dtype=np.bool_)


def ranks(points: ArrayLike, *, maximise: Sequence[bool]) -> NDArray[np.int64]:
    """Return non-domination ranks [P]: 0 for the front, 1 for the front of the rest, and so on."""
    numbers = moocore.pareto_rank(_points(points, maximise), maximise=list(maximise))
    return np.asarray(numbers, dtype=np.int64)


def hypervolume(
    points: ArrayLike, *, maximise: Sequence[bool], reference: Sequence[float]
) -> float:
    """Return the volume between the front and the reference, in the product of the units.

    Points that are not better than the reference in every objective add nothing.
    """
    checked, corner = _points(points, maximise), _corner(reference, maximise)
    return float(moocore.hypervolume(checked, ref=corner, maximise=list(maximise)))


def hypervolume_fraction(
    points: ArrayLike,
    *,
    maximise: Sequence[bool],
    reference: Sequence[float],
    ideal: Sequence[float],
) -> float:
    """Return the hypervolume as a fraction of that of one point at `ideal`.

    Args:
        points: [P, D].
        maximise: for each objective, true if more is better.
        reference: [D], the corner of worst values.
        ideal: [D], the best value that each objective can have.

    Raises:
        ValueError: the reference is not worse than the ideal in every objective.
    """
    corner, top = _corner(reference, maximise), _corner(ideal, maximise)
    sides = np.where(maximise, top - corner, corner - top).tolist()
    if min(sides) <= 0:
        raise ValueError(
            f"reference must be worse than {tuple(ideal)} in every objective, got "
            f"{tuple(reference)}"
        )
    box = float(math.prod(sides))
    return hypervolume(points, maximise=maximise, reference=reference) / box


def hypervolume_contributions(
    points: ArrayLike, *, maximise: Sequence[bool], reference: Sequence[float]
) -> NDArray[np.float64]:
    """Return the hypervolume [P] that would be lost with each point; 0 for dominated points.

    Of several equal points the first one gets the contribution and the others get 0.
    """
    checked = _points(points, maximise)
    # Each of two equal points would lose nothing: the other one still covers its volume.
    distinct, firsts = np.unique(checked, axis=0, return_index=True)
    contributions = np.zeros(len(checked))
    contributions[firsts] = moocore.hv_contributions(
        distinct, ref=_corner(reference, maximise), maximise=list(maximise)
    )
    return contributions


def best(
    points: ArrayLike, count: int, *, maximise: Sequence[bool], reference: Sequence[float]
) -> list[int]:
    """Return the indices of the best `count` points, or of all if there are fewer, best first.

    The order is by non-domination rank; within a rank by hypervolume contribution to that rank;
    then by index.
    """
    checked = _points(points, maximise)
    rank_of = ranks(checked, maximise=maximise)
    contribution = np.zeros(len(checked))
    for rank in np.unique(rank_of):
        members = rank_of == rank
        contribution[members] = hypervolume_contributions(
            checked[members], maximise=maximise, reference=reference
        )
    order = np.lexsort((np.arange(len(checked)), -contribution, rank_of))
    return [int(index) for index in order[:count]]


def attainment_surface(
    runs: Sequence[ArrayLike], percentile: float, *, maximise: Sequence[bool]
) -> Points:
    """Return the surface that at least this percentage of runs attain: 50 is the median front.

    Args:
        runs: the points [P, D] of each run, with D = 2 or 3.
        percentile: share of the runs, in percent.
        maximise: for each objective, true if more is better.

    Returns:
        Its corners [C, D], from the best value of the last objective to its worst.

    Raises:
        ValueError: the number of objectives is not 2 or 3.
    """
    if not 2 <= len(maximise) <= MOST_ATTAINED:
        raise ValueError(f"attainment needs 2 to {MOST_ATTAINED} objectives, got {len(maximise)}")
    # moocore.eaf has no `maximise`: it minimises all columns.
    signs = np.where(maximise, -1.0, 1.0)
    checked = [_points(points, maximise) for points in runs]
    sets = np.repeat(np.arange(len(checked)), [len(points) for points in checked])
    corners = moocore.eaf(np.concatenate(checked) * signs, sets, percentiles=[percentile])
    corners = corners[:, : len(maximise)]  # the last column is the percentile
    order = np.argsort(corners[:, -1])
    return np.asarray(corners[order] * signs, dtype=np.float64)


def _points(points: ArrayLike, maximise: Sequence[bool]) -> Points:
    array = np.asarray(points, dtype=np.float64)
    if not array.size:
        return np.empty((0, len(maximise)))
    if array.ndim != 2 or array.shape[1] != len(maximise):
        raise ValueError(f"points must be [P, {len(maximise)}], got shape {list(array.shape)}")
    for row, column in np.argwhere(~np.isfinite(array))[:1]:
        raise ValueError(f"points[{row}, {column}] must be finite, got {array[row, column]}")
    return array


def _corner(reference: Sequence[float], maximise: Sequence[bool]) -> NDArray[np.float64]:
    return _points([reference], maximise).reshape(len(maximise))
