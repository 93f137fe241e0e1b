"""Search spaces: one module per kind of study.

Each has RECOGNITION (backbones by modality), space(trial), and what a study does that is not told
otherwise: TRIALS in all; SCHEDULER says who stops them (an entry of study.schedulers.ORDERS), at
FIRST_RUNG policy epochs and at ETA times as many; with fifo, JOINT of them and always-on fusion are
trained jointly after a policy-only stage; CONFIRM_FRONT says whether the whole front is then
retrained with fresh seeds, or the chosen point.
"""

import importlib
from types import ModuleType

SPACES = {
    "demo": "demo",
    "tiny": "tiny",
    "kinetics_sounds": "kinetics_sounds",
    # The same networks and schedules; only their classes differ.
    "activitynet": "kinetics_sounds",
    "fcvid": "kinetics_sounds",
    "mini_sports1m": "kinetics_sounds",
}
"""Recipe -> its module."""


def space_of(recipe: str) -> ModuleType:
    """The search space module of a recipe."""
    if recipe not in SPACES:
        raise ValueError(f"unknown recipe {recipe!r}; choose from {', '.join(sorted(SPACES))}")
    return importlib.import_module(f"search_spaces.{SPACES[recipe]}")
