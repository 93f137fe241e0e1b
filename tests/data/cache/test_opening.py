import logging
import multiprocessing
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from adamml.config import Config
from adamml.data.cache import shard_cutting
from adamml.data.cache.opening import open_frames
from adamml.data.manifest import Manifest, load_manifest
from adamml.files import locked

INDICES = np.array([[0, 8, 16, 24], [64, 72, 80, 96]])


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_cutting, "SHARD_BYTES", 2**20)


def _cached(tmp_path: Path, pattern: str = "*.bin") -> list[Path]:
    return sorted((tmp_path / "cache" / "frames").rglob(pattern))


def test_cached_and_direct_reading_are_equal(
    small_data: Manifest, config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cached = open_frames(small_data, config)
    assert _cached(tmp_path)
    monkeypatch.setenv("ADAMML_CACHE", str(tmp_path / "none"))
    monkeypatch.setenv("ADAMML_CACHE_GIB", "0")
    direct = open_frames(small_data, config)
    assert not list((tmp_path / "none").rglob("*.bin"))
    for name in small_data.table["id"][:4]:
        np.testing.assert_array_equal(cached[name].frames(INDICES), direct[name].frames(INDICES))
        np.testing.assert_array_equal(cached[name].audio(), direct[name].audio())
        begin = np.array([-0.1, 0.3, 3.9])
        one, other = (source[name].windows(begin, config.audio) for source in (cached, direct))
        assert torch.equal(one, other)
        assert cached[name].in_cache
        assert not direct[name].in_cache
    assert cached[small_data.table["id"][0]].frames(INDICES).shape == (2, 4, 3, 30, 30)


def test_full_cache_is_told_and_read_around(
    small_data: Manifest,
    config: Config,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("ADAMML_CACHE_GIB", "0")
    with caplog.at_level(logging.WARNING):
        open_frames(small_data, config)
    assert "no room for 10 videos" in caplog.text


@pytest.mark.usefixtures("small_shards")
def test_opening_again_decodes_nothing_and_a_changed_file_alone(
    small_data: Manifest, config: Config, tmp_path: Path
) -> None:
    root = tmp_path / "copy"
    shutil.copytree(small_data.root, root)
    manifest = load_manifest(root)
    seen: list[tuple[int, int]] = []
    open_frames(manifest, config, progress=lambda *p: seen.append(p))
    assert seen[0] == (0, 26)
    assert seen[-1] == (26, 26)
    before = set(_cached(tmp_path))
    again: list[tuple[int, int]] = []
    open_frames(manifest, config, progress=lambda *p: again.append(p))
    assert again == [(26, 26)]
    (tmp_path / "link").symlink_to(root)
    open_frames(load_manifest(tmp_path / "link"), config)
    assert set(_cached(tmp_path)) == before
    manifest.path(0).touch()
    open_frames(manifest, config)
    assert len(set(_cached(tmp_path)) - before) == 1


def test_a_split_shares_the_shards_of_the_whole(
    small_data: Manifest, config: Config, tmp_path: Path
) -> None:
    open_frames(small_data, config)
    before = _cached(tmp_path)
    open_frames(small_data.split("validation"), config)
    assert _cached(tmp_path) == before


def _open_and_report(
    manifest: Manifest, config: Config, queue: "multiprocessing.Queue[int]"
) -> None:
    made = []
    open_frames(manifest, config, progress=lambda done, _: made.append(done))
    queue.put(made[-1])


@pytest.mark.usefixtures("small_shards")
def test_processes_share_the_work_and_wait_for_each_other(
    small_data: Manifest, config: Config, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    others = [
        context.Process(target=_open_and_report, args=(small_data, config, queue)) for _ in range(2)
    ]
    for other in others:
        other.start()
    source = open_frames(small_data, config)
    assert [queue.get(timeout=60) for _ in others] == [26, 26]
    for other in others:
        other.join()
    assert source.bad == {}
    assert not _cached(tmp_path, "*.part*")


def test_a_shard_that_another_is_making_is_waited_for(
    small_data: Manifest, config: Config, tmp_path: Path
) -> None:
    open_frames(small_data, config)
    [test_index] = _cached(tmp_path, "test-*.json")
    lock = tmp_path / "cache" / "locks" / f"{test_index.parent.name}-{test_index.stem}"
    moved = test_index.rename(tmp_path / "held")
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    with locked(lock):
        other = context.Process(target=_open_and_report, args=(small_data, config, queue))
        other.start()
        time.sleep(2)
        assert queue.empty()
        moved.rename(test_index)
    assert queue.get(timeout=60) == 26
    other.join()


def test_least_recently_used_data_is_evicted_unless_in_use(
    small_data: Manifest, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def smaller(side: int) -> Config:
        return replace(config, rgb=replace(config.rgb, stored_short_side=side))

    train = small_data.split("train")
    used = open_frames(train, smaller(30))
    open_frames(train, smaller(29))
    open_frames(train, smaller(28))
    assert len(_cached(tmp_path)) == 3
    room = sum(p.stat().st_size for p in _cached(tmp_path, "*")) + 10_000
    monkeypatch.setenv("ADAMML_CACHE_GIB", str(room / 2**30))
    open_frames(train, smaller(27))
    widths = {int(p.stat().st_size) for p in _cached(tmp_path)}
    assert len(widths) == 3
    assert used["train-000000"].frames(INDICES).shape[-1] == 30
    fresh: list[tuple[int, int]] = []
    open_frames(train, smaller(30), progress=lambda *p: fresh.append(p))
    assert fresh == [(10, 10)]


def _broken(manifest: Manifest, write_media: Callable[..., Path], good: int) -> None:
    for row in range(good):
        write_media(manifest.path(row), sound=row > 0)
    whole = manifest.path(0).read_bytes()
    manifest.path(good).write_bytes(whole[: len(whole) // 2])
    manifest.path(good + 1).write_text("no video")


@pytest.mark.parametrize("gib", ["20", "0"])
def test_bad_videos_are_reported_with_reason_and_silent_ones_counted(
    make_manifest: Callable[..., Manifest],
    write_media: Callable[..., Path],
    config: Config,
    monkeypatch: pytest.MonkeyPatch,
    gib: str,
) -> None:
    monkeypatch.setenv("ADAMML_CACHE_GIB", gib)
    manifest = make_manifest([f"{i}.mp4" for i in range(6)])
    _broken(manifest, write_media, good=3)
    source = open_frames(manifest, replace(config, data=replace(config.data, max_bad_fraction=0.5)))
    assert sorted(source.bad) == ["v3", "v4", "v5"]
    assert source.bad["v5"] == "the file is missing"
    assert source.silent == 1
    assert len(source["v0"].audio()) == 0
    with pytest.raises(ValueError, match=r"max_bad_fraction = 5% .*got 3 of 6 .*3\.mp4: not a"):
        open_frames(manifest, config)


@pytest.mark.parametrize("text", ["much", "-1", "nan"])
def test_cache_limit_that_is_no_size_is_refused(
    small_data: Manifest, config: Config, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("ADAMML_CACHE_GIB", text)
    with pytest.raises(ValueError, match="ADAMML_CACHE_GIB must be a size in GiB"):
        open_frames(small_data, config)
