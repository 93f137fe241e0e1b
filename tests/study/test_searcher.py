from functools import partial
from typing import Any

import optuna
import pytest
from adamml.config import flatten, override
from adamml.recipes import RECIPES, parse_task, tiny
from adamml.records import TrialRecord
from adamml.study.searcher import StudySearch, Suggestion

from search_spaces import SPACES, space_of

SPACE = partial(space_of("tiny").space, modalities=("rgb", "audio"))


def plain(suggestion: Suggestion) -> dict[str, Any]:
    return {"id": suggestion.id, "overrides": suggestion.overrides}


def search(history: list[TrialRecord], seed: int = 0, **options: Any) -> StudySearch:
    return StudySearch(SPACE, seed=seed, history=history, first=2, as_config=plain, **options)


def finished(search: StudySearch, count: int) -> list[TrialRecord]:
    records = []
    for number in range(count):
        config = search.suggest(f"tune{number}")
        final = {"accuracy": 0.5 + 0.01 * number, "gflops": 1.0 + number}
        search.on_trial_complete(f"tune{number}", final)
        records.append(TrialRecord(id=config["id"], overrides=config["overrides"], final=final))
    return records


def test_ids_are_ours_and_go_on_after_the_baselines() -> None:
    records = finished(search([]), 3)
    assert [r.id for r in records] == ["trial-002", "trial-003", "trial-004"]


def test_history_is_told_and_not_repeated() -> None:
    records = finished(search([]), 3)
    again = search(records)
    told = again._ot_study.trials
    assert [t.values for t in told] == [[r.final["accuracy"], r.final["gflops"]] for r in records]
    assert all(t.state == optuna.trial.TrialState.COMPLETE for t in told)
    new = again.suggest("x")
    assert new["id"] == "trial-005"
    assert new["overrides"] not in [r.overrides for r in records]


def test_interrupted_trials_come_first_under_their_own_ids() -> None:
    first = search([])
    interrupted = first.suggest("a")
    record = TrialRecord(id=interrupted["id"], overrides={"seed": 0, **interrupted["overrides"]})
    again = search([record])
    assert again.suggest("b") == interrupted
    assert again.suggest("c")["id"] == "trial-003"


def test_known_points_come_first_and_only_once() -> None:
    known = {**flatten(tiny()), "loss.gamma": 1.5}
    outside = {**known, "loss.gamma": 1e6}
    found = search([], known=[outside, known])
    records = finished(found, 2)
    assert records[0].overrides["loss.gamma"] == 1.5
    assert records[0].overrides["gumbel.temperature"] == 5.0
    assert records[1].overrides["loss.gamma"] != 1.5
    again = search(records, known=[known]).suggest("x")
    assert again["overrides"]["gumbel.temperature"] != 5.0


def test_failed_trials_are_told_as_failed() -> None:
    subject = search([])
    subject.suggest("a")
    subject.on_trial_complete("a", error=True)
    assert [t.state for t in subject._ot_study.trials] == [optuna.trial.TrialState.FAIL]


@pytest.mark.parametrize("task", ["rgb+audio", "rgb+flow", "rgb+flow+audio", "audio", "rgbdiff"])
@pytest.mark.parametrize("recipe", SPACES)
def test_every_point_of_a_space_is_a_config(recipe: str, task: str) -> None:
    modalities, space = parse_task(task), space_of(recipe)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(20):
        trial = study.ask()
        constants = space.space(trial, modalities)
        config = override(RECIPES[recipe](modalities), {**trial.params, **constants})
        for modality in modalities:
            assert config.recognition[modality].name in space.RECOGNITION[modality]
    assert {"gumbel.temperature", "gumbel.decay", "loss.gamma", "policy_optimizer.lr"} <= set(
        trial.params
    )
    searched = {path for path in trial.params if path.startswith("loss.lambdas.")}
    assert searched == {f"loss.lambdas.{m}" for m in modalities}
