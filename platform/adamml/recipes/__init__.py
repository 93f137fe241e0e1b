"""Recipes: functions of the modalities that return a complete config."""

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
