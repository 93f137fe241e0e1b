"""The space of AdaMML on Kinetics-Sounds: temperature, penalties, policy learning rate, backbones.

Define-by-run: `space` asks an Optuna trial and returns the overrides that are constant in it. The
names are dotted paths of the config.
"""

from collections.abc import Mapping
from typing import Any

import optuna

TRIALS, JOINT = 40, 40
RECOGNITION: dict[str, tuple[str, ...]] = {
    "rgb": ("resnet18", "resnet50"),
    "audio": ("mobilenet_v2",),
}
"""Recognition backbones by modality; one unimodal network is trained for each."""


def space(trial: optuna.Trial) -> dict[str, Any]:
    """Suggest one point; returns its constants."""
    return suggest(trial, RECOGNITION, lambdas={"rgb": (0.03, 3.0), "audio": (0.001, 0.3)})


def suggest(
    trial: optuna.Trial,
    recognition: Mapping[str, tuple[str, ...]],
    lambdas: Mapping[str, tuple[float, float]],
) -> dict[str, Any]:
    """The shape shared by all spaces over rgb and audio.

    gamma is searched where it acts: with correctness "probability" (design.md, gamma). The
    published form runs as a trial outside the space.
    """
    trial.suggest_float("gumbel.temperature", 1.0, 10.0, log=True)
    trial.suggest_float("gumbel.decay", 0.9, 1.0)
    for modality, (low, high) in lambdas.items():
        trial.suggest_float(f"loss.lambdas.{modality}", low, high, log=True)
    trial.suggest_float("loss.gamma", 0.0, 10.0)
    trial.suggest_float("policy_optimizer.lr", 1e-3, 2e-2, log=True)
    for modality, names in recognition.items():
        if len(names) > 1:
            trial.suggest_categorical(f"recognition.{modality}.name", list(names))
    return {"loss.correctness": "probability"}
