"""How many videos and classes the papers report (paper.md 4)."""

from typing import NamedTuple


class Counts(NamedTuple):
    train: int
    evaluation: int
    classes: int


PUBLISHED = {
    "kinetics_sounds": Counts(22_521, 1_532, 31),
    "activitynet": Counts(10_024, 4_926, 200),
    "fcvid": Counts(45_611, 45_612, 239),
    "mini_sports1m": Counts(14_610, 4_870, 487),
}
"""By recipe."""
COMPARABLE = {
    "kinetics": ("kinetics_sounds",),
    "activitynet": ("activitynet",),
    "lists": ("activitynet", "fcvid", "mini_sports1m"),
    "sports1m": ("mini_sports1m",),
    "reference": tuple(PUBLISHED),
}
"""Format -> recipes whose data it may hold."""


def published_as(format: str, classes: int) -> str | None:
    """The recipe of which annotations in a format with so many classes are the data, by the number
    of its classes; None where there is none."""
    return next((r for r in COMPARABLE.get(format, ()) if PUBLISHED[r].classes == classes), None)
