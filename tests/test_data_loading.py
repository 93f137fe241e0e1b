"""benchmarks/data_loading.py at small sizes: the same frames either way, and every number there."""

import json
from pathlib import Path

import pytest

from benchmarks.data_loading import Options, main


def test_reading_is_compared_with_plain_pyav_and_with_training_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("ADAMML_CACHE", "ADAMML_CACHE_GIB"):
        monkeypatch.setenv(name, "")
    options = Options(
        recipe="tiny",
        videos=2,
        seconds=6.0,
        prepared_pixels=64,
        original_pixels=96,
        rounds=1,
        training_recipe="tiny",
        training_videos=32,
        training_rounds=1,
        threads=(2,),
    )
    main(options)
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    for kind in ("prepared", "original"):
        assert 0 < told[kind]["ratio"] < 10
        assert told[kind]["item_videos_per_s"] > 0
    kinds = ["cached_0_threads", "cached_1_threads", "decoded_2_threads"]
    assert sorted(told["training"]) == kinds
    assert all(0 <= told["training"][kind]["waiting"] <= 1 for kind in kinds)
    assert all(told["training"][kind]["step_ms"] > 0 for kind in kinds)
