"""Fronts: dominance, ranks, hypervolume, and the choice of the best few."""

import subprocess
import sys

import numpy as np
import pytest
from adamml.statistics.fronts import (
    attainment_surface,
    best,
    hypervolume,
    hypervolume_contributions,
    hypervolume_fraction,
    non_dominated,
    ranks,
)

MAXIMISE = (True, False)
FACING = {"maximise": MAXIMISE, "reference": (0.2, 5.0)}
IDEAL = (1.0, 0.0)
QUALITY = [0.9, 0.8, 0.7, 0.5, 0.1]
GFLOPS = [2.0, 1.0, 3.0, 0.5, 9.0]
POINTS = list(zip(QUALITY, GFLOPS, strict=True))


@pytest.mark.parametrize("maximise", [(True, False), (True, False, False), (False, True, True)])
def test_mask_and_ranks_agree_with_the_definition_on_random_points(
    maximise: tuple[bool, ...],
) -> None:
    def dominates(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
        pairs = zip(a, b, maximise, strict=True)
        return a != b and all(x >= y if more else x <= y for x, y, more in pairs)

    rng = np.random.default_rng(0)
    for _ in range(20):
        points = [tuple(p) for p in rng.integers(0, 6, size=(12, len(maximise))).astype(float)]
        beaten = [any(dominates(other, point) for other in points) for point in points]
        assert non_dominated(points, maximise=maximise).tolist() == [not b for b in beaten]
        assert (ranks(points, maximise=maximise) == 0).tolist() == [not b for b in beaten]


def test_ranks_peel_one_front_after_another() -> None:
    assert ranks(POINTS, maximise=MAXIMISE).tolist() == [0, 0, 1, 0, 2]


def test_equal_points_are_all_on_the_front() -> None:
    points = [(0.9, 2.0), (0.9, 2.0), (0.8, 2.0)]
    assert non_dominated(points, maximise=MAXIMISE).tolist() == [True, True, False]


def test_hypervolume_is_the_area_towards_the_reference() -> None:
    # three boxes left to right: 0.5-1, 1-2 and 2-5 GFLOPs
    area = 0.5 * 0.3 + 1 * 0.6 + 3 * 0.7
    assert hypervolume(POINTS, **FACING) == pytest.approx(area)
    fraction = hypervolume_fraction(POINTS, **FACING, ideal=IDEAL)
    assert fraction == pytest.approx(area / (0.8 * 5))
    assert hypervolume_fraction([IDEAL], **FACING, ideal=IDEAL) == pytest.approx(1)


def test_hypervolume_of_three_objectives_is_a_volume() -> None:
    facing = {"maximise": (True, False, False), "reference": (0.2, 5.0, 10.0)}
    points = [(0.7, 1.0, 4.0), (0.9, 2.0, 8.0), (0.3, 4.5, 9.5)]
    first, second, both = 0.5 * 4 * 6, 0.7 * 3 * 2, 0.5 * 3 * 2
    assert hypervolume(points, **facing) == pytest.approx(first + second - both)
    fraction = hypervolume_fraction(points, **facing, ideal=(1.0, 0.0, 0.0))
    assert fraction == pytest.approx((first + second - both) / (0.8 * 5 * 10))
    contributions = hypervolume_contributions(points, **facing)
    assert contributions.tolist() == pytest.approx([first - both, second - both, 0.0])
    assert best(points, 3, **facing) == [0, 1, 2]


@pytest.mark.parametrize("reference", [(1.0, 5.0), (0.2, 0.0)])
def test_a_reference_that_is_not_worse_than_the_ideal_is_refused(
    reference: tuple[float, float],
) -> None:
    with pytest.raises(ValueError, match=r"must be worse than \(1.0, 0.0\) in every objective"):
        hypervolume_fraction(POINTS, maximise=MAXIMISE, reference=reference, ideal=IDEAL)


def test_points_beyond_the_reference_cover_nothing() -> None:
    assert hypervolume([(0.1, 1.0), (0.9, 6.0)], **FACING) == 0


def test_contribution_is_what_the_hypervolume_loses_without_the_point() -> None:
    contributions = hypervolume_contributions(POINTS, **FACING)
    whole = hypervolume(POINTS, **FACING)
    for index, contribution in enumerate(contributions):
        rest = np.delete(POINTS, index, axis=0)
        assert contribution == pytest.approx(whole - hypervolume(rest, **FACING))


def test_of_equal_points_the_first_carries_the_contribution() -> None:
    contributions = hypervolume_contributions([(0.5, 1.0), (0.9, 2.0), (0.9, 2.0)], **FACING)
    assert contributions.tolist() == pytest.approx([0.3, 1.2, 0.0])


def test_best_goes_by_rank_then_contribution() -> None:
    points = [(0.95, 2.0), *POINTS[1:]]
    assert best(points, 2, **FACING) == [0, 1]
    assert best(points, 9, **FACING) == [0, 1, 3, 2, 4]


def test_best_prefers_a_new_place_to_a_copy_of_a_chosen_one() -> None:
    assert best([(0.9, 2.0), (0.9, 2.0), (0.5, 1.0)], 2, **FACING) == [0, 2]


def test_best_orders_a_dominated_rank_by_its_own_contributions() -> None:
    assert best([(0.9, 0.1), (0.30, 0.2), (0.8, 3.0), (0.5, 1.0)], 4, **FACING) == [0, 2, 3, 1]


def test_no_points_are_an_empty_front() -> None:
    assert non_dominated([], maximise=MAXIMISE).tolist() == []
    assert hypervolume([], **FACING) == 0
    assert hypervolume_contributions([], **FACING).tolist() == []
    assert best([], 3, **FACING) == []


def test_the_median_surface_is_attained_by_half_of_the_runs() -> None:
    runs = [[(0.9, 2.0), (0.5, 1.0)], [(0.8, 2.0), (0.6, 1.0)], [(0.7, 2.0), (0.4, 1.0)]]
    surface = attainment_surface(runs, 50, maximise=MAXIMISE)
    assert surface.tolist() == [[0.5, 1.0], [0.8, 2.0]]


def test_a_surface_of_three_objectives_has_three_columns() -> None:
    runs = [[(0.9, 2.0, 7.0)], [(0.8, 1.0, 5.0)]]
    maximise = (True, False, True)
    assert attainment_surface(runs, 100, maximise=maximise).tolist() == [[0.8, 2.0, 5.0]]
    both = attainment_surface(runs, 50, maximise=maximise)
    assert both.tolist() == [[0.9, 2.0, 7.0], [0.8, 1.0, 5.0]], "the best last objective first"
    with pytest.raises(ValueError, match="attainment needs 2 to 3 objectives, got 4"):
        attainment_surface([[(1.0, 1.0, 1.0, 1.0)]], 50, maximise=(True,) * 4)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_not_finite_is_named(value: float) -> None:
    with pytest.raises(ValueError, match=r"points\[1, 1\] must be finite"):
        non_dominated([(0.1, 1.0), (0.2, value)], maximise=MAXIMISE)
    with pytest.raises(ValueError, match=r"points\[0, 0\] must be finite"):
        best([(value, 1.0), (0.2, 2.0)], 1, **FACING)


def test_points_of_other_objectives_are_refused() -> None:
    with pytest.raises(ValueError, match=r"points must be \[P, 2\], got shape \[1, 3\]"):
        ranks([(0.1, 0.2, 0.3)], maximise=MAXIMISE)
    with pytest.raises(ValueError, match=r"points must be \[P, 2\], got shape \[2\]"):
        ranks([0.1, 0.2], maximise=MAXIMISE)


def test_fronts_need_neither_ray_nor_mlflow_nor_torch() -> None:
    program = (
        "import sys, adamml.statistics.fronts;"
        "assert not {'ray', 'mlflow', 'torch'} & set(sys.modules), 'heavy import'"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": _platform()})


def _platform() -> str:
    import adamml

    return str(next(iter(adamml.__path__)) + "/..")
