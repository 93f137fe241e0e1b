"""benchmarks/data_loading.py at small sizes: the same frames either way, and every number there."""

from benchmark_process import last_line

SMALL = (
    *("--recipe", "tiny", "--videos", 2, "--seconds", 6.0, "--rounds", 1, "--threads", 2),
    *("--prepared-pixels", 64, "--original-pixels", 96),
    *("--training-recipe", "tiny", "--training-videos", 32, "--training-rounds", 1),
)


def test_reading_is_compared_with_plain_pyav_and_with_training_steps() -> None:
    numbers = last_line("data_loading.py", *SMALL)
    for kind in ("prepared", "original"):
        assert 0 < numbers[kind]["ratio"] < 10
        assert numbers[kind]["item_videos_per_s"] > 0
    kinds = ["cached_0_threads", "cached_1_threads", "decoded_2_threads"]
    assert sorted(numbers["training"]) == kinds
    assert all(0 <= numbers["training"][kind]["waiting"] <= 1 for kind in kinds)
    assert all(numbers["training"][kind]["step_ms"] > 0 for kind in kinds)
