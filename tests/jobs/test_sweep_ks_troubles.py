"""A sweep with early stopping by both objectives that meets Ctrl-C, a full disk and no server."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import sweep_process
import troubled_sweep
from adamml.records import StudyRecord, read_study
from mlflow_stores import IGNORE_ITS_WARNINGS, dump, fresh_database

pytestmark = [pytest.mark.slow, IGNORE_ITS_WARNINGS]

SYNC = sweep_process.ROOT / "jobs" / "sync_tracking.py"
OWN_MOUNTS = ["unshare", "--map-root-user", "--mount"]
Epochs = dict[str, list[int]]


@dataclass(frozen=True)
class Played:
    """What troubled_sweep.py prints, and where it leaves what it made."""

    home: Path
    said: dict[str, tuple[int, str]]
    epochs: dict[str, Epochs]


@pytest.fixture(scope="module")
def played(tiny_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("troubled")
    folders = [folder / "home", tiny_home, folder / "kept"]
    ended = subprocess.run(
        [*OWN_MOUNTS, sys.executable, troubled_sweep.__file__, *folders],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout.splitlines()[-1])
    return Played(home=folder / "kept", said=found["said"], epochs=found["epochs"])


@pytest.fixture
def study(played: Played) -> StudyRecord:
    return read_study(played.home / "studies/n")


def test_ctrl_c_and_again(played: Played) -> None:
    code, output = played.said["interrupted"]
    assert code == 130, output
    assert "Run the same command again to continue" in output
    assert "Traceback" not in output
    before, epochs = played.epochs["interrupted"], played.epochs["complete"]
    assert {id: epochs[id][: len(done)] for id, done in before.items()} == before
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in epochs.values())


def test_a_full_disk_is_a_clear_stop_and_with_room_the_study_goes_on(played: Played) -> None:
    code, output = played.said["full"]
    assert code == 2, output
    assert "No space left on device" in output
    assert "Run the same command again to continue." in output
    assert "Traceback" not in output
    code, output = played.said["complete"]
    assert code == 0, output
    assert "Traceback" not in output


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


def test_it_is_not_begun_again(played: Played) -> None:
    code, output = played.said["again"]
    assert code == 0, output
    assert "starting Ray" not in output
    assert sweep_process.epochs_of(played.home / "studies/n") == played.epochs["complete"]


def test_the_server_that_was_away_is_filled_in_afterwards(
    played: Played, study: StudyRecord, tmp_path: Path, empty_database: Path
) -> None:
    """The one of the first runs by the same command, and one that has heard of none by the job."""
    assert "MLflow is behind" in played.said["complete"][1]
    assert "MLflow is behind" not in played.said["again"][1]
    known, new = f"sqlite:///{played.home / 'mlflow.db'}", fresh_database(empty_database, tmp_path)
    found = [dump(known, "adamml/n")]
    for uri in (known, new):
        code, output = sweep_process.sweep(played.home, "--tracking-uri", uri, job=SYNC)
        assert (code, "n: up to date" in output) == (0, True), output
        found.append(dump(uri, "adamml/n"))
    assert set(found[0]) == {"n", *(f"n/{t.id}" for t in study.trials)}
    assert all(other == found[0] for other in found[1:])
    for trial in study.trials:
        shown = found[0][f"n/{trial.id}"]
        assert shown["status"][0] == ("KILLED" if trial.status == "stopped" else "FINISHED")
        if trial.final:
            assert shown["latest"]["accuracy"] == pytest.approx(trial.final["quality"])
        losses = shown["history"].get("loss", [])
        assert [step for step, _, _ in losses] == [
            e.epoch for e in trial.epochs if "loss" in e.metrics
        ]
