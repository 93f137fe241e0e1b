"""What can go wrong in a sweep, and what is left of it then."""

import shutil
from pathlib import Path

import pytest
import several_labels
import sweep_process
from adamml.data.synthetic.generation import ensure_synthetic
from adamml.recipes import tiny
from adamml.records import read_study

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("videos")
    synthetic = tiny().data.synthetic
    assert synthetic is not None
    ensure_synthetic(root / "whole", synthetic, processes=2)
    return root / "whole"


def test_broken_videos_and_a_failed_trial_do_not_stop_the_others(
    videos: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(videos, data)
    victims = sorted(path for path in data.rglob("*.mp4") if "train" in str(path))[:2]
    victims[0].unlink()
    victims[1].write_bytes(victims[1].read_bytes()[:500])
    # Only always-on, whose policy costs it nothing, runs with this lambda: its loss overflows.
    options = ["--recipe", "tiny", "--data", str(data), "--name", "n", "--slots", "1"]
    options += ["--no-confirm", "--override", "loss.lambdas.rgb=1e39", "data.max_bad_fraction=0.1"]
    code, output = sweep_process.sweep(tmp_path / "home", *options)
    assert code == 1, output
    study = read_study(tmp_path / "home/studies/n")
    trials = {t.id: t for t in study.trials if t.kind == "trial"}
    assert trials["trial-000"].status == "failed"
    assert {t.status for id, t in trials.items() if id != "trial-000"} == {"completed"}
    assert "000 always_on failed" in output
    assert "loss must be finite, got inf in epoch 1" in output
    assert len(study.data["bad"]) == 2
    assert "2 of 64 videos left out" in output
    for victim in victims:
        assert victim.name in output
    sweep_process.assert_nothing_is_left(tmp_path / "home")


def test_too_many_broken_videos_stop_the_sweep(videos: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(videos, data)
    for path in sorted(data.rglob("*.mp4"))[:20]:
        path.write_bytes(b"")
    options = ["--recipe", "tiny", "--data", str(data), "--name", "n"]
    code, output = sweep_process.sweep(tmp_path / "home", *options)
    assert code == 2, output
    assert "unreadable" in output
    assert "Traceback" not in output
    sweep_process.assert_nothing_is_left(tmp_path / "home")


def test_accuracy_is_refused_for_several_labels(tmp_path: Path) -> None:
    videos = several_labels.make_videos(tmp_path / "videos")
    options = ("--recipe", "tiny", "--data", str(videos), "--override", "data.quality=accuracy")
    code, output = sweep_process.sweep(tmp_path / "home", *options)
    assert code != 0
    assert "data.quality must be 'map' where videos have several labels" in output
    assert "Traceback" not in output
