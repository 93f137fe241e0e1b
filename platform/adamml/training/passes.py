"""Passes over the training videos: the parts of a model that one trains, its batches, its loss.

A pass is a module, so that DistributedDataParallel can wrap it. Parts of the model that it does not
train are frozen and in eval mode, unless quirks.frozen_parts_in_training_mode.
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from torch import Tensor, nn

from adamml.config import Config

Batch = dict[str, Tensor]
"""Name of an input -> tensor [N, ...] of a rank's share of a batch."""


class Pass(nn.Module):
    """A pass; forward(batch, temperature) returns the terms of its loss, whose sum is minimised."""

    trained: ClassVar[tuple[str, ...]]
    """Names of the model's parts that are trained; empty for all."""
    optimizer: ClassVar[str]
    """Name of the settings of its optimiser: "recognition" or "unimodal" (SGD), "policy" (Adam)."""
    source: ClassVar[str] = "videos"
    """Source of its batches: "videos" (augmented) or "logits" (a fixed view)."""

    def __init__(self, model: nn.Module, config: Config) -> None:
        super().__init__()
        self.model, self.config = model, config
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(self.trains(name))

    def trains(self, name: str) -> bool:
        """Return whether a parameter or a part of the model, by its dotted name, is updated."""
        return not self.trained or name.split(".")[0] in self.trained

    def parameters_trained(self) -> list[nn.Parameter]:
        """Return the parameters that the pass updates."""
        return [p for p in self.model.parameters() if p.requires_grad]

    def train(self, mode: bool = True) -> "Pass":
        """Set the training mode of the trained parts, and return self; frozen parts evaluate."""
        super().train(mode)
        if not self.config.quirks.frozen_parts_in_training_mode:
            for name, child in self.model.named_children():
                child.train(mode and self.trains(name))
        return self

    def clips(self, batch: Batch) -> dict[str, Tensor]:
        """Return the model's input: the entries of a batch that config.inputs names."""
        return {name: batch[name] for name in self.config.inputs if name in batch}


Passes = Mapping[str, tuple[type[Pass], ...]]
"""Stage -> the passes of each of its epochs, in order."""


def policy_passes(stages: Iterable[str], passes: Passes) -> int:
    """Count the passes that train the policy in these epochs; the Gumbel temperature follows them.

    Args:
        stages: stage of each epoch.
        passes: stage -> the passes of each of its epochs.
    """
    return sum(p.optimizer == "policy" for stage in stages for p in passes[stage])
