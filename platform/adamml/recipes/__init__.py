"""Recipes: functions that take the modalities of a task and return a complete config.

Read published first: the paper's datasets with the released code's settings. built_in has the
recipes of the built-in dataset, which need no videos of the user's; tasks says what follows from
the modalities alone. A new recipe is a function and an entry of RECIPES.
"""

from collections.abc import Callable

from adamml.config import Config
from adamml.recipes.built_in import demo, tiny
from adamml.recipes.published import activitynet, fcvid, kinetics_sounds, mini_sports1m
from adamml.recipes.tasks import Modalities, lambdas, parse_task

__all__ = [
    "RECIPES",
    "activitynet",
    "demo",
    "fcvid",
    "kinetics_sounds",
    "lambdas",
    "mini_sports1m",
    "parse_task",
    "tiny",
]

RECIPES: dict[str, Callable[[Modalities], Config]] = {
    "activitynet": activitynet,
    "demo": demo,
    "fcvid": fcvid,
    "kinetics_sounds": kinetics_sounds,
    "mini_sports1m": mini_sports1m,
    "tiny": tiny,
}
"""Name -> the function that makes its config."""
