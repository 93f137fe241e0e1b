"""Rounds of benchmarks/faults: what parts that are killed one after another cost a study."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "faults"
ROUNDS = {
    "on this machine": (1, ("worker", "controller", "relay", "dispatcher", "driver", "ray")),
    "on a standing cluster": (2, ("cluster_driver", "node")),
}
"""Name -> slots, and the kinds in their order."""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARK), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_unknown_kind_is_refused_in_one_line() -> None:
    done = run("--kinds", "wrker")
    assert done.returncode == 1
    assert done.stderr.startswith("error: unknown kind 'wrker'; choose from worker, ")
    assert set(done.stderr.strip().rpartition("choose from ")[2].split(", ")) == {
        kind for _, kinds in ROUNDS.values() for kind in kinds
    }


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("slots", "kinds"), ROUNDS.values(), ids=ROUNDS)
def test_a_study_survives(slots: int, kinds: tuple[str, ...], tiny_home: Path) -> None:
    options = ["--rounds", "1", "--slots", str(slots), "--together", "--template", str(tiny_home)]
    done = run(*options, "--kinds", *kinds)
    assert done.returncode == 0, done.stdout + done.stderr
    played, whole = done.stdout.splitlines()
    assert played.count(" killed after ") == len(kinds)
    assert json.loads(whole)["whole"] == {"+".join(kinds): 1}
