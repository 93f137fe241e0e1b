"""A new family: an entry of METHODS, and trials train, resume and test it as any other."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from adamml.config import override
from adamml.methods import METHODS, method_names, method_overrides
from adamml.recipes import tiny
from adamml.records import read_trial
from adamml.study import specs
from adamml.training.splits import Splits
from adamml.trials.assignment import Assignment
from adamml.trials.kinds import execute
from adamml.trials.test_results import load_results, result_metrics
from toy_family import TOY, TOY_METHOD

Execute = Callable[[Assignment], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "toy", TOY_METHOD)


@pytest.fixture
def run(tiny_splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Execute:
    """Execute an assignment as a slot would; return its reports."""
    torch.set_num_threads(1)
    monkeypatch.setenv("ADAMML_CACHE", str(tmp_path / "cache"))
    context = {
        "home": str(tmp_path),
        "study": str(tmp_path / "study"),
        "data": str(tiny_splits.manifest.root),
        "recipe": "tiny",
        "modalities": ["rgb", "audio"],
        "built_in": False,
    }

    def executed(assignment: Assignment) -> list[dict[str, Any]]:
        reports: list[dict[str, Any]] = []
        attempt = {"id": assignment.key, "attempt": 1, "spec": assignment.to_wire()}
        execute(attempt, reports.append, context)  # type: ignore[arg-type]
        return reports

    return executed


@pytest.fixture
def trial() -> Assignment:
    return specs.method_trial("toy", 0, tiny(), {}, {})


@pytest.fixture
def folder(tmp_path: Path, trial: Assignment) -> Path:
    return tmp_path / "study" / "trials" / trial.id


def test_a_trial_of_a_new_family_is_trained_and_tested(
    run: Execute, trial: Assignment, folder: Path
) -> None:
    assert "toy" in method_names(tiny())
    reports = run(trial)
    record = read_trial(folder)
    assert (record.method, record.status, record.fidelity) == ("toy", "completed", "joint")
    assert [epoch.stage for epoch in record.epochs] == ["policy_only"] * 2
    assert record.final["quality"] == reports[-1]["quality"]
    assert record.final["selection_rate.rgb"] == record.final["selection_rate.audio"] == 1
    assert record.operating_points == []
    (report,) = run(specs.evaluation(record, {}, kind="test_videos"))
    results = load_results(folder)
    assert results is not None
    assert report["test_quality"] == result_metrics(results, "accuracy")["quality"]
    config = override(tiny(), method_overrides("toy", tiny()))
    assert report["test_gflops"] == pytest.approx(TOY.costs(config).all_on(3))


def test_a_trial_of_a_new_family_resumes_where_its_journal_ends(
    run: Execute, trial: Assignment, folder: Path
) -> None:
    journal = folder / "journal.jsonl"
    run(replace(trial, overrides={**trial.overrides, "stages.policy_only": 1}))
    lines = journal.read_text().splitlines(keepends=True)
    begun = [line for line in lines if json.loads(line)["event"] in ("start", "epoch")]
    journal.write_text("".join(begun))
    run(trial)
    assert [epoch.epoch for epoch in read_trial(folder).epochs] == [1, 2]
    run(replace(trial, id="whole"))
    assert read_trial(folder).final == read_trial(folder.parent / "whole").final


def test_what_a_new_family_cannot_do_is_refused(
    run: Execute, trial: Assignment, folder: Path
) -> None:
    run(trial)
    record = read_trial(folder)
    with pytest.raises(ValueError, match="decision_bias must be empty for toy"):
        run(specs.evaluation(record, {"rgb": 1.0}))
    with pytest.raises(ValueError, match=r"references must be of a method .* got toy"):
        run(specs.bounds(record))
