"""The space of the tiny recipe: as the demo's, over conv3 alone."""

from collections.abc import Sequence
from typing import Any

import optuna
from adamml.config import MODALITIES

from search_spaces.demo import LOG_RANGES, RANGES
from search_spaces.kinetics_sounds import suggest

TRIALS, JOINT = 4, 1
SCHEDULER, FIRST_RUNG, ETA = "fifo", 1, 2
CONFIRM_FRONT = True
RECOGNITION: dict[str, tuple[str, ...]] = dict.fromkeys(MODALITIES, ("conv3",))


def space(trial: optuna.Trial, modalities: Sequence[str]) -> dict[str, Any]:
    """Suggest one point; returns its constants."""
    return suggest(trial, modalities, RECOGNITION, LOG_RANGES, RANGES)
