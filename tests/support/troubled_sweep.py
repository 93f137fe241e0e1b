"""A sweep with early stopping in trouble: Ctrl-C, a full disk, a tracking server that is away.

    unshare --map-root-user --mount python troubled_sweep.py HOME TEMPLATE KEPT

Run in a mount namespace of its own, in which the home is a tmpfs that can be made smaller. The same
command is given again after each trouble. Prints one JSON object: code and output of every run, and
the epochs that were there after the first and the last. The home begins as a copy of TEMPLATE; its
studies and its MLflow database are copied to KEPT.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import sweep_process

NOBODY = "http://127.0.0.1:9"  # the discard port
SWEEP = ["--recipe", "tiny", "--name", "n", "--no-confirm", "--sampler", "nsga2", "--slots", "1"]
SWEEP += ["--scheduler", "front_asha", "--first-rung", "1", "--eta", "2", "--trials", "8"]
LARGE, ROOM_KIB = "512m", 64


def main(home: Path, template: Path, kept: Path) -> None:
    home.mkdir(parents=True)
    mount(home, f"size={LARGE}")
    shutil.copytree(template, home, symlinks=True, dirs_exist_ok=True)
    study = home / "studies" / "n"
    said = {"interrupted": sweep_process.interrupted(home, "n", "trial-003", 1, *SWEEP)}
    sweep_process.assert_nothing_is_left(home)
    epochs = {"interrupted": sweep_process.epochs_of(study)}

    process = sweep_process.start(home, *SWEEP)
    sweep_process.wait_for_epochs(process, study, "trial-005", 1)
    used_kib = shutil.disk_usage(home).used // 1024
    mount(home, f"remount,size={used_kib + ROOM_KIB}k")
    output, _ = process.communicate(timeout=sweep_process.LIMIT_S)
    said["full"] = process.returncode, output
    mount(home, f"remount,size={LARGE}")

    said["complete"] = sweep_process.sweep(home, *SWEEP, "--tracking-uri", NOBODY)
    epochs["complete"] = sweep_process.epochs_of(study)
    said["again"] = sweep_process.sweep(home, *SWEEP)
    shutil.copytree(home / "studies", kept / "studies")
    shutil.copy(home / "mlflow.db", kept)
    print(json.dumps({"said": said, "epochs": epochs}))


def mount(home: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(home)], check=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
