import json

import pytest
from adamml.tracking.projection import Point, as_in_journals, start_tags, study_batches, trial_batch


def epoch(number: int, time: float = 2.0, **metrics: float) -> dict[str, object]:
    return {"event": "epoch", "time": time, "epoch": number, "stage": "s", "metrics": metrics}


START = {"event": "start", "time": 1.0, "id": "t", "kind": "trial", "method": "adamml"}


def test_a_batch_holds_only_what_is_new_but_knows_what_came_before() -> None:
    events = [START, epoch(1, loss=3.0), epoch(2, loss=2.0)]
    final = {"event": "final", "time": 2.0, "fidelity": "joint", "metrics": {"quality": 0.9}}
    batch = trial_batch([*events, final], since=3)
    assert batch.points == [Point("accuracy", 0.9, 2001, 2)]
    assert batch.tags == {"fidelity": "joint"}
    assert batch.params == {}


def test_an_epoch_done_again_adds_no_second_point() -> None:
    events = [START, epoch(1, loss=3.0), START, epoch(1, loss=3.0), epoch(2, loss=1.0)]
    whole = trial_batch(events)
    assert [(p.key, p.step) for p in whole.points] == [("loss", 1), ("loss", 2)]
    assert [p.step for p in trial_batch(events, since=3).points] == [2]


def test_any_split_of_a_journal_adds_the_same_points() -> None:
    final = {"event": "final", "time": 4.0, "fidelity": "policy", "metrics": {"quality": 0.5}}
    end = {"event": "end", "time": 5.0, "status": "completed", "error": None}
    events = [START, epoch(1, loss=1.0), epoch(1, loss=1.0), epoch(2, loss=0.5), final, end]
    whole = trial_batch(events).points
    for cut in range(len(events) + 1):
        assert trial_batch(events[:cut]).points + trial_batch(events, since=cut).points == whole


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("completed", "FINISHED"),
        ("failed", "FAILED"),
        ("stopped", "KILLED"),
        ("interrupted", "KILLED"),
    ],
)
def test_the_status_is_always_the_newest(status: str, shown: str) -> None:
    end = {"event": "end", "time": 3.0, "status": status, "error": "Traceback\nValueError: x\n"}
    ended = trial_batch([START, end], since=2)
    assert (ended.status, ended.end_ms, ended.tags) == (shown, 3000, {})
    assert trial_batch([START, end, START]).status == "RUNNING"
    batch = trial_batch([START, end])
    assert batch.texts == {"error.txt": "Traceback\nValueError: x\n"}
    assert batch.tags == {"status": status, "error": "ValueError: x"}


def test_params_are_json_cut_to_what_mlflow_takes() -> None:
    params = {"a": "text", "b": [1, 2], "c": None, "d": True, "long": "x" * 7000, "odd?k%": 1}
    shown = trial_batch([START | {"params": params}]).params
    assert (shown["a"], shown["b"], shown["c"], shown["d"]) == ("text", "[1, 2]", "null", "true")
    assert len(shown["long"]) == 6000
    assert shown["odd_k_"] == "1"


def test_every_trial_starts_off_the_front_and_nothing_else_does() -> None:
    assert start_tags(START)["on_front"] == "false"
    assert "on_front" not in start_tags(START | {"kind": "fusion"})
    overrides = {"loss.gamma": 2.0}
    assert (
        json.loads(start_tags(START | {"overrides": overrides})["adamml.config.overrides"])
        == overrides
    )


def test_a_study_event_reaches_the_run_it_names() -> None:
    events = [
        {"event": "start", "time": 1.0, "name": "s", "params": {"seed": 0}},
        {"event": "metrics", "time": 2.0, "metrics": {"hypervolume": 0.1}},
        {"event": "metrics", "time": 3.0, "metrics": {"hypervolume": 0.2}},
        {"event": "tags", "time": 4.0, "id": "t", "tags": {"on_front": "true"}},
        {"event": "test", "time": 5.0, "id": "t", "metrics": {"test_quality": 0.9}},
        {"event": "artifact", "time": 6.0, "path": "report.html"},
        {"event": "data", "time": 6.0, "bad": {"x": "empty"}, "silent": 2, "videos": 9},
    ]
    batches = study_batches(events)
    assert batches["t"].tags == {"on_front": "true"}
    assert batches["t"].points == [Point("test_accuracy", 0.9, 5000, 0)]
    own = batches[""]
    assert [(p.step, p.value) for p in own.points if p.key == "hypervolume"] == [(0, 0.1), (1, 0.2)]
    assert {p.key: p.value for p in own.points if p.key != "hypervolume"} == {
        "data.videos": 9,
        "data.silent": 2,
        "data.bad": 1,
    }
    assert own.files == ["report.html"]
    later = study_batches(events, since=2)[""]
    assert [(p.step, p.value) for p in later.points if p.key == "hypervolume"] == [(1, 0.2)]


def test_the_oracle_front_is_a_history_with_a_step_per_point() -> None:
    front = {"quality": [0.5, 0.9], "gflops": [0.1, 0.2]}
    relevance = {"quality": 0.8, "gflops": 0.15}
    event = {"event": "references", "time": 1.0, "oracle_front": front}
    points = study_batches([event | {"relevance_policy": relevance}])[""].points
    assert [p.value for p in points if p.key == "oracle_front.accuracy"] == [0.5, 0.9]
    assert [p.step for p in points if p.key == "oracle_front.gflops"] == [0, 1]
    assert [p.value for p in points if p.key == "relevance_policy.gflops"] == [0.15]


def test_operating_points_are_an_artifact_that_the_next_ones_replace() -> None:
    points = [{"quality": 0.9, "gflops": 0.1, "bias.rgb": -0.5}]
    event = {"event": "operating_points", "time": 2.0, "fidelity": "policy", "points": points}
    later = event | {"time": 3.0, "points": [*points, *points]}
    batch = trial_batch([START, event])
    assert json.loads(batch.texts["operating_points.json"]) == points
    assert (batch.tags["operating_points"], batch.points) == ("1", [])
    whole, rest = trial_batch([START, event, later]), trial_batch([START, event, later], since=2)
    assert whole.texts == rest.texts
    assert len(json.loads(rest.texts["operating_points.json"])) == 2
    assert trial_batch([START, event], since=2).texts == {}


def test_regret_reaches_the_trial_it_is_of() -> None:
    events = [
        {"event": "start", "time": 1.0, "name": "s"},
        {"event": "regret", "time": 2.0, "id": "t", "metrics": {"quality_regret": 0.1}},
    ]
    assert study_batches(events)["t"].points == [Point("accuracy_regret", 0.1, 2000, 0)]


def test_quality_has_its_own_name_in_mlflow() -> None:
    start = START | {"params": {"data.quality": "map"}}
    metrics = {"quality": 0.5, "quality_se": 0.01, "accuracy": 0.6, "top5_accuracy": 0.9}
    shown = [p.key for p in trial_batch([start, epoch(1, **metrics)]).points]
    assert shown == ["map", "map_se", "accuracy", "top5_accuracy"]
    assert [as_in_journals(key, "map") for key in shown] == list(metrics)
    study = [
        start,
        {"event": "test", "time": 2.0, "id": "t", "metrics": {"test_quality": 0.4}},
        {"event": "metrics", "time": 2.0, "metrics": {"confirm.t.quality_low": 0.3}},
        {"event": "references", "time": 2.0, "relevance_policy": {"quality": 0.8}},
    ]
    batches = study_batches(study)
    assert [p.key for p in batches["t"].points] == ["test_map"]
    assert [p.key for p in batches[""].points] == ["confirm.t.map_low", "relevance_policy.map"]


@pytest.mark.parametrize(
    "name", ["quality", "quality_se", "test_quality", "quality_regret", "confirm.t.quality_high"]
)
@pytest.mark.parametrize("quality", ["accuracy", "map"])
def test_journals_get_their_names_back(name: str, quality: str) -> None:
    events = [START | {"params": {"data.quality": quality}}, epoch(1, **{name: 0.5})]
    (point,) = trial_batch(events).points
    assert quality in point.key
    assert as_in_journals(point.key, quality) == name
