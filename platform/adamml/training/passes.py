"""One pass over the training videos: what is trained, on which batches, against which loss.

A pass is a module whose forward returns the loss parts of a batch, so that DistributedDataParallel
can wrap it. `trained` names the parts of the model that its optimiser updates; all else is frozen
and in eval mode (unless quirks.frozen_parts_in_training_mode).
"""

import re
from collections.abc import Iterator
from typing import ClassVar

from torch import Tensor, nn

from adamml.config import Config
from adamml.models.adamml import AdaMML, Output
from adamml.models.recognition import RecognitionNetwork
from adamml.objectives.losses import Terms, policy_loss, recognition_loss

Batch = dict[str, Tensor]


class Pass(nn.Module):
    """forward(batch, temperature) -> Terms."""

    trained: ClassVar[tuple[str, ...]]
    optimizer: ClassVar[str]
    """"recognition" (SGD) or "policy" (Adam)."""
    source: ClassVar[str] = "videos"
    """"videos" (augmented), or "logits" (cached segment logits of a fixed view)."""

    def __init__(self, model: nn.Module, config: Config) -> None:
        super().__init__()
        self.model, self.config = model, config
        from_features = isinstance(model, AdaMML) and model.fusion.from_features
        self.unused = re.compile(r"^recognition\.\w+\.classifier\.") if from_features else None
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(self._trains(name))

    def _trains(self, name: str) -> bool:
        if self.unused is not None and self.unused.search(name):
            return False
        return not self.trained or name.split(".")[0] in self.trained

    def parameters_trained(self) -> list[nn.Parameter]:
        return [p for p in self.model.parameters() if p.requires_grad]

    def train(self, mode: bool = True) -> "Pass":
        super().train(mode)
        if not self.config.quirks.frozen_parts_in_training_mode:
            for name, child in self.model.named_children():
                child.train(mode and self._trains(name))
        return self

    def penalised(self, output: Output, batch: Batch) -> Terms:
        modalities, loss = self.config.modalities, self.config.loss
        return policy_loss(output.logits, output.decisions, batch["label"], modalities, loss)

    def clips(self, batch: Batch) -> dict[str, Tensor]:
        return {name: batch[name] for name in self.config.inputs if name in batch}


class UnimodalPass(Pass):
    """One recognition network alone; the mean of its segment logits is the video's."""

    trained = ()  # all of it
    optimizer = "unimodal"
    model: RecognitionNetwork

    def forward(self, batch: Batch, temperature: float) -> Terms:
        (clips,) = self.clips(batch).values()
        return recognition_loss(self.model(clips).mean(1), batch["label"])


class RecognitionPass(Pass):
    """Recognition networks and fusion weights, under sampled decisions of the frozen policy."""

    trained = ("recognition", "fusion")
    optimizer = "recognition"
    model: AdaMML

    def forward(self, batch: Batch, temperature: float) -> Terms:
        output = self.model(self.clips(batch), temperature=temperature)
        if self.config.quirks.full_loss_for_recognition:
            return self.penalised(output, batch)
        return recognition_loss(output.logits, batch["label"])


class PolicyPass(Pass):
    """The policy, against frozen recognition networks that run on every segment."""

    trained = ("policy",)
    optimizer = "policy"
    model: AdaMML

    def forward(self, batch: Batch, temperature: float) -> Terms:
        return self.penalised(self.model(self.clips(batch), temperature=temperature), batch)


class PolicyFromLogitsPass(Pass):
    """The policy and the fusion weights, against cached segment logits: a thirtieth of the cost."""

    trained = ("policy", "fusion")
    optimizer = "policy"
    source = "logits"
    model: AdaMML

    def forward(self, batch: Batch, temperature: float) -> Terms:
        output = self.model.forward_from_logits(
            self.clips(batch), batch["segment_logits"], temperature=temperature
        )
        return self.penalised(output, batch)


STAGES: dict[str, tuple[type[Pass], ...]] = {
    "unimodal": (UnimodalPass,),
    "policy_only": (PolicyFromLogitsPass,),
    "warm_up": (RecognitionPass,),
    "alternating": (RecognitionPass, PolicyPass),
    "fine_tuning": (RecognitionPass,),
}
"""Stage -> the passes of one of its epochs. To add one: write a Pass, add a line."""


def policy_passes(stages: Iterator[str]) -> int:
    """How often the policy was trained in these epochs' stages: the temperature's clock."""
    return sum(p.optimizer == "policy" for stage in stages for p in STAGES[stage])
