"""The demo's space: the shape of kinetics_sounds over one small backbone per modality.

With conv3 beside resnet10 for rgb, at a thirtieth of its cost, a study of 16 trials spent nearly
all of them there (EXPERIMENTS.md, 2026-11-22).
"""

from collections.abc import Sequence
from typing import Any

import optuna

from search_spaces.kinetics_sounds import suggest

TRIALS, JOINT = 20, 3
"""The best three of 20 trials were the best three of 40 at seed 0 (EXPERIMENTS.md, 2026-11-29)."""
SCHEDULER, FIRST_RUNG, ETA = "fifo", 4, 8
"""Four policy epochs are the whole policy-only stage: fewer say little (EXPERIMENTS.md)."""
CONFIRM_FRONT = False
RECOGNITION: dict[str, tuple[str, ...]] = {
    "rgb": ("resnet10",),
    "audio": ("conv3",),
    "flow": ("resnet10",),
    "rgbdiff": ("resnet10",),
}
LOG_RANGES = {
    "gumbel.temperature": (1.0, 10.0),
    "loss.lambdas.rgb": (0.3, 5.0),
    "loss.lambdas.audio": (0.005, 0.5),
    "loss.lambdas.flow": (0.3, 5.0),
    "loss.lambdas.rgbdiff": (0.3, 5.0),
    "policy_optimizer.lr": (5e-4, 5e-3),
}
"""EXPERIMENTS.md, 2026-11-22: larger rates or gammas, or a smaller lambda, compute everything."""
RANGES = {"gumbel.decay": (0.9, 1.0), "loss.gamma": (0.0, 3.0)}


def space(trial: optuna.Trial, modalities: Sequence[str]) -> dict[str, Any]:
    """Suggest one point; returns its constants."""
    return suggest(trial, modalities, RECOGNITION, LOG_RANGES, RANGES)
