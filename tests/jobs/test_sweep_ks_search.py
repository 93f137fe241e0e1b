"""A sweep with early stopping by both objectives, with Ctrl-C, and without its tracking server."""

import shutil
from pathlib import Path

import pytest
import sweep_process
from adamml.records import StudyRecord, read_study
from mlflow_stores import IGNORE_ITS_WARNINGS, dump, fresh_database

pytestmark = [pytest.mark.slow, IGNORE_ITS_WARNINGS]

SYNC = sweep_process.ROOT / "jobs" / "sync_tracking.py"
NOBODY = "http://127.0.0.1:9"  # the discard port
SWEEP = ["--recipe", "tiny", "--name", "n", "--no-confirm", "--sampler", "nsga2", "--slots", "1"]
SWEEP += ["--scheduler", "front_asha", "--first-rung", "1", "--eta", "2", "--trials", "8"]
SWEEP += ["--tracking-uri", NOBODY]


@pytest.fixture(scope="module")
def home(tiny_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("searched") / "home"
    shutil.copytree(tiny_home, folder, symlinks=True)
    return folder


@pytest.fixture(scope="module")
def before(home: Path) -> dict[str, list[int]]:
    """The epochs that were there after Ctrl-C."""
    code, output = sweep_process.interrupted(home, "n", "trial-003", 1, *SWEEP)
    assert code == 130, output
    assert "the same command goes on" in output
    assert "Traceback" not in output
    sweep_process.assert_nothing_is_left(home)
    return sweep_process.epochs_of(home / "studies/n")


@pytest.fixture(scope="module")
def output(home: Path, before: dict[str, list[int]]) -> str:
    """Of the same command again."""
    code, output = sweep_process.sweep(home, *SWEEP)
    assert code == 0, output
    return output


@pytest.fixture(scope="module")
def study(home: Path, output: str) -> StudyRecord:
    return read_study(home / "studies/n")


def test_ctrl_c_and_again(study: StudyRecord, before: dict[str, list[int]]) -> None:
    epochs = sweep_process.epochs_of(study.folder)
    assert {id: epochs[id][: len(done)] for id, done in before.items()} == before
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in epochs.values())


def test_a_trial_that_is_stopped_at_a_rung_trains_no_further(study: StudyRecord) -> None:
    trials = [t for t in study.trials if t.kind == "trial"]
    stopped = [t for t in trials if t.status == "stopped"]
    assert len(trials) == 8
    assert stopped, [t.status for t in trials]
    for trial in stopped:
        epochs = [e.epoch for e in trial.epochs]
        assert epochs in ([1], [1, 2]), "a rung's verdict comes before the next epoch"
        assert (trial.final, trial.fidelity) == ({}, None)
        assert trial.tags["on_front"] == "false"
    for trial in trials:
        if trial.status == "completed":
            assert trial.fidelity == "joint", "who survives the policy-only rungs goes on jointly"
            assert len(trial.epochs) == 5


def test_it_is_not_begun_again(home: Path, study: StudyRecord) -> None:
    epochs = sweep_process.epochs_of(study.folder)
    code, output = sweep_process.sweep(home, *SWEEP)
    assert code == 0, output
    assert "starting Ray" not in output
    assert sweep_process.epochs_of(study.folder) == epochs


def test_the_server_that_was_away_is_filled_in_afterwards(
    home: Path, output: str, study: StudyRecord, tmp_path: Path, empty_database: Path
) -> None:
    assert "MLflow is behind" in output
    assert "Traceback" not in output
    uri = fresh_database(empty_database, tmp_path)
    code, output = sweep_process.sweep(home, "--tracking-uri", uri, job=SYNC)
    assert (code, "n: up to date" in output) == (0, True), output
    first = dump(uri, "adamml/n")
    assert set(first) == {"n", *(f"n/{t.id}" for t in study.trials)}
    for trial in study.trials:
        shown = first[f"n/{trial.id}"]
        assert shown["status"][0] == ("KILLED" if trial.status == "stopped" else "FINISHED")
        if trial.final:
            assert shown["latest"]["accuracy"] == pytest.approx(trial.final["quality"])
        losses = shown["history"].get("loss", [])
        assert [step for step, _, _ in losses] == [
            e.epoch for e in trial.epochs if "loss" in e.metrics
        ]
    code, output = sweep_process.sweep(home, "--tracking-uri", uri, job=SYNC)
    assert code == 0, output
    assert dump(uri, "adamml/n") == first
