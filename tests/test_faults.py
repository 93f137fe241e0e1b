"""A round of benchmarks/faults.py for each kind: what a killed part costs a study."""

import random
from pathlib import Path

import pytest
from mlflow_stores import IGNORE_ITS_WARNINGS

from benchmarks.faults import KINDS, make_template, play_round

pytestmark = [pytest.mark.slow, IGNORE_ITS_WARNINGS]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("faults"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_study_survives(kind: str, template: Path, tmp_path: Path) -> None:
    told = play_round(kind, template, tmp_path / "home", random.Random(f"test {kind}"))
    assert "killed after" in told
