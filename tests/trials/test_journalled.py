import json
from pathlib import Path
from typing import Any

import pytest
from adamml.recipes import RECIPES
from adamml.records import read_trial
from adamml.training.splits import Splits
from adamml.training.workers import Workers
from adamml.trials.assignment import Assignment
from adamml.trials.journalled import Execution, Trained, journalled

TRIAL = Assignment(kind="trial", id="t", fidelity="policy", method="adamml", name="t")


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "trials" / "t" / "journal.jsonl"


def run_in(study: Path, report: Any) -> Execution:
    config = RECIPES["tiny"](("rgb", "audio"))
    return Execution(
        assignment=TRIAL,
        attempt=2,
        report=report,
        home=study,
        study=study,
        config=config,
        splits=Splits(None, config, {}),
        workers=Workers.current(),
        built_in=False,
    )


def complete(run: Execution) -> None:
    def train(done: int, keep: Any) -> Trained:
        keep(1, "policy_only", {"quality": 0.5, "gflops": 0.1})
        return Trained({"quality": 0.5, "gflops": 0.1}, [])

    journalled(run, train)


@pytest.mark.parametrize("cut", [1, 0])
def test_a_trial_that_died_after_its_final_metrics_is_completed_without_training(
    tmp_path: Path, journal: Path, cut: int
) -> None:
    complete(run_in(tmp_path, lambda record: None))
    lines = journal.read_text().splitlines(keepends=True)
    assert [json.loads(line)["event"] for line in lines][-2:] == ["final", "end"]
    journal.write_text("".join(lines[: len(lines) - cut]))
    assert read_trial(journal.parent).status == ("running" if cut else "completed")

    reports: list[dict[str, Any]] = []

    def never(done: int, keep: Any) -> Trained:
        raise AssertionError("it was trained again")

    journalled(run_in(tmp_path, reports.append), never)
    assert [r["quality"] for r in reports] == [0.5]
    assert read_trial(journal.parent).status == "completed"
    assert journal.read_text().count('"end"') == 1


def test_whatever_the_last_evaluation_measured_is_final(tmp_path: Path, journal: Path) -> None:
    measured = {"quality": 0.5, "gflops": 0.1, "gflops_p95": 0.2, "parameters": 7e6}
    reports: list[dict[str, Any]] = []

    def train(done: int, keep: Any) -> Trained:
        keep(1, "policy_only", {"loss": 0.3, **measured})
        return Trained(measured, [])

    journalled(run_in(tmp_path, reports.append), train)
    assert read_trial(journal.parent).final == measured
    assert reports[-1] == {"epoch": 1, "fidelity": "policy", **measured}
