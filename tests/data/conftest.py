from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
import torch
from adamml.config import Config, SyntheticConfig
from adamml.data.manifest import Manifest, write_manifest
from adamml.data.synthetic import ensure_synthetic
from adamml.recipes import tiny

SMALL = SyntheticConfig(train_videos=10, validation_videos=8, test_videos=8, seconds=4.0)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ADAMML_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ADAMML_CACHE_GIB", raising=False)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def config() -> Config:
    parent = tiny()
    return replace(parent, data=replace(parent.data, synthetic=SMALL))


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """The built-in dataset, 26 videos of 4 s; read-only."""
    return ensure_synthetic(tmp_path_factory.mktemp("synthetic") / "data", SMALL, processes=1)


@pytest.fixture
def write_media() -> Callable[..., Path]:
    return _write_media


def _write_media(
    path: Path,
    *,
    times: list[float] | None = None,
    size: tuple[int, int] = (64, 48),
    sound: bool = True,
    rate: int = 24_000,
    options: dict[str, str] | None = None,
) -> Path:
    """A video whose frame at t is grey, 20 + 50 t, with a 1 kHz tone; size is (width, height)."""
    times = [i / 25 for i in range(100)] if times is None else times
    base = Fraction(1, 1000)
    with av.open(str(path), "w", format="mp4", options=options or {}) as container:
        video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "qp": "0"})
        video.width, video.height = size
        video.pix_fmt, video.thread_count, video.gop_size = "yuv420p", 1, 10
        video.codec_context.time_base = base
        audio = container.add_stream("aac", rate=rate, layout="mono") if sound else None
        for t in times:
            pixels = np.full((size[1], size[0], 3), round(20 + 50 * t), np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = round(t * 1000), base
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if audio is not None:
            wave = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(int(times[-1] * rate)) / rate)
            samples = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), "fltp", "mono")
            samples.sample_rate, samples.time_base = rate, Fraction(1, rate)
            container.mux(audio.encode(samples))
            container.mux(audio.encode())
    return path


@pytest.fixture
def make_manifest(tmp_path: Path) -> Callable[..., Manifest]:
    """Writes tmp_path/data/manifest.parquet for the given files, all for training."""

    def make(paths: list[str], **columns: object) -> Manifest:
        root = tmp_path / "data"
        root.mkdir(exist_ok=True)
        count = len(paths)
        rows: dict[str, object] = {
            "id": [f"v{i}" for i in range(count)],
            "path": paths,
            "split": ["train"] * count,
            "label": [i % 2 for i in range(count)],
            "duration_s": [4.0] * count,
            "fps": [25.0] * count,
        }
        manifest = Manifest(root, pd.DataFrame(rows | columns), ("a", "b"))
        write_manifest(manifest)
        return manifest

    return make
