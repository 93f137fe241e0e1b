"""Contract of every search space, and the rules of StudySpace."""

from dataclasses import replace
from typing import Any

import optuna
import pytest
from adamml.config import MODALITIES, override
from adamml.recipes import RECIPES
from adamml.study.options.jobs import SweepOptions
from adamml.study.options.sweep import resolve

from search_spaces import SPACES, space_of

every_recipe = pytest.mark.parametrize("recipe", SPACES)


@every_recipe
def test_a_space_has_a_backbone_for_every_modality(recipe: str) -> None:
    assert set(space_of(recipe).recognition) == set(MODALITIES)


@every_recipe
def test_a_trial_is_asked_only_for_what_its_recipe_has(recipe: str) -> None:
    config = RECIPES[recipe](("rgb", "audio"))
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(0)).ask()
    constants = space_of(recipe).suggest(trial, config.modalities)
    override(config, trial.params | constants)


@every_recipe
def test_the_name_is_that_of_the_module_that_defines_it(recipe: str) -> None:
    space = space_of(recipe)
    module = __import__(space.name, fromlist=["SPACE"])
    assert module.SPACE is space


@pytest.mark.parametrize("recipe", ["demo", "tiny"])
def test_a_sweep_without_options_takes_the_defaults_of_its_space(recipe: str) -> None:
    plan = resolve(SweepOptions(recipe=recipe), space_of)
    space = space_of(recipe)
    assert plan.settings.space == f"search_spaces.{recipe}"
    assert (plan.trials, plan.joint) == (space.trials, space.joint)
    defaults = {"scheduler": space.scheduler, "first_rung": space.first_rung, "eta": space.eta}
    assert defaults.items() <= plan.settings.search.items()
    assert plan.confirm.whole_front == space.confirm_front


def test_an_option_takes_precedence_over_the_default_of_the_space() -> None:
    options = SweepOptions(recipe="tiny", trials=7, joint=2, eta=3, confirm_front=False)
    plan = resolve(options, space_of)
    assert (plan.trials, plan.joint, plan.settings.search["eta"]) == (7, 2, 3)
    assert plan.confirm.whole_front is False


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown recipe 'kinetics'; choose from activitynet, "):
        space_of("kinetics")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trials": 1}, "trials must be at least 2, got 1"),
        ({"joint": 0}, "joint must be at least 1, got 0"),
        ({"joint": 5}, "joint must be at most trials, 4, got 5"),
        ({"first_rung": 0}, "first_rung must be at least 1, got 0"),
        ({"eta": 1}, "eta must be at least 2, got 1"),
        (
            {"recognition": {"rgb": ()}},
            r"a backbone per modality, got none for \['rgb'\]",
        ),
    ],
)
def test_a_space_that_no_study_could_search_is_refused(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        replace(space_of("tiny"), **changes)
