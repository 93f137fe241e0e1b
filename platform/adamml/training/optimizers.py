"""The optimisers of a stage: SGD for recognition, Adam for the policy."""

from collections.abc import Iterable

import torch
from torch import nn

from adamml.config import Config, OptimizerConfig

DECAY_FACTOR = 0.1


def _settings(config: Config, name: str, modality: str | None) -> OptimizerConfig:
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
    """SGD with momentum 0.9 ("recognition", "unimodal") or Adam ("policy")."""
    settings = _settings(config, name, modality)
    if name == "policy":
        # Fused: a policy-only step of the demo takes a seventh less
        # (docs/notebook/2026-11-29-policy-step.md).
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
    """A tenth after each milestone passed, by epochs of the stage (the first is 1).

    With quirks.constant_learning_rate the rates of recognition and policy never decay; unimodal
    networks are another program in the released code, whose schedule works.
    """
    settings = _settings(config, name, modality)
    constant = config.quirks.constant_learning_rate and name != "unimodal"
    passed = 0 if constant else sum(stage_epoch > m for m in settings.milestones)
    lr = settings.lr * DECAY_FACTOR**passed
    for group in optimizer.param_groups:
        group["lr"] = lr
    return lr
