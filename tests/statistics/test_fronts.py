"""Fronts: dominance, ranks, hypervolume, and the choice of the best few."""

import subprocess
import sys

import numpy as np
import pytest
from adamml.statistics.fronts import (
    best,
    hypervolume,
    hypervolume_contributions,
    hypervolume_fraction,
    non_dominated,
    ranks,
)

REFERENCE = (0.2, 5.0)
QUALITY = [0.9, 0.8, 0.7, 0.5, 0.1]
GFLOPS = [2.0, 1.0, 3.0, 0.5, 9.0]


def _dominates(a, b) -> bool:
    return a[0] >= b[0] and a[1] <= b[1] and a != b


def test_mask_and_ranks_agree_with_the_definition_on_random_points() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        points = [tuple(p) for p in rng.integers(0, 6, size=(12, 2)).astype(float)]
        quality, gflops = zip(*points, strict=True)
        beaten = [any(_dominates(other, point) for other in points) for point in points]
        assert non_dominated(quality, gflops).tolist() == [not b for b in beaten]
        assert (ranks(quality, gflops) == 0).tolist() == [not b for b in beaten]


def test_ranks_peel_one_front_after_another() -> None:
    assert ranks(QUALITY, GFLOPS).tolist() == [0, 0, 1, 0, 2]


def test_equal_points_are_all_on_the_front() -> None:
    assert non_dominated([0.9, 0.9, 0.8], [2.0, 2.0, 2.0]).tolist() == [True, True, False]


def test_hypervolume_is_the_area_towards_the_reference() -> None:
    # three boxes left to right: 0.5-1, 1-2 and 2-5 GFLOPs
    area = 0.5 * 0.3 + 1 * 0.6 + 3 * 0.7
    assert hypervolume(QUALITY, GFLOPS, REFERENCE) == pytest.approx(area)
    assert hypervolume_fraction(QUALITY, GFLOPS, REFERENCE) == pytest.approx(area / (0.8 * 5))
    assert hypervolume_fraction([1.0], [0.0], REFERENCE) == pytest.approx(1)


def test_points_beyond_the_reference_cover_nothing() -> None:
    assert hypervolume([0.1, 0.9], [1.0, 6.0], REFERENCE) == 0


def test_contribution_is_what_the_hypervolume_loses_without_the_point() -> None:
    contributions = hypervolume_contributions(QUALITY, GFLOPS, REFERENCE)
    whole = hypervolume(QUALITY, GFLOPS, REFERENCE)
    for index, contribution in enumerate(contributions):
        rest = [np.delete(values, index) for values in (QUALITY, GFLOPS)]
        assert contribution == pytest.approx(whole - hypervolume(*rest, REFERENCE))


def test_of_equal_points_the_first_carries_the_contribution() -> None:
    contributions = hypervolume_contributions([0.5, 0.9, 0.9], [1.0, 2.0, 2.0], REFERENCE)
    assert contributions.tolist() == pytest.approx([0.3, 1.2, 0.0])


def test_best_goes_by_rank_then_contribution() -> None:
    quality = [0.95, *QUALITY[1:]]
    assert best(quality, GFLOPS, 2, REFERENCE) == [0, 1]
    assert best(quality, GFLOPS, 9, REFERENCE) == [0, 1, 3, 2, 4]


def test_best_prefers_a_new_place_to_a_copy_of_a_chosen_one() -> None:
    assert best([0.9, 0.9, 0.5], [2.0, 2.0, 1.0], 2, REFERENCE) == [0, 2]


def test_best_orders_a_dominated_rank_by_its_own_contributions() -> None:
    quality, gflops = [0.9, 0.30, 0.8, 0.5], [0.1, 0.2, 3.0, 1.0]
    assert best(quality, gflops, 4, REFERENCE) == [0, 2, 3, 1]


def test_no_points_are_an_empty_front() -> None:
    assert non_dominated([], []).tolist() == []
    assert hypervolume([], [], REFERENCE) == 0
    assert hypervolume_contributions([], [], REFERENCE).tolist() == []
    assert best([], [], 3, REFERENCE) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_not_finite_is_named(value: float) -> None:
    with pytest.raises(ValueError, match=r"gflops\[1\] must be finite"):
        non_dominated([0.1, 0.2], [1.0, value])
    with pytest.raises(ValueError, match=r"quality\[0\] must be finite"):
        best([value, 0.2], [1.0, 2.0], 1, REFERENCE)


def test_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        ranks([0.1, 0.2], [1.0])


def test_fronts_need_neither_ray_nor_mlflow_nor_torch() -> None:
    program = (
        "import sys, adamml.statistics.fronts;"
        "assert not {'ray', 'mlflow', 'torch'} & set(sys.modules), 'heavy import'"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": _platform()})


def _platform() -> str:
    import adamml

    return str(next(iter(adamml.__path__)) + "/..")
