"""Reading ahead with threads: the same numbers in the same order, and no thread left behind."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from adamml.config import Config
from adamml.data.cache.opening import open_frames
from adamml.data.dataset import SegmentDataset, batches
from adamml.data.loading import read_ahead
from adamml.data.manifest import Manifest
from adamml.data.media.encoding import Encoding, write_clip

PLAN = [[0, 1, 2], [3, 4, 5], [6, 7], [8, 9, 10]]


def _threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("adamml-read")]


@pytest.mark.parametrize("threads", [1, 3, 8])
def test_batches_come_in_their_order_whichever_row_is_ready_first(threads: int) -> None:
    def read(row: int) -> int:
        time.sleep(0.02 * (row % 3 == 0))
        return row

    assert list(read_ahead(PLAN, read, list, threads=threads)) == PLAN
    assert not _threads()


def test_only_so_many_batches_are_read_ahead() -> None:
    begun: list[int] = []
    ahead = read_ahead(PLAN, lambda row: begun.append(row) or row, list, threads=2, ahead=2)
    next(ahead)
    time.sleep(0.2)
    assert sorted(begun) == [0, 1, 2, 3, 4, 5, 6, 7]
    ahead.close()  # type: ignore[attr-defined]


def test_rows_are_read_side_by_side() -> None:
    together = threading.Barrier(3, timeout=20)
    assert list(read_ahead([[0, 1, 2]], lambda row: together.wait() and row, len, threads=3)) == [3]


def test_an_error_reaches_the_caller_in_its_batch_s_place() -> None:
    def read(row: int) -> int:
        if row == 4:
            raise ZeroDivisionError("row 4")
        return row

    ahead = read_ahead(PLAN, read, list, threads=2)
    assert next(ahead) == [0, 1, 2]
    with pytest.raises(ZeroDivisionError, match="row 4"):
        next(ahead)
    assert not _threads()


def test_no_thread_outlives_a_caller_that_stops_early() -> None:
    for batch in read_ahead(PLAN, lambda row: row, list, threads=3):
        assert batch == [0, 1, 2]
        break
    assert not _threads()


def test_torch_keeps_its_threads_in_the_caller_and_has_one_in_readers() -> None:
    torch.set_num_threads(3)
    [seen] = read_ahead([[0, 1]], lambda row: torch.get_num_threads(), list, threads=2)
    assert seen == [1, 1]
    assert torch.get_num_threads() == 3
    later: list[int] = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert later == [3]


def _moving(path: Path, *, gop: int, seconds: int, sound: bool = True) -> None:
    rng = np.random.default_rng(seconds)
    noise = rng.integers(0, 255, (60, 80 + 25 * seconds, 3)).astype(np.uint8)

    def frames() -> Iterator[av.VideoFrame]:
        for i in range(25 * seconds):
            yield av.VideoFrame.from_ndarray(np.ascontiguousarray(noise[:, i : i + 80]), "rgb24")

    samples = rng.normal(0, 3000, 24_000 * seconds).astype(np.int16) if sound else None
    write_clip(path, frames(), Fraction(25), samples, Encoding(gop=gop))


@pytest.fixture
def manifest(make_manifest: Callable[..., Manifest], write_media: Callable[..., Path]) -> Manifest:
    """Prepared clips, one of a single group of pictures, one silent; and other codecs."""
    names = ["a.mp4", "b.mp4", "c.mp4", "d.mp4", "e.mkv", "f.webm", "g.avi"]
    manifest = make_manifest(names, duration_s=[6.0, 9.0, 6.0, 4.0, 4.0, 4.0, 4.0])
    _moving(manifest.path(0), gop=12, seconds=6)
    _moving(manifest.path(1), gop=250, seconds=9)
    _moving(manifest.path(2), gop=12, seconds=6, sound=False)
    variable = [i * 0.2 for i in range(10)] + [2 + i * 0.02 for i in range(98)]
    write_media(manifest.path(3), times=variable, rate=44_100)
    for row in (4, 5, 6):
        write_media(manifest.path(row), rate=48_000)
    return manifest


def _dataset(manifest: Manifest, config: Config) -> SegmentDataset:
    frames = open_frames(manifest, config)
    assert frames.bad == {}
    return SegmentDataset(manifest, config, num_segments=3, training=True, frames=frames)


def test_decoding_on_reading_gives_the_numbers_of_the_cache(
    manifest: Manifest, config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cached = _dataset(manifest, config)
    assert not cached.decodes
    monkeypatch.setenv("ADAMML_CACHE", str(tmp_path / "none"))
    monkeypatch.setenv("ADAMML_CACHE_GIB", "0")
    for threads in (0, 1, 4):
        data = replace(config.data, decoder_threads=threads)
        direct = _dataset(manifest, replace(config, data=data))
        assert direct.decodes
        for epoch in range(3):
            cached.set_epoch(epoch)
            direct.set_epoch(epoch)
            one, other = (list(batches(d, batch_size=3, shuffle_seed=1)) for d in (cached, direct))
            assert len(one) == len(other) == 2
            for a, b in zip(one, other, strict=True):
                assert a.keys() == b.keys()
                assert all(torch.equal(a[key], b[key]) for key in a)
                assert all(a[key].stride() == b[key].stride() for key in a)


@pytest.mark.parametrize(("threads", "used"), [(0, 0), (1, 1), (4, 1)])
def test_decoded_videos_need_one_thread_at_most(
    manifest: Manifest, config: Config, threads: int, used: int
) -> None:
    threaded = replace(config, data=replace(config.data, decoder_threads=threads))
    ahead = batches(_dataset(manifest, threaded), batch_size=3, shuffle_seed=1)
    next(ahead)
    assert len(_threads()) == used
