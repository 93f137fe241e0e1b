"""The demo's space: the shape of kinetics_sounds over two small rgb backbones and one for audio."""

from typing import Any

import optuna

from search_spaces.kinetics_sounds import suggest

TRIALS, JOINT = 16, 4
RECOGNITION: dict[str, tuple[str, ...]] = {"rgb": ("resnet10", "conv3"), "audio": ("conv3",)}


def space(trial: optuna.Trial) -> dict[str, Any]:
    """Suggest one point; returns its constants."""
    return suggest(trial, RECOGNITION, lambdas={"rgb": (0.03, 3.0), "audio": (0.001, 0.3)})
