"""Search spaces, one module per recipe.

Each has RECOGNITION (backbones by modality), space(trial), and the size of a study that is not told
otherwise: TRIALS in all; JOINT of them, and always-on fusion, are trained jointly afterwards;
CONFIRM_FRONT says whether the whole front is then retrained with fresh seeds, or the chosen point.
"""

import importlib
from types import ModuleType

SPACES = ("activitynet", "demo", "fcvid", "kinetics_sounds", "mini_sports1m", "tiny")


def space_of(recipe: str) -> ModuleType:
    """The search space module of a recipe."""
    if recipe not in SPACES:
        raise ValueError(f"unknown recipe {recipe!r}; choose from {', '.join(SPACES)}")
    return importlib.import_module(f"search_spaces.{recipe}")
