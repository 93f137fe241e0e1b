"""`ray job submit` to a cluster that the test starts, with its own folder and ports.

The job sweeps over videos with several labels: what is maximised, and named, is mAP.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import several_labels
import sweep_process
from adamml.records import StudyRecord, read_study
from adamml.tracking.store import connect
from mlflow_stores import IGNORE_ITS_WARNINGS
from standing_ray import CLIENT, RAY, head_node

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a head node."""
    with head_node(tmp_path_factory.mktemp("cluster")) as head:
        yield head.dashboard


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("job") / "shared home"


@pytest.fixture(scope="module")
def submitted(dashboard: str, home: Path) -> str:
    """What the job printed."""
    videos = several_labels.make_videos(home.parent / "videos")
    runtime = json.dumps({"env_vars": {"ADAMML_CACHE": str(home.parent / "cache")}})
    done = subprocess.run(
        [
            *[str(RAY), "job", "submit", "--address", dashboard, "--working-dir", "."],
            *["--runtime-env-json", runtime, "--", sys.executable, "jobs/sweep_ks.py"],
            *["--recipe", "tiny", "--data", str(videos), "--home", str(home)],
            *["--name", "several", "--workers-per-slot", "2", "--confirm-seeds", "1"],
        ],
        cwd=sweep_process.ROOT,
        env=os.environ | CLIENT,
        capture_output=True,
        text=True,
        timeout=sweep_process.LIMIT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def study(home: Path, submitted: str) -> StudyRecord:
    return read_study(home / "studies/several")


def test_a_submitted_job_sweeps_on_the_cluster_with_two_workers_for_each_trial(
    submitted: str, study: StudyRecord, home: Path
) -> None:
    assert "Validation front of several" in submitted
    assert re.search(r"Job .* succeeded", submitted)
    assert (home.parent / "cache").exists(), "the job's environment reached its workers"
    assert "On the test split" in submitted
    assert {t.status for t in study.trials} == {"completed"}
    epochs = sweep_process.epochs_of(study.folder)
    assert len(epochs) >= 8
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in epochs.values())


def test_the_objective_follows_from_the_manifest(submitted: str, study: StudyRecord) -> None:
    assert "mAP (%)" in submitted
    assert "accuracy" not in submitted.lower()
    assert json.loads((study.folder / "study.json").read_text())["quality"] == "map"
    report = (study.folder / "report.html").read_text()
    assert "mAP (%)" in report
    assert "accuracy (%)" not in report
    (chosen,) = [t for t in study.trials if t.tags.get("chosen") == "true"]
    assert 0 < chosen.test["test_quality"] <= 1
    assert study.references["oracle_front"]["quality"] == sorted(
        study.references["oracle_front"]["quality"]
    )
    (confirmed, *_) = json.loads((study.folder / "confirm.json").read_text())["rows"]
    assert confirmed["quality"]["low"] <= confirmed["quality"]["mean"]


@IGNORE_ITS_WARNINGS
def test_mlflow_has_map_and_accuracy(home: Path, study: StudyRecord) -> None:
    client = connect(f"sqlite:///{home / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("adamml/several")
    assert experiment is not None
    for run in client.search_runs([experiment.experiment_id], "tags.kind = 'trial'"):
        (trial,) = [t for t in study.trials if run.data.tags["adamml.id"] == f"several/{t.id}"]
        assert run.data.metrics["map"] == pytest.approx(trial.final["quality"])
        assert run.data.metrics["accuracy"] == pytest.approx(trial.final["accuracy"])
