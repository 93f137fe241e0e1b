from pathlib import Path

import pytest
from adamml.journal import Journal, read_journal
from adamml.recipes import tiny
from adamml.study.running.rehearsal import NoSlots, WorkLeft
from adamml.study.running.runner import Runner, prepare, prepare_spec
from adamml.study.specs import Spec


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    Journal(tmp_path / "journal.jsonl").append("start", name="n", params={})
    return Runner(tmp_path, tiny(), NoSlots())


def test_decoding_is_left_out_and_not_written_down(runner: Runner) -> None:
    prepare(runner, 2, {}, "train")
    assert runner.run([prepare_spec("decode test", {}, "test")], "unimodal") == {}
    assert [event["event"] for event in read_journal(runner.folder / "journal.jsonl")] == ["start"]


def test_a_trial_that_is_to_be_run_is_work_left(runner: Runner) -> None:
    spec: Spec = {"kind": "trial", "id": "trial-000", "overrides": {}}
    with pytest.raises(WorkLeft):
        runner.run([spec, prepare_spec("decode test", {}, "test")], "policy")
    with pytest.raises(WorkLeft):
        _ = runner.slots.dispatcher
