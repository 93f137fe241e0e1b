"""A sweep over videos with several labels: what is maximised, and named, is mAP."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import sweep_process
from adamml.data.manifest import write_manifest
from adamml.data.synthetic import ensure_synthetic
from adamml.recipes import tiny
from adamml.records import read_study
from adamml.tracking import connect
from mlflow_stores import IGNORE_ITS_WARNINGS

pytestmark = pytest.mark.slow


def make_videos(folder: Path) -> Path:
    """The tiny recipe's videos; every third also has the next class."""
    synthetic = tiny().data.synthetic
    assert synthetic is not None
    made = ensure_synthetic(folder, synthetic, processes=2)
    classes = len(made.classes)
    several = [
        sorted({label, (label + 1) % classes}) if row % 3 == 0 else [label]
        for row, label in enumerate(made.table["label"])
    ]
    rows = made.table.drop(columns="label").assign(labels=several)
    write_manifest(replace(made, table=rows, quality="map"))
    return folder


@IGNORE_ITS_WARNINGS
def test_the_objective_follows_from_the_manifest(tmp_path: Path) -> None:
    home, videos = tmp_path / "home", make_videos(tmp_path / "videos")
    options = ("--recipe", "tiny", "--data", str(videos), "--name", "several", "--slots", "1")
    options += ("--confirm-seeds", "1")
    code, output = sweep_process.sweep(home, *options)
    assert code == 0, output
    assert "mAP (%)" in output
    assert "accuracy" not in output.lower()
    folder = home / "studies/several"
    assert json.loads((folder / "study.json").read_text())["quality"] == "map"
    report = (folder / "report.html").read_text()
    assert "mAP (%)" in report
    assert "accuracy (%)" not in report
    study = read_study(folder)
    (chosen,) = [t for t in study.trials if t.tags.get("chosen") == "true"]
    assert 0 < chosen.test["test_quality"] <= 1
    assert study.references["oracle_front"]["quality"] == sorted(
        study.references["oracle_front"]["quality"]
    )
    client = connect(f"sqlite:///{home / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("adamml/several")
    assert experiment is not None
    for run in client.search_runs([experiment.experiment_id], "tags.kind = 'trial'"):
        (trial,) = [t for t in study.trials if run.data.tags["adamml.id"] == f"several/{t.id}"]
        assert run.data.metrics["map"] == pytest.approx(trial.final["quality"])
        assert run.data.metrics["accuracy"] == pytest.approx(trial.final["accuracy"])
    (confirmed, *_) = json.loads((folder / "confirm.json").read_text())["rows"]
    assert confirmed["quality"]["low"] <= confirmed["quality"]["mean"]


def test_accuracy_is_refused_for_several_labels(tmp_path: Path) -> None:
    videos = make_videos(tmp_path / "videos")
    options = ("--recipe", "tiny", "--data", str(videos), "--override", "data.quality=accuracy")
    code, output = sweep_process.sweep(tmp_path / "home", *options)
    assert code != 0
    assert "data.quality must be 'map' where videos have several labels" in output
    assert "Traceback" not in output
