"""Room on the disk, which a sweep needs and does not have for a while."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import sweep_process
from adamml.records import read_study
from mlflow_stores import IGNORE_ITS_WARNINGS, dump

pytestmark = [pytest.mark.slow, IGNORE_ITS_WARNINGS]


def test_a_full_disk_is_a_clear_stop_and_with_room_the_study_goes_on(
    tiny_home: Path, tmp_path: Path
) -> None:
    script = Path(sweep_process.__file__).with_name("small_disk.py")
    own_mounts = ["unshare", "--map-root-user", "--mount"]
    ended = subprocess.run(
        [
            *own_mounts,
            sys.executable,
            str(script),
            str(tmp_path / "home"),
            str(tiny_home),
            str(tmp_path / "kept"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout.splitlines()[-1])
    code, output = said["full"]
    assert code == 2, output
    assert "No space left on device" in output
    assert "the same command then goes on where it stopped" in output
    assert "Traceback" not in output
    code, output = said["again"]
    assert code == 0, output
    study = read_study(tmp_path / "kept" / "studies" / "n")
    trials = [t for t in study.trials if t.kind == "trial"]
    assert len(trials) == 4
    for trial in trials:
        numbers = [e.epoch for e in trial.epochs]
        assert numbers == list(range(1, (11 if trial.fidelity == "joint" else 8) + 1)), trial.id
    shown = dump(f"sqlite:///{tmp_path / 'kept' / 'mlflow.db'}", "adamml/n")
    assert set(shown) == {"n", *(f"n/{t.id}" for t in study.trials)}
    assert {run["status"][0] for run in shown.values()} == {"FINISHED"}
