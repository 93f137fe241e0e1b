"""Shape that all spaces here share: ranges of floats, and a choice of backbones per modality."""

from collections.abc import Mapping, Sequence
from typing import Any

import optuna

Ranges = Mapping[str, tuple[float, float]]
"""Dotted path of the config -> lowest and highest value."""


def suggest(
    trial: optuna.Trial,
    modalities: Sequence[str],
    *,
    recognition: Mapping[str, tuple[str, ...]],
    log_ranges: Ranges,
    ranges: Ranges,
) -> dict[str, Any]:
    """Ask a trial for one point, and return the overrides that are the same in every trial.

    gamma only has an effect with correctness "probability" (docs/design.md, "gamma"), so all trials
    have that. The published form is a trial of its own, outside the space.

    Args:
        trial: trial to ask.
        modalities: modalities of the study.
        recognition: backbones by modality; a modality with one backbone has no choice to make.
        log_ranges: ranges that are searched on a logarithmic scale. Penalties (loss.lambdas) of
            modalities that the study does not have are left out.
        ranges: ranges that are searched on a linear scale.
    """
    for path, (low, high) in log_ranges.items():
        is_penalty = path.startswith("loss.lambdas.")
        if not is_penalty or path.rpartition(".")[2] in modalities:
            trial.suggest_float(path, low, high, log=True)
    for path, (low, high) in ranges.items():
        trial.suggest_float(path, low, high)
    for modality in modalities:
        if len(names := recognition[modality]) > 1:
            trial.suggest_categorical(f"recognition.{modality}.name", list(names))
    return {"loss.correctness": "probability"}
