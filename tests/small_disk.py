"""A sweep whose home lies on a disk that becomes full, and larger again.

    unshare --map-root-user --mount python small_disk.py HOME TEMPLATE KEPT

Run in a mount namespace of its own, in which the home is a tmpfs. Prints one JSON object: codes
and outputs of both runs, and how many epochs there were at the stop. The home begins as
a copy of TEMPLATE, and is copied to KEPT.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import sweep_process

OPTIONS = ["--recipe", "tiny", "--name", "n", "--no-confirm", "--trials", "4", "--slots", "1"]
OPTIONS += ["--override", "stages.policy_only=8"]
LARGE, ROOM_KIB = "512m", 64


def main(home: Path, template: Path, kept: Path) -> None:
    home.mkdir(parents=True)
    mount(home, f"size={LARGE}")
    shutil.copytree(template, home, symlinks=True, dirs_exist_ok=True)
    process = sweep_process.start(home, *OPTIONS)
    sweep_process.wait_for_epochs(process, home / "studies" / "n", "trial-002", 4)
    used_kib = shutil.disk_usage(home).used // 1024
    mount(home, f"remount,size={used_kib + ROOM_KIB}k")
    output, _ = process.communicate(timeout=sweep_process.LIMIT_S)
    said = {"full": [process.returncode, output]}
    mount(home, f"remount,size={LARGE}")
    said["again"] = list(sweep_process.sweep(home, *OPTIONS))
    shutil.copytree(home / "studies", kept / "studies")
    shutil.copy(home / "mlflow.db", kept)
    print(json.dumps(said))


def mount(home: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(home)], check=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
