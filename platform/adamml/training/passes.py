"""One pass over the training videos: what is trained, on which batches, against which loss.

A pass is a module whose forward returns the loss parts of a batch, so that DistributedDataParallel
can wrap it. `trained` names the parts of the model that its optimiser updates; all else is frozen
and in eval mode (unless quirks.frozen_parts_in_training_mode).
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from torch import Tensor, nn

from adamml.config import Config

Batch = dict[str, Tensor]


class Pass(nn.Module):
    """forward(batch, temperature) -> Terms."""

    trained: ClassVar[tuple[str, ...]]
    """Names of the model's parts that are updated; empty for all."""
    optimizer: ClassVar[str]
    """Name of the settings of its optimiser: "recognition" or "unimodal" (SGD), "policy" (Adam)."""
    source: ClassVar[str] = "videos"
    """Source of its batches: "videos" (augmented), or "logits" (a fixed view)."""

    def __init__(self, model: nn.Module, config: Config) -> None:
        super().__init__()
        self.model, self.config = model, config
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(self.trains(name))

    def trains(self, name: str) -> bool:
        """Return whether a parameter or a part of the model, by its dotted name, is updated."""
        return not self.trained or name.split(".")[0] in self.trained

    def parameters_trained(self) -> list[nn.Parameter]:
        return [p for p in self.model.parameters() if p.requires_grad]

    def train(self, mode: bool = True) -> "Pass":
        super().train(mode)
        if not self.config.quirks.frozen_parts_in_training_mode:
            for name, child in self.model.named_children():
                child.train(mode and self.trains(name))
        return self

    def clips(self, batch: Batch) -> dict[str, Tensor]:
        """Return what a model takes of a batch: the entries that config.inputs names."""
        return {name: batch[name] for name in self.config.inputs if name in batch}


Passes = Mapping[str, tuple[type[Pass], ...]]
"""Stage -> the passes of each of its epochs, in order."""


def policy_passes(stages: Iterable[str], passes: Passes) -> int:
    """Count the passes that train the policy in epochs of these stages: the temperature's clock."""
    return sum(p.optimizer == "policy" for stage in stages for p in passes[stage])
