"""What single frames can tell: a network trained on the built-in videos finds that, and no more."""

from dataclasses import replace
from pathlib import Path

import pytest
from adamml.data.cache.opening import open_frames
from adamml.data.synthetic.generation import ensure_synthetic
from adamml.data.synthetic.storyboard import CEILINGS
from adamml.recipes import demo
from adamml.training.loop import Metrics, fit
from adamml.training.splits import Splits
from adamml.training.unimodal import unimodal_task
from adamml.training.workers import Workers

pytestmark = pytest.mark.slow
CPUS = 2


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> Splits:
    root, config = tmp_path_factory.mktemp("demo"), demo()
    assert config.data.synthetic is not None
    synthetic = replace(
        config.data.synthetic, train_videos=768, validation_videos=256, test_videos=8
    )
    manifest = ensure_synthetic(root / "videos", synthetic, processes=CPUS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADAMML_CACHE", str(root / "cache"))
        names = ("train", "validation")
        frames = {s: open_frames(manifest.split(s), config, processes=CPUS) for s in names}  # type: ignore[arg-type]
    return Splits(manifest, config, frames)  # type: ignore[arg-type]


@pytest.mark.parametrize("modality", ["rgb", "audio"])
def test_one_modality_comes_within_five_points_of_its_ceiling(
    splits: Splits, modality: str, tmp_path: Path
) -> None:
    task = unimodal_task(splits.config, modality, splits, Workers.current(), tmp_path)
    history: list[Metrics] = []
    fit(task, Workers.current(), lambda epoch, stage, metrics: history.append(metrics))
    assert history[-1]["quality"] == pytest.approx(CEILINGS[(modality,)], abs=0.05)
