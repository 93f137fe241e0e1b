import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from adamml.training.splits import Splits

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests" / "support" / "distributed_fit.py"


def ranks(splits: Splits, out: Path, world_size: int = 2) -> list[Any]:
    out.mkdir()
    paths = [str(ROOT / "platform"), str(ROOT / "tests" / "support")]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "ADAMML_CACHE": str(out / "cache"),
        "GLOO_SOCKET_IFNAME": "lo",
    }
    arguments = [str(out / "store"), str(splits.manifest.root), str(out)]
    processes = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), str(rank), str(world_size), *arguments],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(world_size)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=180)
        assert process.returncode == 0, errors
    return [json.loads((out / f"rank{rank}.json").read_text()) for rank in range(world_size)]


@pytest.mark.slow
def test_two_workers_train_one_model_and_repeat_it(tiny_splits: Splits, tmp_path: Path) -> None:
    first, second = ranks(tiny_splits, tmp_path / "once")
    assert first == second, "all ranks report the same numbers and hold the same weights"
    assert first[2] > 0, "and they trained"
    assert ranks(tiny_splits, tmp_path / "again")[0] == first
