import json
from pathlib import Path

import pytest
from adamml.journal import Journal
from adamml.records import read_study, summarise


def epoch(number: int, **metrics: float) -> dict[str, object]:
    return {
        "event": "epoch",
        "time": 1.0,
        "epoch": number,
        "stage": "alternating",
        "metrics": metrics,
    }


START = {
    "event": "start",
    "time": 5.0,
    "id": "t1",
    "kind": "trial",
    "method": "adamml",
    "attempt": 1,
}


def test_no_events_make_a_waiting_trial() -> None:
    record = summarise([], id="t1")
    assert (record.id, record.status, record.epochs, record.final) == ("t1", "waiting", [], {})


def test_an_epoch_done_again_counts_once_and_the_last_holds() -> None:
    record = summarise([START, epoch(1, loss=3), epoch(2, loss=2), START, epoch(2, loss=1.9)])
    assert [(e.epoch, e.metrics["loss"]) for e in record.epochs] == [(1, 3), (2, 1.9)]
    assert record.started == 5.0


def test_the_last_final_and_the_last_end_hold() -> None:
    end = {"event": "end", "time": 9.0, "status": "completed", "error": None}
    policy = {"event": "final", "time": 8.0, "fidelity": "policy", "metrics": {"quality": 0.8}}
    joint = policy | {"fidelity": "joint", "metrics": {"quality": 0.9}}
    assert summarise([START, policy, end]).status == "completed"
    again = summarise([START, policy, end, START | {"time": 10.0}, joint])
    assert (again.status, again.ended, again.fidelity) == ("running", None, "joint")
    assert again.final == {"quality": 0.9}


def test_a_failure_keeps_its_traceback_until_the_next_attempt() -> None:
    failed = {"event": "end", "time": 9.0, "status": "failed", "error": "Traceback ... boom"}
    assert summarise([START, failed]).error == "Traceback ... boom"
    assert summarise([START, failed, START]).error is None


def test_a_study_is_its_journal_and_those_of_its_trials(tmp_path: Path) -> None:
    study = tmp_path / "s"
    journal = Journal(study / "journal.jsonl")
    journal.append("start", name="s", params={"seed": 0})
    for name in ("b", "a"):  # b starts first
        Journal(study / "trials" / name / "journal.jsonl").append("start", id=name, kind="trial")
    (study / "trials" / "empty").mkdir()
    journal.append("tags", id="a", tags={"on_front": "true"})
    journal.append("test", id="a", metrics={"test_quality": 0.9})
    journal.append("tags", id="nobody", tags={"on_front": "true"})
    journal.append("metrics", metrics={"hypervolume": 0.1})
    journal.append("metrics", metrics={"hypervolume": 0.2})
    journal.append("data", bad={"x.mp4": "empty"}, silent=1, videos=9)
    journal.append("references", relevance_policy={"quality": 0.9, "gflops": 1.0})
    journal.append("end", status="completed")
    record = read_study(study)
    assert [t.id for t in record.trials] == ["b", "a", "empty"]
    assert record.trials[1].tags == {"on_front": "true"}
    assert record.trials[1].test == {"test_quality": 0.9}
    assert record.metrics == {"hypervolume": 0.2}
    assert record.data == {"bad": {"x.mp4": "empty"}, "silent": 1, "videos": 9}
    assert record.references["relevance_policy"]["gflops"] == 1.0
    assert (record.name, record.status, record.params) == ("s", "completed", {"seed": 0})
    json.dumps(record.data)


def test_a_folder_without_a_journal_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must be a study's folder with a journal\.jsonl"):
        read_study(tmp_path)


def test_operating_points_are_those_of_the_last_final() -> None:
    def points(time: float, accuracy: float) -> dict[str, object]:
        found = [{"quality": accuracy, "gflops": 0.1, "bias.rgb": 0.0}]
        return {"event": "operating_points", "time": time, "fidelity": "policy", "points": found}

    final = {"event": "final", "time": 8.0, "fidelity": "policy", "metrics": {"quality": 0.8}}
    first = [START, points(7.0, 0.8), final]
    assert summarise(first).operating_points == points(7.0, 0.8)["points"]
    cut = [*first, START, points(9.0, 0.9)]  # killed before its final: the metrics are the old ones
    assert summarise(cut).operating_points == points(7.0, 0.8)["points"]
    joint = final | {"fidelity": "joint", "metrics": {"quality": 0.9}}
    assert summarise([*cut, START, points(10.0, 0.9), joint]).operating_points[0]["quality"] == 0.9
    assert summarise([*first, START, joint]).operating_points == []


def test_the_last_regret_holds(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append("start", name="s")
    Journal(tmp_path / "trials" / "a" / "journal.jsonl").append("start", id="a", kind="trial")
    journal.append("regret", id="a", metrics={"quality_regret": 0.1, "gflops_regret": 0.2})
    journal.append("regret", id="a", metrics={"quality_regret": -0.1})
    journal.append("regret", id="nobody", metrics={"quality_regret": 0.3})
    assert read_study(tmp_path).trials[0].regret == {"quality_regret": -0.1}
