from pathlib import Path

import pytest
from adamml.records import EpochRecord, StudyRecord, TrialRecord
from adamml.study.running.progress import Expected, remaining


def study(*stages: str, seconds: float = 10.0) -> StudyRecord:
    epochs = [
        EpochRecord(epoch=n, stage=stage, time=seconds * n, metrics={})
        for n, stage in enumerate(stages, start=1)
    ]
    trial = TrialRecord(id="t", starts=[0.0], epochs=epochs)
    return StudyRecord(name="s", folder=Path(), trials=[trial])


def expected(slots: int = 1, **epochs: int) -> Expected:
    return Expected(epochs=epochs, slots=slots, trials=1)


def test_nothing_is_estimated_before_anything_was_timed() -> None:
    assert remaining(study(), expected(unimodal=4)) == (None, 0.0)


def test_time_left_is_that_of_the_epochs_left() -> None:
    left, fraction = remaining(study("unimodal"), expected(unimodal=4))
    assert (left, fraction) == (30.0, 0.25)


def test_slots_share_what_is_left() -> None:
    assert remaining(study("unimodal"), expected(slots=3, unimodal=4))[0] == 10.0


def test_a_stage_not_seen_yet_costs_what_the_dearest_does() -> None:
    left, _ = remaining(study("unimodal"), expected(unimodal=1, alternating=2, policy_only=10))
    assert left == pytest.approx(2 * 10 + 10 * 1)


def test_the_dearest_network_counts_not_the_mean_of_its_stage() -> None:
    found = study("unimodal", seconds=2.0)
    found.trials += study("unimodal", seconds=30.0).trials
    left, _ = remaining(found, expected(unimodal=2, alternating=1))
    assert left == pytest.approx(30)


def test_nothing_is_estimated_while_a_network_is_in_its_first_epoch() -> None:
    found = study("unimodal", seconds=2.0)
    found.trials.append(TrialRecord(id="rgb", kind="unimodal", starts=[0.0]))
    assert remaining(found, expected(unimodal=2)) == (None, 0.0)


def test_more_epochs_than_expected_leave_nothing() -> None:
    left, fraction = remaining(study("unimodal", "unimodal"), expected(unimodal=1))
    assert (left, fraction) == (0.0, 1.0)


def test_a_pause_between_two_attempts_is_no_epochs_time() -> None:
    found = study("policy_only", "alternating", seconds=1000.0)
    found.trials[0].starts = [990.0, 1995.0]
    left, _ = remaining(found, expected(policy_only=2, alternating=3))
    assert left == pytest.approx(1 * 10 + 2 * 5)
