from pathlib import Path

import pytest
from adamml.config import override
from adamml.recipes import tiny
from adamml.records import EpochRecord, StudyRecord, TrialRecord
from adamml.study.running.expected import epochs_left, estimate, time_left
from adamml.study.running.phase import Phase
from adamml.trials.assignment import Assignment


def study(*stages: str, seconds: float = 10.0) -> StudyRecord:
    epochs = [
        EpochRecord(epoch=n, stage=stage, time=seconds * n, metrics={})
        for n, stage in enumerate(stages, start=1)
    ]
    trial = TrialRecord(id="t", starts=[0.0], epochs=epochs)
    return StudyRecord(name="s", folder=Path(), trials=[trial])


def test_nothing_is_estimated_before_anything_was_timed() -> None:
    assert time_left(study(), {"unimodal": 4}, 1) == (None, 0.0)


def test_time_left_is_that_of_the_epochs_left() -> None:
    assert time_left(study("unimodal"), {"unimodal": 3}, 1) == (30.0, 0.25)


def test_slots_share_what_is_left() -> None:
    assert time_left(study("unimodal"), {"unimodal": 3}, 3)[0] == 10.0


def test_a_stage_not_seen_yet_costs_what_the_dearest_does() -> None:
    left, _ = time_left(study("unimodal"), {"alternating": 2, "policy_only": 10}, 1)
    assert left == pytest.approx(2 * 10 + 10 * 1)


def test_the_dearest_network_counts_not_the_mean_of_its_stage() -> None:
    record = study("unimodal", seconds=2.0)
    record.trials += study("unimodal", seconds=30.0).trials
    assert time_left(record, {"alternating": 1}, 1)[0] == pytest.approx(30)


def test_nothing_is_estimated_while_a_network_is_in_its_first_epoch() -> None:
    record = study("unimodal", seconds=2.0)
    record.trials.append(TrialRecord(id="rgb", kind="unimodal", starts=[0.0]))
    assert time_left(record, {"unimodal": 1}, 1) == (None, 0.0)


def test_without_epochs_left_all_is_done() -> None:
    assert time_left(study("unimodal", "unimodal"), {}, 1) == (0.0, 1.0)


def test_a_pause_between_two_attempts_is_no_epochs_time() -> None:
    record = study("policy_only", "alternating", seconds=1000.0)
    record.trials[0].starts = [990.0, 1995.0]
    left, _ = time_left(record, {"policy_only": 1, "alternating": 2}, 1)
    assert left == pytest.approx(1 * 10 + 2 * 5)


def test_epochs_left_are_those_of_each_fidelity_that_a_trial_has_not_done() -> None:
    config, record = tiny(), study("policy_only")  # two policy-only epochs, then one of each
    trial = Assignment(kind="trial", id="t", fidelity="policy")
    assert epochs_left([trial], record, config) == {"policy_only": 1}
    joint = Assignment(kind="trial", id="t", fidelity="joint")
    expected = {"policy_only": 1, "warm_up": 1, "alternating": 1, "fine_tuning": 1}
    assert epochs_left([joint], record, config) == expected
    network = Assignment(kind="unimodal", id="n", fidelity="unimodal", modality="rgb")
    assert epochs_left([network], record, config) == {"unimodal": config.unimodal["rgb"].epochs}
    untrained = {"stages.warm_up": 0, "stages.policy_only": 0}
    fewer = Assignment(kind="fusion", id="f", fidelity="joint", overrides=untrained)
    assert epochs_left([fewer], record, config) == {"alternating": 1, "fine_tuning": 1}
    assert override(config, untrained).stages["alternating"] == 1


def test_retrainings_are_counted_once_the_candidates_are_known() -> None:
    stand_in = Assignment(kind="confirm", id="c", fidelity="joint")
    search = Phase(title="searching", undecided=(stand_in,))
    retraining = Phase(title="retraining", undecided=(stand_in,))
    assert estimate(study(), [search, retraining], tiny(), 1).retrainings == 0
    known = Phase(title="retraining", assignments=(stand_in,))
    expected = estimate(study(), [known], tiny(), 1)
    assert (expected.retrained, expected.retrainings) == (0, 1)
