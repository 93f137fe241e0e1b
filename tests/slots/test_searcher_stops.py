"""The way of a stop: scheduler, searcher, dispatcher, slot; with real Ray, Tune and Optuna."""

import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest
from adamml.slots.pool import Slots
from adamml.slots.relay import relay_trainable
from adamml.study.search.schedulers import Halving, build_scheduler
from adamml.study.search.searchers import StudySearch
from adamml.study.specs import sampled
from adamml.trials.assignment import Assignment, Suggestion
from ray import tune

RUNG = 2


class SlowSearch(StudySearch):
    """A sampler that thinks, as a Gaussian process over many trials does."""

    seconds = 0.0

    def suggest(self, trial_id: str) -> dict[str, Any]:
        time.sleep(self.seconds)
        return dict(super().suggest(trial_id))


def space(trial: optuna.Trial) -> dict[str, Any]:
    """Every trial is worse than the one before."""
    return {"quality": 0.9 - 0.1 * trial.number}


def noop_trial(base: dict[str, Any], suggestion: Suggestion) -> Assignment:
    """The assignment of a suggestion, executed by noop_trials.train_policy."""
    return replace(sampled(base, "joint", (RUNG,), suggestion), kind="train_policy")


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 1.5])
def test_a_trial_that_is_stopped_hears_it_at_its_next_report(
    slots: Slots, folder: Path, seconds: float
) -> None:
    search = SlowSearch(
        space,
        sampler="random",
        seed=0,
        history=[],
        first_number=int(100 * seconds),
        assign=partial(noop_trial, {"speed": seconds}),
        on_end=slots.dispatcher.stop.remote,
    )
    search.seconds = seconds
    scheduler = build_scheduler("scalar_asha", Halving(first_rung=RUNG, eta=2), 8, (0.1, 2.0))
    tune.Tuner(
        relay_trainable(slots.dispatcher),
        tune_config=tune.TuneConfig(
            search_alg=search,
            scheduler=scheduler,
            num_samples=4,
            max_concurrent_trials=2,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(name=f"stops-{seconds}", storage_path=str(folder), verbose=0),
    ).fit()
    named = {assignment.key for assignment in search._assignments.values()}
    assert len(named) == 4
    assert named <= {*slots.state()["completed"], *slots.state()["stopped"]}, "under one name"
    notes = {note.name: note.read_text() for note in folder.glob("stopped-trial-*")}
    assert notes, "the worse of the trials are stopped"
    for text in notes.values():
        reason, epoch = text.split()
        assert reason == "stopped"
        assert int(epoch) in (RUNG, RUNG + 1), "at the rung, or at the next report"
