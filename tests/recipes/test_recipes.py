"""Recipes: every dataset of the paper, for every task."""

from dataclasses import replace

import pytest
from adamml.config import flatten
from adamml.cost.flops import count_costs
from adamml.recipes import RECIPES, demo, kinetics_sounds, parse_task, tiny

from search_spaces import SPACES, space_of

TASKS = ["rgb+audio", "rgb+flow", "rgb+flow+audio"]
CLASSES = {"kinetics_sounds": 31, "activitynet": 200, "fcvid": 239, "mini_sports1m": 487}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("recipe", CLASSES)
def test_the_papers_datasets_differ_in_their_classes_only(recipe: str, task: str) -> None:
    modalities = parse_task(task)
    config, parent = RECIPES[recipe](modalities), kinetics_sounds(modalities)
    assert (config.recipe, config.data.num_classes) == (recipe, CLASSES[recipe])
    assert replace(config, recipe=parent.recipe, data=parent.data) == parent
    changed = {path for path, v in flatten(config).items() if flatten(parent)[path] != v}
    assert changed <= {"recipe", "data.num_classes"}


@pytest.mark.parametrize(
    ("task", "lambdas"),
    [
        ("rgb+audio", {"rgb": 1.0, "audio": 0.05}),
        ("rgb+flow", {"rgb": 1.0, "flow": 1.0}),
        ("rgb+flow+audio", {"rgb": 0.5, "audio": 0.05, "flow": 0.8}),
    ],
)
def test_the_published_tasks_have_their_lambdas_and_proxy(
    task: str, lambdas: dict[str, float]
) -> None:
    config = kinetics_sounds(parse_task(task))
    assert config.loss.lambdas == lambdas
    assert config.policy_inputs == {m: "rgbdiff" if m == "flow" else m for m in config.modalities}


def test_only_the_classifiers_of_the_datasets_cost_differently() -> None:
    kinetics, sports = (
        count_costs(RECIPES[name](("rgb", "audio")), CLASSES[name])
        for name in ("kinetics_sounds", "mini_sports1m")
    )
    assert kinetics.classifier == {"rgb": 2048 * 31, "audio": 1280 * 31}
    assert sports.classifier == {"rgb": 2048 * 487, "audio": 1280 * 487}
    assert sports.recognition == kinetics.recognition
    assert sports.segment_fixed == kinetics.segment_fixed


def test_only_the_built_in_recipes_bring_their_own_videos() -> None:
    with_synthetic = {
        name for name, recipe in RECIPES.items() if recipe(("rgb",)).data.synthetic is not None
    }
    assert with_synthetic == {demo().recipe, tiny().recipe}


def test_every_recipe_has_a_space() -> None:
    assert sorted(SPACES) == sorted(RECIPES)
    for name in RECIPES:
        space = space_of(name)
        assert set(space.recognition) >= {"rgb", "audio", "flow", "rgbdiff"}
