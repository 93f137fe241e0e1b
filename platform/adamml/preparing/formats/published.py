"""Numbers of videos and classes that the papers report (docs/paper.md 4)."""

from collections.abc import Sequence
from typing import NamedTuple


class Counts(NamedTuple):
    """Size of a published dataset."""

    train: int
    """Number of training videos."""
    evaluation: int
    """Number of videos that the paper reports on."""
    classes: int
    """Number of classes."""


PUBLISHED = {
    "kinetics_sounds": Counts(22_521, 1_532, 31),
    "activitynet": Counts(10_024, 4_926, 200),
    "fcvid": Counts(45_611, 45_612, 239),
    "mini_sports1m": Counts(14_610, 4_870, 487),
}
"""Published counts by recipe."""


def recipe_with_classes(recipes: Sequence[str], classes: int) -> str | None:
    """Return which of these recipes was published with so many classes.

    Returns:
        A key of PUBLISHED; None where no recipe has this number of classes.
    """
    return next((recipe for recipe in recipes if PUBLISHED[recipe].classes == classes), None)
