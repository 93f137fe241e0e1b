import numpy as np
import pytest
from adamml.statistics.paired import bootstrap, paired_difference

SEEDS, VIDEOS = 3, 200
REPEATS = 300
FEW = {"replicates": 400}


def by_video(rng: np.random.Generator, gain: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Two methods that are right on different videos, at every seed the same up to a few.

    The first one is right on a share `gain` of the videos more.
    """
    kind = rng.choice(4, size=VIDEOS, p=[0.5, 0.1, 0.2 + gain / 2, 0.2 - gain / 2])
    ours, others = np.isin(kind, (0, 2)), np.isin(kind, (0, 3))
    flips = rng.random((2, SEEDS, VIDEOS)) < 0.03
    return ours ^ flips[0], others ^ flips[1]


def by_seed_and_video(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.random((SEEDS, VIDEOS)) < 0.8, rng.random((SEEDS, VIDEOS)) < 0.8


def coverage_of_zero(simulate: object, seed: int) -> float:
    rng = np.random.default_rng(seed)
    found = [paired_difference(*simulate(rng), seed=n, **FEW) for n in range(REPEATS)]
    return float(np.mean([estimate.low <= 0 <= estimate.high for estimate in found]))


def test_two_equal_methods_differ_by_zero_in_95_of_100_intervals() -> None:
    assert coverage_of_zero(by_video, seed=1) == pytest.approx(0.95, abs=0.035)


def test_the_interval_is_cautious_where_seed_and_video_vary_together() -> None:
    assert coverage_of_zero(by_seed_and_video, seed=2) >= 0.95


def test_a_better_method_is_above_zero_and_the_other_way_round_below() -> None:
    ours, others = by_video(np.random.default_rng(3), gain=0.3)
    estimate = paired_difference(ours, others)
    assert estimate.above_zero
    assert estimate.low < estimate.mean < estimate.high
    assert estimate.mean == pytest.approx(float(ours.mean() - others.mean()))
    assert not paired_difference(others, ours).above_zero
    assert paired_difference(others, ours).high < 0


def test_pairing_finds_what_two_separate_intervals_would_hide() -> None:
    rng = np.random.default_rng(4)
    others = np.repeat(rng.random((1, VIDEOS)) < 0.6, SEEDS, axis=0)
    ours = others | (rng.random((SEEDS, VIDEOS)) < 0.1)
    assert bootstrap(ours).low < bootstrap(others).high
    assert paired_difference(ours, others).above_zero


def test_intervals_are_those_of_the_plain_bootstrap_where_seeds_are_alike() -> None:
    """The mean of n independent numbers has a standard error of s / sqrt(n)."""
    values = np.random.default_rng(5).normal(size=VIDEOS)
    estimate = bootstrap(np.stack([values] * SEEDS))
    half = 1.96 * values.std() / np.sqrt(VIDEOS)
    assert (estimate.high - estimate.low) / 2 == pytest.approx(half, rel=0.04)


def test_seeds_that_differ_widen_the_interval_to_their_range() -> None:
    values = np.repeat(np.array([[0.2], [0.5], [0.9]]), VIDEOS, axis=1)
    estimate = bootstrap(values)
    assert (estimate.low, estimate.high) == pytest.approx((0.2, 0.9))


def test_the_same_seed_gives_the_same_interval_in_chunks_of_any_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = np.random.default_rng(6).random((SEEDS, VIDEOS))
    assert bootstrap(values, seed=1) == bootstrap(values, seed=1)
    assert bootstrap(values, seed=1) != bootstrap(values, seed=2)
    whole = bootstrap(values)
    monkeypatch.setattr("adamml.statistics.paired._CHUNK", 7 * VIDEOS)
    parts = bootstrap(values)
    assert (parts.low, parts.high) == pytest.approx((whole.low, whole.high), abs=3e-3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(4), r"values must be \[seeds, videos\]"),
        (np.zeros((0, 4)), r"values must be \[seeds, videos\]"),
        (np.array([[0.0, np.nan]]), "values must be finite, got 1"),
    ],
)
def test_a_table_that_is_none_is_refused(values: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bootstrap(values)


def test_other_videos_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="the same seeds and videos"):
        paired_difference(np.zeros((3, 4)), np.zeros((3, 5)))
