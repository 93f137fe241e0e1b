from functools import partial
from typing import Any

import optuna
import pytest
from adamml.config import flatten, override
from adamml.recipes import RECIPES, parse_task, tiny
from adamml.records import TrialRecord
from adamml.study.search.searchers import SAMPLERS, StudySearch, contains
from adamml.study.specs import sampled
from optuna.trial import TrialState

from search_spaces import SPACES, space_of

ASSIGN = partial(sampled, {}, "policy", (2,))
SPACE = partial(space_of("tiny").suggest, modalities=("rgb", "audio"))


def search(history: list[TrialRecord], seed: int = 0, **options: Any) -> StudySearch:
    return StudySearch(SPACE, seed=seed, history=history, first_number=2, assign=ASSIGN, **options)


def finished(search: StudySearch, count: int) -> list[TrialRecord]:
    records = []
    for number in range(count):
        config = search.suggest(f"tune{number}")["spec"]
        final = {"quality": 0.5 + 0.01 * number, "gflops": 1.0 + number, "fidelity": "policy"}
        search.on_trial_complete(f"tune{number}", final)
        records.append(TrialRecord(id=config["id"], overrides=config["overrides"], final=final))
    return records


def test_ids_are_ours_and_go_on_after_the_baselines() -> None:
    records = finished(search([]), 3)
    assert [r.id for r in records] == ["trial-002", "trial-003", "trial-004"]


def test_whoever_waits_hears_that_a_trial_ended_however_it_did() -> None:
    ended: list[str] = []
    found = search([], on_end=ended.append)
    for number, (result, error) in enumerate(
        [(WHOLE, False), ({"quality": 0.5}, False), ({}, True)]
    ):
        key = found.suggest(f"t{number}")["key"]
        assert key not in ended
        found.on_trial_complete(f"t{number}", result, error=error)
        assert ended[number:] == [key], "the key under which the relay submitted it"


def test_history_is_told_and_not_repeated() -> None:
    records = finished(search([]), 3)
    again = search(records)
    told = again._ot_study.trials
    assert [t.values for t in told] == [[r.final["quality"], r.final["gflops"]] for r in records]
    assert all(t.state == optuna.trial.TrialState.COMPLETE for t in told)
    new = again.suggest("x")["spec"]
    assert new["id"] == "trial-005"
    assert new["overrides"] not in [r.overrides for r in records]


def test_interrupted_trials_come_first_under_their_own_ids() -> None:
    first = search([])
    interrupted = first.suggest("a")["spec"]
    record = TrialRecord(id=interrupted["id"], overrides={"seed": 0, **interrupted["overrides"]})
    again = search([record])
    assert again.suggest("b")["spec"] == interrupted
    assert again.suggest("c")["spec"]["id"] == "trial-003"


def test_known_points_come_first_and_only_once() -> None:
    known = {**flatten(tiny()), "loss.gamma": 1.5}
    outside = {**known, "loss.gamma": 1e6}
    found = search([], first_points=[outside, known])
    records = finished(found, 2)
    assert records[0].overrides["loss.gamma"] == 1.5
    assert records[0].overrides["gumbel.temperature"] == 5.0
    assert records[1].overrides["loss.gamma"] != 1.5
    again = search(records, first_points=[known]).suggest("x")["spec"]
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
        constants = space.suggest(trial, modalities)
        config = override(RECIPES[recipe](modalities), {**trial.params, **constants})
        for modality in modalities:
            assert config.recognition[modality].name in space.recognition[modality]
    assert {"gumbel.temperature", "gumbel.decay", "loss.gamma", "policy_optimizer.lr"} <= set(
        trial.params
    )
    searched = {path for path in trial.params if path.startswith("loss.lambdas.")}
    assert searched == {f"loss.lambdas.{m}" for m in modalities}


def states(search: StudySearch) -> list[TrialState]:
    return [trial.state for trial in search._ot_study.trials]


HALF_TRAINED = {"quality": 0.9, "gflops": 0.1, "policy_epoch": 2}
WHOLE = {"quality": 0.5, "gflops": 0.4, "fidelity": "policy"}


def test_a_stopped_trial_is_pruned_and_stays_off_the_front() -> None:
    found = search([])
    for number, result in enumerate([HALF_TRAINED, WHOLE]):
        found.suggest(f"t{number}")
        found.on_trial_complete(f"t{number}", result)
    assert states(found) == [TrialState.PRUNED, TrialState.COMPLETE]
    assert [trial.values for trial in found._ot_study.best_trials] == [[0.5, 0.4]]


def test_a_failed_trial_has_failed_whatever_it_reported() -> None:
    found = search([])
    for number, result in enumerate([None, HALF_TRAINED, WHOLE]):
        found.suggest(f"t{number}")
        found.on_trial_complete(f"t{number}", result, error=True)
    assert states(found) == [TrialState.FAIL] * 3


def test_values_that_are_no_numbers_leave_no_trial_open() -> None:
    found = search([])
    found.suggest("t")
    found.on_trial_complete("t", WHOLE | {"quality": float("nan")})
    assert states(found) == [TrialState.FAIL]


def test_a_stopped_trial_of_the_journal_is_pruned_and_not_begun_again() -> None:
    first = search([])
    stopped = first.suggest("a")["spec"]
    record = TrialRecord(id=stopped["id"], overrides=stopped["overrides"], status="stopped")
    again = search([record])
    assert states(again) == [TrialState.PRUNED]
    assert again.suggest("b")["spec"]["id"] == "trial-003"


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_keeps_to_the_space_with_all_kinds_of_history(sampler: str) -> None:
    found = search([], sampler=sampler, max_gflops=0.3)
    for number in range(12):
        overrides = found.suggest(f"t{number}")["spec"]["overrides"]
        assert contains(SPACE, overrides)
        result = [WHOLE, WHOLE | {"gflops": 0.1 * number}, HALF_TRAINED][number % 3]
        found.on_trial_complete(f"t{number}", result, error=number == 7)
    again = search([], sampler=sampler)
    first = search([], sampler=sampler)
    assert again.suggest("x") == first.suggest("x"), "same seed, same suggestion"


def test_an_unknown_sampler_is_named() -> None:
    with pytest.raises(ValueError, match="unknown sampler 'tep'; choose from gp, nsga2, nsga3"):
        search([], sampler="tep")


def test_a_limit_on_gflops_is_told_as_a_constraint() -> None:
    found = search([], max_gflops=0.3)
    for number, gflops in enumerate([0.25, 0.4]):
        found.suggest(f"t{number}")
        found.on_trial_complete(f"t{number}", WHOLE | {"gflops": gflops})
    cheap, dear = found._ot_study.trials
    assert (cheap.constraints["max_gflops"] <= 0, dear.constraints["max_gflops"] <= 0) == (
        True,
        False,
    )
    assert found._ot_study.best_trials == [cheap]


def one_point(trial: optuna.Trial) -> dict[str, Any]:
    trial.suggest_categorical("recognition.rgb.name", ["conv3"])
    return {}


def test_a_point_asked_for_again_gets_another_seed() -> None:
    found = StudySearch(one_point, seed=5, history=[], first_number=2, assign=ASSIGN)
    seeds = [found.suggest(f"t{number}")["spec"]["overrides"].get("seed", 5) for number in range(3)]
    assert seeds == [5, 6, 7]
    history = [
        TrialRecord(id=f"trial-{n:03d}", overrides={"recognition.rgb.name": "conv3"}, final=WHOLE)
        for n in (2, 3)
    ]
    again = StudySearch(one_point, seed=5, history=history, first_number=2, assign=ASSIGN)
    assert again.suggest("t")["spec"]["overrides"]["seed"] == 7


def test_an_interrupted_trial_keeps_its_seed() -> None:
    record = TrialRecord(id="trial-004", overrides={"recognition.rgb.name": "conv3", "seed": 9})
    found = StudySearch(one_point, seed=5, history=[record], first_number=2, assign=ASSIGN)
    spec = found.suggest("t")["spec"]
    assert (spec["id"], spec["overrides"]) == ("trial-004", record.overrides)


def test_trials_of_an_earlier_study_teach_and_are_not_named() -> None:
    records = finished(search([]), 4)
    warm = search([], earlier=records, first_points=[{**flatten(tiny())}])
    assert states(warm)[:4] == [TrialState.COMPLETE] * 4
    marks = [trial.user_attrs.get("earlier") for trial in warm._ot_study.trials[:5]]
    assert marks == [*(r.id for r in records), None]
    assert warm.suggest("x")["spec"]["id"] == "trial-002"
