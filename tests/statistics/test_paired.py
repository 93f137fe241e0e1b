import numpy as np
import pytest
from adamml.statistics.paired import bootstrap, joint_replicates, paired_difference

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
    assert estimate.low > 0
    assert estimate.low < estimate.mean < estimate.high
    assert estimate.mean == pytest.approx(float(ours.mean() - others.mean()))
    assert paired_difference(others, ours).low <= 0
    assert paired_difference(others, ours).high < 0


def test_pairing_finds_what_two_separate_intervals_would_hide() -> None:
    rng = np.random.default_rng(4)
    others = np.repeat(rng.random((1, VIDEOS)) < 0.6, SEEDS, axis=0)
    ours = others | (rng.random((SEEDS, VIDEOS)) < 0.1)
    assert bootstrap(ours).low < bootstrap(others).high
    assert paired_difference(ours, others).low > 0


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


@pytest.mark.parametrize(("value", "videos"), [(0.1, 1000), (0.3, 200), (0.55, 400), (0.7, 64)])
def test_the_interval_of_equal_numbers_contains_their_mean(value: float, videos: int) -> None:
    """Sums in another order round differently: low was 0.7000000000000003, the mean 0.7."""
    estimate = bootstrap(np.full((SEEDS, videos), value))
    assert estimate.low <= estimate.mean <= estimate.high


def by_seed_alone(seeds: list[int]) -> np.ndarray:
    """Values that depend on the seed and on nothing else."""
    return np.repeat(np.array([[np.sin(seed)] for seed in seeds]), 5, axis=1)


def correlation(first: list[int], second: list[int]) -> float:
    a, b = joint_replicates([by_seed_alone(first), by_seed_alone(second)], [first, second])
    return float(np.corrcoef(a, b)[0, 1])


def test_tables_are_paired_by_seed_and_not_by_number() -> None:
    assert correlation([1, 2, 3], [1, 2, 3]) == pytest.approx(1)
    assert correlation([1, 2, 3], [3, 1, 2]) == pytest.approx(1), "rows in another order"
    assert correlation([1, 2, 3], [4, 5, 6]) == pytest.approx(0, abs=0.05)
    assert correlation([1, 2, 3], [1, 2, 3, 4, 5]) > 0.2, "nested: three of five are shared"
    assert 0.1 < correlation([1, 2, 3], [2, 3, 4]) < 0.95, "two of three are shared"


@pytest.mark.parametrize("others", [[1, 2, 3, 4, 5], [4, 5, 6], [3], [3, 1, 2]])
def test_what_else_is_drawn_leaves_a_table_its_plain_bootstrap(others: list[int]) -> None:
    table = by_seed_alone([1, 2, 3])
    drawn, _ = joint_replicates([table, by_seed_alone(others)], [[1, 2, 3], others])
    (alone,) = joint_replicates([table], [[1, 2, 3]])
    for replicates in (drawn, alone):
        assert replicates.mean() == pytest.approx(table.mean(), abs=0.01)
        assert replicates.std() == pytest.approx(table[:, 0].std() / np.sqrt(SEEDS), rel=0.03)


def test_the_same_seeds_draw_as_one_table_alone() -> None:
    rng = np.random.default_rng(7)
    tables = list(rng.random((3, SEEDS, VIDEOS)))
    together = joint_replicates(tables, [[8, 7, 9]] * 3)
    for table, replicates in zip(tables, together, strict=True):
        (alone,) = joint_replicates([table], [range(SEEDS)])
        assert (replicates == alone).all()


def test_seeds_that_do_not_fit_the_rows_are_refused() -> None:
    for seeds in ([1, 2], [1, 2, 2]):
        with pytest.raises(ValueError, match="seeds must be 3 different ones, one per row"):
            joint_replicates([by_seed_alone([1, 2, 3])], [seeds])


def test_a_difference_is_taken_at_the_seeds_that_both_have() -> None:
    ours, others = by_seed_alone([1, 2, 3]) + 0.25, by_seed_alone([2, 4, 1])
    estimate = paired_difference(ours, others, seeds=([1, 2, 3], [2, 4, 1]))
    assert (estimate.low, estimate.mean, estimate.high) == pytest.approx((0.25, 0.25, 0.25))
    with pytest.raises(ValueError, match=r"a seed in common, got \[1, 2, 3\] and \[4, 5, 6\]"):
        paired_difference(ours, others, seeds=([1, 2, 3], [4, 5, 6]))


def test_other_videos_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="the same seeds and videos"):
        paired_difference(np.zeros((3, 4)), np.zeros((3, 5)))
