"""Statistics of retraining, on answers that are made up."""

import numpy as np
import pytest
from adamml.statistics.retrained_fronts import Retrained, attained, confirmed, on_front

VIDEOS = 400


def retrained(
    key: str, accuracy: float, gflops: float, seeds: int = 3, spread: float = 0.0
) -> Retrained:
    dice = np.random.default_rng(sum(map(ord, key)))
    levels = accuracy + spread * np.linspace(-1, 1, seeds)
    return Retrained(
        key=key,
        seeds=[1000 + n for n in range(seeds)],
        values=(dice.random((seeds, VIDEOS)) < levels[:, None]).astype(float),
        gflops=np.full((seeds, VIDEOS), gflops),
    )


def test_a_dominated_configuration_is_never_on_the_front() -> None:
    fusion, cheap, bad = (
        retrained("fusion", 0.9, 1.0),
        retrained("cheap", 0.9, 0.5),
        retrained("bad", 0.5, 2.0),
    )
    rows = {c.key: c for c in confirmed([fusion, cheap, bad], "fusion")}
    assert rows["bad"].on_front == 0.0
    assert rows["cheap"].on_front == 1.0
    assert 0 < rows["fusion"].on_front < 1, "as accurate, and dearer: it depends on the draw"
    assert rows["fusion"].difference is None
    assert rows["bad"].difference is not None
    assert rows["bad"].difference.high < 0
    assert not rows["bad"].contested


def test_two_that_cannot_be_told_apart_are_contested() -> None:
    pair = [retrained("a", 0.8, 0.5), retrained("b", 0.8, 0.50001)]
    assert 0.1 < on_front(pair)[1] < 0.9
    assert confirmed(pair, "a")[1].contested


def test_more_seeds_of_one_do_not_disturb_the_others() -> None:
    found = confirmed([retrained("a", 0.9, 1.0, seeds=5), retrained("b", 0.5, 0.2)], "a")
    assert [len(c.by_seed) for c in found] == [5, 3]
    assert found[1].difference is not None
    assert found[1].difference.mean == pytest.approx(-0.4, abs=0.06)


def test_the_median_surface_lies_between_best_and_worst() -> None:
    found = confirmed(
        [retrained("a", 0.9, 1.0, spread=0.05), retrained("b", 0.6, 0.2, spread=0.1)], "a"
    )
    surfaces = attained(found)
    at = {name: dict(zip(s["gflops"], s["quality"], strict=True)) for name, s in surfaces.items()}
    for gflops, row in ((1.0, 0), (0.2, 1)):
        accuracies = sorted(accuracy for accuracy, _ in found[row].by_seed)
        drawn = [at[name][gflops] for name in ("worst", "median", "best")]
        assert drawn == pytest.approx(accuracies)
    assert attained([]) == {}


def test_intervals_are_those_of_the_paired_bootstrap() -> None:
    from adamml.statistics.paired import bootstrap

    one = retrained("a", 0.7, 0.3)
    assert confirmed([one], "a")[0].quality == bootstrap(one.values)
    assert confirmed([one], "a")[0].gflops.mean == pytest.approx(0.3)
