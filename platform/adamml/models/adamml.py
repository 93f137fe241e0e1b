"""AdaMML: a policy picks modalities per segment, recognition networks classify, fusion joins them.

Training masks: every network runs and decisions multiply its logits, so that gradients reach the
policy. Inference routes: each network runs on the segments selected for it and nothing else. In
eval mode both give the same logits.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from adamml.config import Config
from adamml.models.fusion import FUSIONS
from adamml.models.policy import Clips, Policy, build_policy
from adamml.models.recognition import RecognitionNetwork, build_recognition
from adamml.tables import lookup


class Output(NamedTuple):
    logits: Tensor
    """[N, K], the mean of the fused logits over segments; 0 where a segment selects nothing."""
    decisions: Tensor
    """[N, S, M], exactly 0 or 1."""
    segment_logits: Tensor
    """[N, S, M, K], before fusion. What infer skipped is 0."""


class AdaMML(nn.Module):
    def __init__(
        self, policy: Policy, recognition: dict[str, RecognitionNetwork], fusion: nn.Module
    ) -> None:
        super().__init__()
        self.policy = policy
        self.recognition = nn.ModuleDict(recognition)
        self.fusion = fusion
        self.num_classes = next(iter(recognition.values())).classifier.out_features

    def forward(self, clips: Clips, *, temperature: float) -> Output:
        """Masked: every recognition network sees every segment.

        Args:
            clips: modality -> [N, S, F, C, H, W]; audio [N, S, 1, 1, bins, steps].
            temperature: of the Gumbel noise in training mode; in eval mode the likelier option is
                taken without noise.
        """
        unfused = torch.stack([net(clips[m]) for m, net in self.recognition.items()], dim=2)
        return self.forward_from_logits(self.policy_clips(clips), unfused, temperature=temperature)

    def forward_from_logits(
        self, policy_clips: Clips, segment_logits: Tensor, *, temperature: float
    ) -> Output:
        """The same from segment logits [N, S, M, K] computed before; no recognition network runs.

        Args:
            policy_clips: from policy_clips().
        """
        decisions = self.policy(policy_clips, temperature=temperature if self.training else None)
        return self._fused(segment_logits, decisions)

    @torch.no_grad()
    def infer(self, clips: Clips, decisions: Tensor | None = None) -> Output:
        """Routed: each recognition network sees the segments selected for it, over the whole batch.

        Args:
            decisions: [N, S, M]; None lets the policy decide. Given ones leave the policy out.
        """
        assert not self.training, "infer is for eval mode: batch norm must not see routed batches"
        if decisions is None:
            decisions = self.policy(self.policy_clips(clips), temperature=None)
        routed = [
            self._routed(net, clips[m], decisions[..., number] > 0)
            for number, (m, net) in enumerate(self.recognition.items())
        ]
        return self._fused(torch.stack(routed, dim=2), decisions)

    def policy_clips(self, clips: Clips) -> Clips:
        """What the policy sees of the clips; involves no parameters, so it can be cached."""
        return self.policy.view(clips)

    def _routed(self, net: nn.Module, clips: Tensor, selected: Tensor) -> Tensor:
        logits = clips.new_zeros(*selected.shape, self.num_classes)
        if selected.any():
            logits[selected] = net(clips[selected][None])[0].to(logits.dtype)
        return logits

    def _fused(self, segment_logits: Tensor, decisions: Tensor) -> Output:
        fused = self.fusion(segment_logits, decisions)
        return Output(fused.mean(dim=1), decisions, segment_logits)


def build_adamml(config: Config, num_classes: int) -> AdaMML:
    """The model that a config describes, with fresh weights from torch's global generator.

    Raises:
        ValueError: a backbone, policy or fusion that no table has.
    """
    recognition = {m: build_recognition(config, m, num_classes) for m in config.modalities}
    fusion = lookup(FUSIONS, config.fusion, what="fusion")(len(config.modalities))
    return AdaMML(build_policy(config), recognition, fusion)
