"""Early stopping by both objectives in a whole sweep, and what is left of the trials it stopped."""

import shutil
from pathlib import Path

import pytest
import sweep_process
from adamml.records import read_study
from adamml.tracking import connect
from mlflow_stores import IGNORE_ITS_WARNINGS

pytestmark = [pytest.mark.slow, IGNORE_ITS_WARNINGS]

SWEEP = ["--recipe", "tiny", "--name", "n", "--no-confirm", "--sampler", "nsga2", "--slots", "1"]
SWEEP += ["--scheduler", "front_asha", "--first-rung", "1", "--eta", "2", "--trials", "8"]


def test_a_trial_that_is_stopped_at_a_rung_trains_no_further_and_is_not_begun_again(
    tiny_home: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_home, tmp_path, symlinks=True, dirs_exist_ok=True)
    code, output = sweep_process.sweep(tmp_path, *SWEEP)
    assert code == 0, output
    study = read_study(tmp_path / "studies/n")
    trials = [t for t in study.trials if t.kind == "trial"]
    stopped = [t for t in trials if t.status == "stopped"]
    assert len(trials) == 8
    assert stopped, output
    for trial in stopped:
        epochs = [e.epoch for e in trial.epochs]
        assert epochs in ([1], [1, 2]), "a rung's verdict comes before the next epoch"
        assert (trial.final, trial.fidelity) == ({}, None)
        assert trial.tags["on_front"] == "false"
    for trial in trials:
        if trial.status == "completed":
            assert trial.fidelity == "joint", "who survives the policy-only rungs goes on jointly"
            assert len(trial.epochs) == 5
    client = connect(f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("adamml/n")
    runs = {r.data.tags["adamml.id"]: r for r in client.search_runs([experiment.experiment_id])}
    assert {runs[f"n/{t.id}"].info.status for t in stopped} == {"KILLED"}
    epochs = sweep_process.epochs_of(study.folder)
    code, output = sweep_process.sweep(tmp_path, *SWEEP)
    assert code == 0, output
    assert sweep_process.epochs_of(study.folder) == epochs
