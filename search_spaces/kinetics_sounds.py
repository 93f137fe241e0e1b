"""The space of AdaMML on Kinetics-Sounds: temperature, penalties, policy learning rate, backbones.

Define-by-run: `space` asks an Optuna trial and returns the overrides that are constant in it. The
names are dotted paths of the config.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import optuna

TRIALS, JOINT = 40, 40
SCHEDULER, FIRST_RUNG, ETA = "front_asha", 5, 2
CONFIRM_FRONT = True
RECOGNITION: dict[str, tuple[str, ...]] = {
    "rgb": ("resnet18", "resnet50"),
    "audio": ("mobilenet_v2",),
    "flow": ("resnet50",),
    "rgbdiff": ("resnet50",),
}
"""Recognition backbones by modality; one unimodal network is trained for each."""
LOG_RANGES = {
    "gumbel.temperature": (1.0, 10.0),
    "loss.lambdas.rgb": (0.1, 10.0),
    "loss.lambdas.audio": (0.005, 0.5),
    "loss.lambdas.flow": (0.1, 10.0),
    "loss.lambdas.rgbdiff": (0.1, 10.0),
    "policy_optimizer.lr": (1e-3, 2e-2),
}
"""Around the published values: 5, 1, 0.05 and 0.01."""
RANGES = {"gumbel.decay": (0.9, 1.0), "loss.gamma": (0.0, 10.0)}

Ranges = Mapping[str, tuple[float, float]]


def space(trial: optuna.Trial, modalities: Sequence[str]) -> dict[str, Any]:
    """Suggest one point; returns its constants."""
    return suggest(trial, modalities, RECOGNITION, LOG_RANGES, RANGES)


def suggest(
    trial: optuna.Trial,
    modalities: Sequence[str],
    recognition: Mapping[str, tuple[str, ...]],
    log_ranges: Ranges,
    ranges: Ranges,
) -> dict[str, Any]:
    """The shape that all spaces share: floats by dotted path, and a backbone per modality.

    gamma is searched where it acts: with correctness "probability" (design.md, gamma). The
    published form runs as a trial outside the space.
    """
    for path, (low, high) in log_ranges.items():
        penalty = path.startswith("loss.lambdas.")
        if not penalty or path.rpartition(".")[2] in modalities:
            trial.suggest_float(path, low, high, log=True)
    for path, (low, high) in ranges.items():
        trial.suggest_float(path, low, high)
    for modality in modalities:
        if len(names := recognition[modality]) > 1:
            trial.suggest_categorical(f"recognition.{modality}.name", list(names))
    return {"loss.correctness": "probability"}
