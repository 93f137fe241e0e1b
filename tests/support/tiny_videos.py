"""The tiny recipe's videos and fixed views, as fixtures of the tests of training and methods."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from adamml.config import Config
from adamml.data.cache.opening import open_frames
from adamml.data.manifest import SPLITS
from adamml.data.synthetic.generation import ensure_synthetic
from adamml.methods.adamml.building import fresh_adamml
from adamml.recipes import tiny
from adamml.training.fixed_views import FixedView, fixed_clips
from adamml.training.splits import Splits
from adamml.training.unimodal import segment_logits_of
from adamml.training.workers import Workers


@pytest.fixture(scope="session")
def tiny_splits(tmp_path_factory: pytest.TempPathFactory) -> Splits:
    """The tiny recipe's videos, decoded."""
    root = tmp_path_factory.mktemp("tiny")
    config = tiny()
    config = replace(
        config, data=replace(config.data, synthetic=replace(config.data.synthetic, seed=7))
    )
    manifest = ensure_synthetic(root / "videos", config.data.synthetic, processes=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADAMML_CACHE", str(root / "cache"))
        frames = {split: open_frames(manifest.split(split), config) for split in SPLITS}
    return Splits(manifest, config, frames)


@pytest.fixture
def config(tiny_splits: Splits) -> Config:
    torch.set_num_threads(1)
    return tiny_splits.config


@pytest.fixture
def view_of(tiny_splits: Splits) -> Callable[[str], FixedView]:
    """split -> its fixed view under untrained networks."""
    return lambda split: make_view(tiny_splits, split)


def make_view(splits: Splits, split: str) -> FixedView:
    workers, config = Workers.current(), splits.config
    model = fresh_adamml(config, {}, workers)
    dataset = splits.fixed(split)
    logits = [
        segment_logits_of(network, m, splits.alone(m).fixed(split), 8, workers.device)
        for m, network in model.recognition.items()
    ]
    return FixedView(
        clips=fixed_clips(model.policy_clips, dataset, 8),
        segment_logits=torch.stack(logits, dim=2),
        labels=dataset.labels,
    )


@pytest.fixture
def checkpoints(tmp_path: Path) -> Path:
    return tmp_path / "checkpoint"
