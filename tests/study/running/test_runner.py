"""A run over the journals that an earlier one left, and over failures."""

import json
from pathlib import Path

import pytest
from adamml.journal import Journal, read_journal
from adamml.records import read_trial
from adamml.study.options.jobs import SweepOptions
from adamml.study.options.sweep import resolve
from adamml.study.running.errors import StudyError
from adamml.study.running.phase import Phase, Session
from adamml.study.running.runner import Runner
from adamml.study.specs import decoding
from adamml.trials.assignment import Assignment

from search_spaces import space_of

TRIAL = Assignment(kind="trial", id="t", fidelity="policy", method="adamml", name="t")
DATA = {"bad": json.dumps({"a.mp4": "no video"}), "silent": 1, "videos": 4}


class FakeSlots:
    """Slots that report at once and end as they are told to."""

    def __init__(self, **ends: str) -> None:
        self.ends, self.ran = ends, list[str]()

    def run(self, specs, *, on_report, then):  # type: ignore[no-untyped-def]
        ends = {}
        while specs:
            for key, spec in specs.items():
                self.ran.append(key)
                status = self.ends.get(spec["kind"], "completed")
                if spec["kind"] == "prepare":
                    on_report(key, {"epoch": 0, **DATA})
                ends[key] = {
                    "status": status,
                    "error": "ValueError: why" if status == "failed" else None,
                }
            specs = then()
        return ends


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADAMML_HOME", str(tmp_path))
    return tmp_path / "studies" / "s"


def runner_of(folder: Path, phases: list[Phase], slots: FakeSlots) -> Runner:
    plan = resolve(SweepOptions(recipe="tiny", name="s"), space_of)
    Journal(folder / "journal.jsonl").append("start", name="s", params={})

    def left(study: object, session: Session) -> list[Phase]:
        return [p for p in phases if not {a.key for a in p.assignments} <= session.settled]

    session = Session(data="", relevance_known=False)
    return Runner(plan, session, left, slots, executors={}, begin=lambda phase: None)  # type: ignore[arg-type]


@pytest.mark.parametrize("cut", [2, 1, 0])
def test_a_study_that_continues_ends_a_trial_that_only_lacked_its_last_line(
    cut: int, folder: Path
) -> None:
    """A sampled trial that has its final metrics is never run again."""
    path = folder / "trials" / "t" / "journal.jsonl"
    journal = Journal(path)
    journal.append(
        "start", id="t", kind="trial", method="adamml", name="t", overrides={}, params={}
    )
    journal.append("final", fidelity="policy", metrics={"quality": 0.5, "gflops": 0.1})
    journal.append("end", status="completed", error=None)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[: len(lines) - cut]))
    runner_of(folder, [], FakeSlots()).run()
    assert read_trial(path.parent).status == ("running" if cut == 2 else "completed")
    assert path.read_text().count('"end"') == (0 if cut == 2 else 1)
    runner = runner_of(folder, [], FakeSlots())
    runner.note_failure(TRIAL, "the dispatcher died")
    runner.run()
    assert read_trial(path.parent).status == ("failed" if cut == 2 else "completed")


def test_a_trial_that_fails_is_written_down_and_stops_nothing(folder: Path) -> None:
    other = Assignment(kind="fusion", id="f", fidelity="policy")
    slots = FakeSlots(trial="failed")
    runner = runner_of(folder, [Phase(title="x", assignments=(TRIAL, other))], slots)
    runner.run()
    assert runner.failed == {"t": "ValueError: why"}
    assert read_trial(folder / "trials" / "t").status == "failed"
    assert slots.ran == [TRIAL.key, other.key]


def test_a_network_that_fails_ends_the_study_by_name(folder: Path) -> None:
    network = Assignment(kind="unimodal", id="unimodal-rgb", fidelity="unimodal")
    slots = FakeSlots(unimodal="failed")
    runner = runner_of(folder, [Phase(title="x", assignments=(network,))], slots)
    with pytest.raises(StudyError, match="unimodal unimodal-rgb unimodal failed: ValueError: why"):
        runner.run()


def test_what_decoding_found_is_written_down_once(folder: Path) -> None:
    phase = Phase(title="decoding videos", assignments=(decoding("train 0", {}, "train"),))
    for _ in range(2):
        runner_of(folder, [phase], FakeSlots()).run()
    events = [e for e in read_journal(folder / "journal.jsonl") if e["event"] == "data"]
    assert len(events) == 1
    assert events[0]["bad"] == {"a.mp4": "no video"}
    assert (events[0]["silent"], events[0]["videos"]) == (1, 4)


def test_a_phase_that_changes_nothing_is_our_mistake_and_no_endless_loop(folder: Path) -> None:
    runner = runner_of(folder, [], FakeSlots())
    runner._remaining = lambda study, session: [Phase(title="x", undecided=(TRIAL,))]
    with pytest.raises(AssertionError, match="phase 'x' changes nothing"):
        runner.run()
