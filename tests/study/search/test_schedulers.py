from dataclasses import replace
from types import SimpleNamespace

import pytest
from adamml.objectives.table import OBJECTIVES
from adamml.records import EpochRecord, TrialRecord
from adamml.study.search.schedulers import (
    SCHEDULERS,
    Halving,
    SuccessiveHalving,
    build_scheduler,
    geometric_rungs,
)
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

REFERENCE = (0.125, 1.0)
GO, STOP = TrialScheduler.CONTINUE, TrialScheduler.STOP


def scheduler(name: str = "front_asha", eta: int = 2, **fields: object) -> TrialScheduler:
    return build_scheduler(name, Halving(first_rung=2, eta=eta), 6, REFERENCE, **fields)  # type: ignore[arg-type]


def told(
    scheduler: TrialScheduler, number: int, accuracy: float, gflops: float, policy_epoch: int = 2
) -> str:
    trial = SimpleNamespace(config={"spec": {"id": f"trial-{number:03d}"}})
    result = {"policy_epoch": policy_epoch, "quality": accuracy, "gflops": gflops}
    return str(scheduler.on_trial_result(None, trial, result))


def test_rungs_end_before_the_trial_does() -> None:
    assert geometric_rungs(Halving(first_rung=2, eta=3), 6) == (2,)
    assert geometric_rungs(Halving(first_rung=1, eta=2), 9) == (1, 2, 4, 8)
    assert geometric_rungs(Halving(first_rung=2, eta=3), 2) == ()
    for wrong in ({"first_rung": 0}, {"eta": 1}):
        with pytest.raises(ValueError, match="first_rung must be at least 1 and eta at least 2"):
            geometric_rungs(Halving(**wrong), 6)


def test_both_ends_of_the_front_go_on_and_what_they_beat_stops() -> None:
    asha = scheduler()
    assert told(asha, 0, 0.9, 0.9) == GO
    assert told(asha, 1, 0.5, 0.1) == GO, "cheap, and beaten by nothing: a tie by contribution"
    assert told(asha, 2, 0.8, 0.95) == STOP
    assert told(asha, 3, 0.4, 0.2) == STOP
    assert told(asha, 4, 0.95, 0.85) == GO


def test_accuracy_alone_would_have_stopped_the_cheap_one() -> None:
    """What the order by a scalar cannot do: keep two ends that it values less than the middle."""
    trials = [(0.7, 0.30), (0.72, 0.32), (0.3, 0.02), (0.99, 0.9)]
    ends = {2, 3}
    by_front, by_scalar = (
        {n for n, (a, g) in enumerate(trials) if told(asha, n, a, g) == GO}
        for asha in (scheduler("front_asha"), scheduler("scalar_asha"))
    )
    assert ends <= by_front
    assert not ends <= by_scalar


def test_it_is_asked_at_rungs_only_and_once() -> None:
    asha = scheduler()
    told(asha, 0, 0.9, 0.1)
    assert told(asha, 1, 0.2, 0.9, policy_epoch=1) == GO
    assert told(asha, 1, 0.2, 0.9, policy_epoch=3) == GO
    assert told(asha, 1, 0.2, 0.9) == STOP
    trial = SimpleNamespace(config={"spec": {"id": "trial-001"}})
    warm_up = {"policy_epoch": 0, "quality": 0.1, "gflops": 9.0}
    final = {"quality": 0.1, "gflops": 9.0, "fidelity": "policy"}
    assert asha.on_trial_result(None, trial, warm_up) == GO
    assert asha.on_trial_result(None, trial, final) == GO


def test_a_study_that_goes_on_remembers_who_was_at_which_rung() -> None:
    metrics = {"policy_epoch": 2, "quality": 0.9, "gflops": 0.1}
    epoch = EpochRecord(epoch=2, stage="policy_only", time=0.0, metrics=metrics)
    asha = scheduler(history=[TrialRecord(id="trial-002", epochs=[epoch])])
    assert told(asha, 3, 0.5, 0.5) == STOP
    assert told(asha, 2, 0.1, 0.9) == GO, "was there before the interruption"


def test_one_in_eta_goes_on_in_the_long_run() -> None:
    """Points in random order from a cloud without a front worth the name."""
    import numpy as np

    dice = np.random.default_rng(0)
    asha = scheduler(eta=3)
    gone = [told(asha, n, *dice.uniform(0.1, 0.9, 2)) for n in range(90)]
    assert 0.25 < gone.count(GO) / len(gone) < 0.5
    assert isinstance(asha, SuccessiveHalving)
    assert asha.debug_string() == "90 at rung 2"


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_lets_the_first_go_on(name: str) -> None:
    assert told(scheduler(name), 0, 0.1, 0.9) == GO


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_stops_trials_at_its_rungs_and_nowhere_else(name: str) -> None:
    """Each trial is worse than all before it in every objective."""
    entry, policy_epochs = SCHEDULERS[name], 6
    rungs = entry.rungs(Halving(first_rung=2, eta=2), policy_epochs)
    assert all(0 < rung < policy_epochs for rung in rungs)
    assert entry.stops_early == bool(rungs)
    scheduler = entry.build(rungs, 2, REFERENCE, [])
    stopped = set()
    for number in range(4):
        for epoch in range(policy_epochs + 1):
            worse = 0.1 * number
            if told(scheduler, number, 0.9 - worse, 0.1 + worse, epoch) == STOP:
                stopped.add(epoch)
    assert stopped == set(rungs)


@pytest.mark.parametrize("name", [name for name, entry in SCHEDULERS.items() if entry.stops_early])
def test_every_scheduler_that_stops_trials_ranks_by_every_objective(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trials differ in one objective only: the best goes on and the worst stops."""
    toy = replace(OBJECTIVES["gflops"], worst=lambda bounds: 100.0)
    monkeypatch.setitem(OBJECTIVES, "parameters", toy)
    values = {key: [0.2, 0.8] for key in OBJECTIVES}
    for key, objective in OBJECTIVES.items():
        scheduler = build_scheduler(name, Halving(first_rung=2, eta=2), 6, (0.125, 1.0, 100.0))
        verdicts = {}
        for value in (0.5, *values[key]):
            trial = SimpleNamespace(config={"spec": {"id": str(value)}})
            result = {"policy_epoch": 2, **dict.fromkeys(OBJECTIVES, 0.5), key: value}
            verdicts[value] = scheduler.on_trial_result(None, trial, result)
        best, worst = (0.8, 0.2) if objective.maximised else (0.2, 0.8)
        assert verdicts[best] == GO
        assert verdicts[worst] == STOP or worst == 0.2, "the second of two: half of them go on"


def test_fifo_stops_nobody_and_a_typo_is_named() -> None:
    fifo = scheduler("fifo")
    assert isinstance(fifo, FIFOScheduler)
    assert [told(fifo, n, 0.1, 0.9) for n in range(5)] == [GO] * 5
    with pytest.raises(ValueError, match=r"unknown scheduler 'asha'; choose from .*front_asha"):
        scheduler("asha")
