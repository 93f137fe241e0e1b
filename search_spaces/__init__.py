"""Search spaces: a module per space, and the space of each recipe.

To add one, write a module with a SPACE and a line in SPACES.
"""

from adamml.study.options.space import StudySpace
from adamml.tables import lookup

from search_spaces import demo, kinetics_sounds, tiny

SPACES = {
    "demo": demo.SPACE,
    "tiny": tiny.SPACE,
    "kinetics_sounds": kinetics_sounds.SPACE,
    # These have the networks and schedules of kinetics_sounds; only their classes differ.
    "activitynet": kinetics_sounds.SPACE,
    "fcvid": kinetics_sounds.SPACE,
    "mini_sports1m": kinetics_sounds.SPACE,
}
"""Search space of each recipe."""


def space_of(recipe: str) -> StudySpace:
    """Return the search space of a recipe.

    Raises:
        ValueError: no recipe has this name.
    """
    return lookup(SPACES, recipe, what="recipe")
