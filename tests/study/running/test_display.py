"""The live display of a study: its tasks on a terminal, its lines in a log."""

import re
from pathlib import Path

import pytest
from adamml import terminal
from adamml.journal import Journal
from adamml.records import StudyRecord
from adamml.study.options.jobs import SweepOptions
from adamml.study.options.plan import SweepPlan
from adamml.study.options.sweep import resolve
from adamml.study.running.phase import Phase
from adamml.study.running.progress import Display
from adamml.trials.assignment import Assignment

from search_spaces import space_of

RETRAINING = Assignment(kind="confirm", id="confirm-a", fidelity="joint")


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SweepPlan:
    monkeypatch.setenv("ADAMML_HOME", str(tmp_path))
    monkeypatch.setattr(terminal, "LINE_EVERY_S", 600.0)
    return resolve(SweepOptions(recipe="tiny", name="s", trials=4), space_of)


def write_trials(plan: SweepPlan) -> None:
    Journal(plan.folder / "journal.jsonl").append("start", name="s", params={})
    for number, status in enumerate(("completed", "failed", "completed")):
        journal = Journal(plan.folder / "trials" / f"trial-{number}" / "journal.jsonl")
        journal.append("start", id=f"trial-{number}", kind="trial")
        journal.append("end", status=status, error=None)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    printed = capsys.readouterr().out.splitlines()
    assert all(re.match(r"\[\d\d:\d\d:\d\d\] ", line) for line in printed)
    return [line.partition("] ")[2] for line in printed]


def test_a_log_gets_a_line_at_each_phase(
    plan: SweepPlan, capsys: pytest.CaptureFixture[str]
) -> None:
    with Display(plan, plan.settings.reference) as display:
        display.phase("starting Ray")
        write_trials(plan)
        display.phase("searching")
    assert lines(capsys) == [
        "starting Ray",
        "searching: 2/4 trials done, 1 failed, hypervolume 0.000",
    ]


def test_data_that_is_made_is_counted(plan: SweepPlan, capsys: pytest.CaptureFixture[str]) -> None:
    with Display(plan, None) as display:
        count = display.counter("making videos")
        count(3, 12)
        (task,) = display._tasks()
    assert (task.text, task.fraction) == ("making videos 3/12", 0.25)
    assert lines(capsys) == []


def test_retrainings_have_a_line_of_their_own_once_they_are_certain(
    plan: SweepPlan, capsys: pytest.CaptureFixture[str]
) -> None:
    write_trials(plan)

    def left(study: StudyRecord) -> list[Phase]:
        return [Phase(title="retraining", assignments=(RETRAINING,))]

    with Display(plan, None) as display:
        display.follow(left, slots=1)
        display.phase("retraining")
    assert lines(capsys) == [
        "retraining: 2/4 trials done, 1 failed",
        "retrained with fresh seeds: 0/1",
    ]
