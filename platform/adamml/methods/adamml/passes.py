"""The passes of AdaMML's stages: recognition and policy in turn, one of them frozen."""

import re

from adamml.models.adamml import AdaMML, Output
from adamml.objectives.losses import Terms, policy_loss, recognition_loss
from adamml.training.passes import Batch, Pass, Passes

UNUSED_CLASSIFIERS = re.compile(r"^recognition\.\w+\.classifier\.")
"""Names of the parameters that a fusion of features leaves without a gradient."""


class AdaMMLPass(Pass):
    """A pass over AdaMML."""

    model: AdaMML

    def trains(self, name: str) -> bool:
        if self.model.fusion.from_features and UNUSED_CLASSIFIERS.search(name):
            return False
        return super().trains(name)

    def penalised(self, output: Output, batch: Batch) -> Terms:
        """Return the loss with its usage and gamma terms."""
        modalities, loss = self.config.modalities, self.config.loss
        return policy_loss(output.logits, output.decisions, batch["label"], modalities, loss)


class RecognitionPass(AdaMMLPass):
    """The recognition networks and fusion weights, under decisions sampled by the frozen policy."""

    trained = ("recognition", "fusion")
    optimizer = "recognition"

    def forward(self, batch: Batch, temperature: float) -> Terms:
        output = self.model(self.clips(batch), temperature=temperature)
        if self.config.quirks.full_loss_for_recognition:
            return self.penalised(output, batch)
        return recognition_loss(output.logits, batch["label"])


class PolicyPass(AdaMMLPass):
    """The policy, against frozen recognition networks that run on every segment."""

    trained = ("policy",)
    optimizer = "policy"

    def forward(self, batch: Batch, temperature: float) -> Terms:
        return self.penalised(self.model(self.clips(batch), temperature=temperature), batch)


class PolicyFromLogitsPass(AdaMMLPass):
    """The policy and the fusion weights, against cached segment logits.

    It costs a thirtieth of a PolicyPass.
    """

    trained = ("policy", "fusion")
    optimizer = "policy"
    source = "logits"

    def forward(self, batch: Batch, temperature: float) -> Terms:
        output = self.model.forward_from_logits(
            self.clips(batch), batch["segment_logits"], temperature=temperature
        )
        return self.penalised(output, batch)


PASSES: Passes = {
    "policy_only": (PolicyFromLogitsPass,),
    "warm_up": (RecognitionPass,),
    "alternating": (RecognitionPass, PolicyPass),
    "fine_tuning": (RecognitionPass,),
}
"""Stage -> the passes of one of its epochs. To add a stage: write a pass and add a line."""
