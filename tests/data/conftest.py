from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import media
import pandas as pd
import pytest
import torch
from adamml.config import Config, SyntheticConfig
from adamml.data.manifest import Manifest, write_manifest
from adamml.data.synthetic.generation import ensure_synthetic
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
    return media.write_media


@pytest.fixture
def make_manifest(tmp_path: Path) -> Callable[..., Manifest]:
    """Return a function that writes tmp_path/data/manifest.parquet for some training files."""

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
