"""Optimisers of a stage: SGD for recognition and unimodal networks, Adam for the policy."""

from collections.abc import Iterable

import torch
from torch import nn

from adamml.config import Config, OptimizerConfig

DECAY_FACTOR = 0.1
"""Factor on a learning rate at each of its milestones."""


def _settings(config: Config, name: str, modality: str | None) -> OptimizerConfig:
    """Return the settings of the optimiser "policy", "recognition" or "unimodal"."""
    if name == "policy":
        return config.policy_optimizer
    if name == "recognition":
        return config.recognition_optimizer
    assert modality is not None
    alone = config.unimodal[modality]
    return OptimizerConfig(
        lr=alone.lr, weight_decay=alone.weight_decay, milestones=alone.milestones
    )


def build_optimizer(
    config: Config, name: str, parameters: Iterable[nn.Parameter], modality: str | None = None
) -> torch.optim.Optimizer:
    """Return an optimiser: Adam for "policy", else SGD with momentum 0.9.

    Args:
        config: a complete config.
        name: name of the settings, "policy", "recognition" or "unimodal" (Pass.optimizer).
        parameters: parameters that it updates.
        modality: modality of the network, for "unimodal" only.
    """
    settings = _settings(config, name, modality)
    if name == "policy":
        # fused: a policy-only step of the demo took 28.2 ms with it and 32.7 ms without, medians
        # of nine rounds (docs/notebook/2026-11-29-policy-step.md).
        return torch.optim.Adam(
            parameters, settings.lr, weight_decay=settings.weight_decay, fused=True
        )
    return torch.optim.SGD(
        parameters, settings.lr, momentum=0.9, weight_decay=settings.weight_decay
    )


def set_learning_rate(
    optimizer: torch.optim.Optimizer,
    config: Config,
    name: str,
    stage_epoch: int,
    modality: str | None = None,
) -> float:
    """Set the learning rate of an epoch, and return it: a tenth after each milestone passed.

    Args:
        optimizer: the optimiser.
        config: a complete config.
        name: name of its settings, as for build_optimizer().
        stage_epoch: epoch of the stage, from 1.
        modality: modality of the network, for "unimodal" only.
    """
    settings = _settings(config, name, modality)
    # Unimodal networks are trained by another program in the released code, whose schedule works:
    # the quirk is not theirs (docs/paper.md 1.3, quirk 3).
    constant = config.quirks.constant_learning_rate and name != "unimodal"
    passed = 0 if constant else sum(stage_epoch > m for m in settings.milestones)
    lr = settings.lr * DECAY_FACTOR**passed
    for group in optimizer.param_groups:
        group["lr"] = lr
    return lr
