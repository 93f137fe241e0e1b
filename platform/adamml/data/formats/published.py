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
