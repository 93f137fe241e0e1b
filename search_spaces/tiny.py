"""The space of the tiny recipe: as the demo's, over conv3 alone."""

from typing import Any

import optuna

from search_spaces.demo import LOG_RANGES, RANGES
from search_spaces.kinetics_sounds import suggest

TRIALS, JOINT = 4, 1
RECOGNITION: dict[str, tuple[str, ...]] = {"rgb": ("conv3",), "audio": ("conv3",)}


def space(trial: optuna.Trial) -> dict[str, Any]:
    """Suggest one point; returns its constants."""
    return suggest(trial, RECOGNITION, LOG_RANGES, RANGES)
