"""Statistics of retraining, on answers that are made up."""

import numpy as np
import pytest
from adamml.statistics.paired import bootstrap
from adamml.statistics.retrained_fronts import (
    FrontRow,
    Retrained,
    attainment_surfaces,
    front_rows,
    on_front,
)

VIDEOS = 400
MAXIMISE = (True, False)


def retrained(
    key: str, accuracy: float, gflops: float, seeds: int = 3, spread: float = 0.0, first: int = 1000
) -> Retrained:
    dice = np.random.default_rng(sum(map(ord, key)))
    levels = accuracy + spread * np.linspace(-1, 1, seeds)
    return Retrained(
        key=key,
        seeds=[first + n for n in range(seeds)],
        values={
            "quality": (dice.random((seeds, VIDEOS)) < levels[:, None]).astype(float),
            "gflops": np.full((seeds, VIDEOS), gflops),
        },
    )


def rows_of(configurations: list[Retrained], fusion: str) -> list[FrontRow]:
    return front_rows(configurations, fusion, maximise=MAXIMISE, compared="quality")


def test_a_dominated_configuration_is_never_on_the_front() -> None:
    fusion, cheap, bad = (
        retrained("fusion", 0.9, 1.0),
        retrained("cheap", 0.9, 0.5),
        retrained("bad", 0.5, 2.0),
    )
    rows = {c.key: c for c in rows_of([fusion, cheap, bad], "fusion")}
    assert rows["bad"].on_front == 0.0
    assert rows["cheap"].on_front == 1.0
    assert 0 < rows["fusion"].on_front < 1, "as accurate, and dearer: it depends on the draw"
    assert rows["fusion"].difference is None
    assert rows["bad"].difference is not None
    assert rows["bad"].difference.high < 0
    assert not rows["bad"].contested


def test_two_that_cannot_be_told_apart_are_contested() -> None:
    pair = [retrained("a", 0.8, 0.5), retrained("b", 0.8, 0.50001)]
    assert 0.1 < on_front(pair, maximise=MAXIMISE)[1] < 0.9
    assert rows_of(pair, "a")[1].contested


def test_a_third_objective_can_save_a_configuration() -> None:
    pair = [retrained("cheap", 0.9, 0.5), retrained("bad", 0.5, 2.0)]
    for configuration, parameters in zip(pair, (7.0, 3.0), strict=True):
        configuration.values["parameters"] = np.full((3, VIDEOS), parameters)
    rows = front_rows(pair, "cheap", maximise=(True, False, False), compared="quality")
    assert [row.on_front for row in rows] == [1.0, 1.0]
    assert [row.objectives["parameters"].mean for row in rows] == [7.0, 3.0]
    assert [len(point) for point in rows[0].by_seed] == [3, 3, 3]
    surfaces = attainment_surfaces(rows, maximise=(True, False, False))
    assert surfaces["worst"]["parameters"] == [3.0, 7.0]


def test_more_seeds_of_one_do_not_disturb_the_others() -> None:
    rows = rows_of([retrained("a", 0.9, 1.0, seeds=5), retrained("b", 0.5, 0.2)], "a")
    assert [len(c.by_seed) for c in rows] == [5, 3]
    assert rows[1].difference is not None
    assert rows[1].difference.mean == pytest.approx(-0.4, abs=0.06)


def test_without_a_seed_in_common_there_is_no_difference() -> None:
    rows = rows_of([retrained("a", 0.9, 1.0), retrained("b", 0.5, 0.2, first=2000)], "a")
    assert rows[1].difference is None


def test_two_configurations_are_paired_by_seed() -> None:
    """Both swing with the seed alike, so at the same seed b is always worse, by two points."""
    spread = np.linspace(-0.2, 0.2, 3)[:, None]
    a, b = (
        {"quality": np.tile(level + spread, (1, VIDEOS)), "gflops": np.full((3, VIDEOS), gflops)}
        for level, gflops in ((0.7, 1.0), (0.68, 1.0))
    )
    first = Retrained(key="a", seeds=[1, 2, 3], values=a)
    same = Retrained(key="b", seeds=[1, 2, 3], values=b)
    others = Retrained(key="b", seeds=[4, 5, 6], values=b)
    assert on_front([first, same], maximise=MAXIMISE)[1] == 0.0
    assert on_front([first, others], maximise=MAXIMISE)[1] > 0.3


def test_the_median_surface_lies_between_best_and_worst() -> None:
    rows = rows_of(
        [retrained("a", 0.9, 1.0, spread=0.05), retrained("b", 0.6, 0.2, spread=0.1)], "a"
    )
    surfaces = attainment_surfaces(rows, maximise=MAXIMISE)
    at = {name: dict(zip(s["gflops"], s["quality"], strict=True)) for name, s in surfaces.items()}
    for gflops, row in ((1.0, 0), (0.2, 1)):
        accuracies = sorted(accuracy for accuracy, _ in rows[row].by_seed)
        drawn = [at[name][gflops] for name in ("worst", "median", "best")]
        assert drawn == pytest.approx(accuracies)
    assert attainment_surfaces([], maximise=MAXIMISE) == {}


def test_intervals_are_those_of_the_paired_bootstrap() -> None:
    one = retrained("a", 0.7, 0.3)
    (row,) = rows_of([one], "a")
    assert row.objectives["quality"] == bootstrap(one.values["quality"])
    assert row.objectives["gflops"].mean == pytest.approx(0.3)
