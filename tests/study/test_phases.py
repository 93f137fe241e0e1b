"""The phases of a sweep that are left, found by a pure function of plan and records."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from adamml.journal import Journal, read_journal
from adamml.records import StudyRecord, read_study
from adamml.study.options.jobs import SweepOptions
from adamml.study.options.plan import SweepPlan
from adamml.study.options.sweep import resolve
from adamml.study.phases import remaining
from adamml.study.running.phase import SEARCH, Phase
from simulated_study import SESSION, Simulated, as_json, files

from search_spaces import space_of


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADAMML_HOME", str(tmp_path))
    return tmp_path


def plan_of(**options: object) -> SweepPlan:
    options = {"recipe": "tiny", "name": "s", **options}
    return resolve(SweepOptions(**options), space_of)  # type: ignore[arg-type]


def simulated(plan: SweepPlan, **options: object) -> Simulated:
    return Simulated(plan, partial(remaining, plan), **options)  # type: ignore[arg-type]


def new(plan: SweepPlan) -> list[Phase]:
    return remaining(plan, StudyRecord(name="s", folder=plan.folder), SESSION)


def test_everything_is_left_of_a_study_that_has_not_begun(home: Path) -> None:
    phases = new(plan_of())
    assert [phase.title for phase in phases] == [
        "decoding videos",
        "training unimodal networks",
        "running baselines",
        "searching",
        "training 2 jointly",
        "decoding videos",
        "testing",
        "retraining with seeds 1001, 1002, 1003",
    ]
    (search,) = (phase for phase in phases if phase.executor == SEARCH)
    assert [a.id for a in search.undecided] == ["trial-002", "trial-003"]
    assert not search.assignments


def test_where_the_evidence_is_known_the_oracle_front_is_left_too(home: Path) -> None:
    plan = plan_of()
    session = replace(SESSION, relevance_known=True)
    study = StudyRecord(name="s", folder=plan.folder)
    titles = [phase.title for phase in remaining(plan, study, session)]
    assert titles.index("computing the oracle front") == titles.index("testing") - 2


def test_executing_the_head_again_and_again_ends_with_a_complete_study(home: Path) -> None:
    plan = plan_of()
    study = simulated(plan)
    study.run()
    assert study.titles == [
        "decoding videos",
        "training unimodal networks",
        "running baselines",
        "searching",
        "training 2 jointly",
        "noting results",
        "decoding videos",
        "testing",
        *["retraining with seeds 1001, 1002, 1003"] * 3,  # networks, then trials, then tests
        "summarising 3 fresh seeds",
        "counting shared networks",
    ]
    assert len(study.keys) == len(set(study.keys)), "no assignment twice"


def test_of_a_complete_study_nothing_is_left_and_looking_changes_nothing(home: Path) -> None:
    plan = plan_of()
    simulated(plan).run()
    before = files(plan.folder)
    assert remaining(plan, read_study(plan.folder), SESSION) == []
    assert files(plan.folder) == before


@pytest.mark.parametrize("phases", range(14))
def test_a_study_that_is_interrupted_anywhere_continues_to_the_same_end(
    phases: int, home: Path
) -> None:
    plan = plan_of()
    whole, cut = simulated(plan_of(name="whole")), simulated(plan)
    whole.run()
    cut.run(phases)
    again = simulated(plan)
    again.run()
    assert set(cut.keys) | set(again.keys) == set(whole.keys)
    trained = [key for key in (*cut.keys, *again.keys) if not key.startswith("prepare")]
    assert len(trained) == len(set(trained)), "nothing is trained or tested twice"


def test_a_trial_that_fails_is_not_tried_again_in_the_same_run_but_in_the_next(home: Path) -> None:
    plan = plan_of(confirm=False)
    study = simulated(plan, fails=("trial trial-001 policy",))
    study.run()
    assert study.keys.count("trial trial-001 policy") == 1
    left = remaining(plan, read_study(plan.folder), SESSION)
    assert [a.key for p in left for a in p.assignments if a.fidelity == "policy"] == [
        "trial trial-001 policy"
    ]


def test_promotion_is_decided_once_for_a_number_of_trials(home: Path) -> None:
    plan = plan_of(trials=8, joint=2, confirm=False)
    study = simulated(plan)
    study.run()
    events = [e for e in read_journal(plan.folder / "journal.jsonl") if e["event"] == "promoted"]
    (promoted,) = events
    joint = {k for k in study.keys if k.endswith(" joint") and k.startswith("trial ")}
    assert joint == {f"trial {id} joint" for id in (*promoted["ids"], "trial-000")}


def test_more_trials_are_added_to_a_complete_study(home: Path) -> None:
    simulated(plan_of(trials=4)).run()
    larger = simulated(plan_of(trials=6))
    larger.run()
    assert [k for k in larger.keys if k.endswith(" policy")] == [
        "trial trial-004 policy",
        "trial trial-005 policy",
    ]


def test_what_is_left_of_every_study_is_as_json_the_same_however_often_one_looks(
    home: Path,
) -> None:
    plan = plan_of()
    study = simulated(plan)
    study.run(4)
    record = read_study(plan.folder)
    assert as_json(remaining(plan, record, SESSION)) == as_json(remaining(plan, record, SESSION))


def test_a_scheduler_that_stops_trials_trains_the_others_to_the_end(home: Path) -> None:
    plan = plan_of(scheduler="front_asha", trials=6, confirm=False)
    phases = new(plan)
    (search,) = (phase for phase in phases if phase.executor == SEARCH)
    assert {a.fidelity for a in search.undecided} == {"joint", "policy"}
    assert all(a.rungs == plan.rungs != () for a in search.undecided)
    (joint,) = (phase for phase in phases if phase.title.endswith("jointly"))
    assert len(joint.undecided) == 2, "the published setting and always-on"


def test_contested_configurations_get_one_more_seed_at_a_time(home: Path) -> None:
    plan = plan_of(confirm_seeds=2, confirm_until=5)

    def on_front(key: str, seeds: int) -> float:
        return 0.5 if key == "rgb" and seeds < 4 else 1.0

    study = simulated(plan, on_front=on_front)
    study.run()
    summaries = [title for title in study.titles if title.startswith("summarising")]
    assert summaries == [f"summarising {n} fresh seeds" for n in (2, 3, 4)]
    retrained = {k for k in study.keys if k.startswith("confirm ") and "-seed-1003" in k}
    assert retrained == {
        "confirm confirm-rgb-seed-1003 joint",
        "confirm confirm-trial-000-seed-1003 joint",
    }
    assert not any("-seed-1005" in key for key in study.keys), "it was decided before"
    assert remaining(plan, read_study(plan.folder), SESSION) == []


def test_retraining_does_not_change_what_the_search_chose(home: Path) -> None:
    plan = plan_of()
    simulated(plan).run()
    record = read_study(plan.folder)
    chosen = [t.id for t in record.trials if t.tags.get("chosen") == "true"]
    better = next(t for t in record.trials if t.id == "confirm-trial-000-seed-1001")
    journal = Journal(plan.folder / "trials" / better.id / "journal.jsonl")
    journal.append("final", fidelity="joint", metrics={**better.final, "quality": 1.0})
    assert remaining(plan, read_study(plan.folder), SESSION) == []
    assert chosen == [
        t.id for t in read_study(plan.folder).trials if t.tags.get("chosen") == "true"
    ]


def test_a_second_summary_covers_candidates_that_came_later(home: Path) -> None:
    simulated(plan_of(confirm_front=False)).run()
    study = simulated(plan_of(confirm_front=True))
    study.run()
    assert "summarising 3 fresh seeds" in study.titles
    assert {k for k in study.keys if k.startswith("test_videos confirm-rgb")}
