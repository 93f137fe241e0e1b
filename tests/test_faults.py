"""Rounds of benchmarks/faults.py: what killed parts, one after another, cost a study."""

import random
from pathlib import Path

import pytest
from mlflow_stores import IGNORE_ITS_WARNINGS

from benchmarks.faults import KINDS, make_template, play_round

pytestmark = [pytest.mark.slow, IGNORE_ITS_WARNINGS]
ROUNDS = {
    "the job goes on": ("worker", "controller", "relay"),
    "the same command goes on": ("dispatcher", "driver", "ray"),
    "on a standing cluster": ("cluster_driver", "node"),
}


def test_every_kind_is_played() -> None:
    assert sorted(kind for kinds in ROUNDS.values() for kind in kinds) == sorted(KINDS)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("faults"))


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kinds", ROUNDS.values(), ids=ROUNDS)
def test_a_study_survives(kinds: tuple[str, ...], template: Path, tmp_path: Path) -> None:
    told = play_round(kinds, template, tmp_path / "home", random.Random(f"test {kinds}"))
    assert told.count(" killed after ") == len(kinds)
