"""Rounds of benchmarks/faults.py: what killed parts, one after another, cost a study."""

import random
from pathlib import Path

import pytest
from mlflow_stores import IGNORE_ITS_WARNINGS

from benchmarks.faults import KINDS, play_round

pytestmark = [pytest.mark.slow, IGNORE_ITS_WARNINGS]
ROUNDS = {
    "on this machine": (1, ("worker", "controller", "relay", "dispatcher", "driver", "ray")),
    "on a standing cluster": (2, ("cluster_driver", "node")),
}
"""Name -> slots, and the kinds in their order."""


def test_every_kind_is_played() -> None:
    assert sorted(kind for _, kinds in ROUNDS.values() for kind in kinds) == sorted(KINDS)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("slots", "kinds"), ROUNDS.values(), ids=ROUNDS)
def test_a_study_survives(
    slots: int, kinds: tuple[str, ...], tiny_home: Path, tmp_path: Path
) -> None:
    dice = random.Random(f"test {kinds}")
    told = play_round(kinds, tiny_home, tmp_path / "home", dice, slots)
    assert told.count(" killed after ") == len(kinds)
