"""The dry run: the same phases that a run would execute, and nothing is done."""

from functools import partial
from pathlib import Path

import pytest
from adamml.study.options.jobs import SweepOptions
from adamml.study.options.sweep import resolve
from adamml.study.phases import remaining
from adamml.study.running.rehearsal import rehearse
from simulated_study import Simulated, files

from search_spaces import space_of


def test_a_rehearsal_shows_what_a_run_would_execute_and_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAMML_HOME", str(tmp_path))
    plan = resolve(SweepOptions(recipe="tiny", name="s"), space_of)
    left = partial(remaining, plan)
    assert [row["phase"] for row in rehearse(plan, left)][:2] == [
        "decoding videos",
        "training unimodal networks",
    ]
    assert not plan.folder.exists()
    study = Simulated(plan, left)
    study.run(3)
    before = files(tmp_path)
    rows = rehearse(plan, left)
    assert {"phase": "searching", "assignments": [], "undecided": 2} in rows
    assert files(tmp_path) == before
