"""AdaMML: a policy picks modalities per segment, recognition networks classify, fusion joins them.

Training masks: every network runs and decisions multiply its logits, so that gradients reach the
policy. Inference routes: each network runs on the segments selected for it and nothing else. In
eval mode both give the same logits.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from adamml.config import Config
from adamml.models.fusion import FUSIONS, Fusion
from adamml.models.policy import Clips, Policy, build_policy
from adamml.models.recognition import RecognitionNetwork, build_recognition
from adamml.tables import lookup


class Output(NamedTuple):
    logits: Tensor
    """[N, K], the mean of the fused logits over segments; 0 where a segment selects nothing."""
    decisions: Tensor
    """[N, S, M], exactly 0 or 1."""
    segment_logits: Tensor | None
    """[N, S, M, K], before fusion; what infer skipped is 0. None where fusion takes features."""


class AdaMML(nn.Module):
    def __init__(
        self, policy: Policy, recognition: dict[str, RecognitionNetwork], fusion: Fusion
    ) -> None:
        super().__init__()
        self.policy = policy
        self.recognition = nn.ModuleDict(recognition)
        self.fusion = fusion
        self.num_classes = next(iter(recognition.values())).classifier.out_features

    @property
    def networks(self) -> dict[str, RecognitionNetwork]:
        """Modality -> its recognition network, in the order of decisions."""
        return dict(self.recognition.items())  # type: ignore[arg-type]

    def forward(self, clips: Clips, *, temperature: float) -> Output:
        """Masked: every recognition network sees every segment.

        Args:
            clips: modality -> [N, S, F, C, H, W]; audio [N, S, 1, 1, bins, steps].
            temperature: of the Gumbel noise in training mode; in eval mode the likelier option is
                taken without noise.
        """
        unfused = [self._said(net)(clips[m]) for m, net in self.networks.items()]
        decisions = self._decide(self.policy_clips(clips), temperature)
        return self._fused(unfused, decisions)

    def forward_from_logits(
        self, policy_clips: Clips, segment_logits: Tensor, *, temperature: float
    ) -> Output:
        """The same from segment logits [N, S, M, K] computed before; no recognition network runs.

        Args:
            policy_clips: from policy_clips().

        Raises:
            ValueError: the fusion takes features.
        """
        return self.fuse(segment_logits, self._decide(policy_clips, temperature))

    def fuse(self, segment_logits: Tensor, decisions: Tensor) -> Output:
        """Segment logits [N, S, M, K] under decisions [N, S, M] that were made before.

        Raises:
            ValueError: the fusion takes features.
        """
        if self.fusion.from_features:
            raise ValueError(
                "stages.policy_only must be 0 with a fusion of features: it has no segment logits"
            )
        return self._fused(segment_logits.unbind(2), decisions)

    @torch.no_grad()
    def infer(
        self,
        clips: Clips,
        decisions: Tensor | None = None,
        *,
        decision_bias: Mapping[str, float] | None = None,
    ) -> Output:
        """Routed: each recognition network sees the segments selected for it, over the whole batch.

        Args:
            decisions: [N, S, M]; None lets the policy decide. Given ones leave the policy out.
            decision_bias: modality -> number that the policy adds to its "use" logits: a knob for
                the deployed model, dearer and more accurate upwards, cheaper downwards. Which
                values are worth setting, a trial's operating points say
                (methods/adamml/operating_points.py).

        Raises:
            ValueError: a decision_bias that the policy can't take (models.decision_bias.biased).
        """
        assert not self.training, "infer is for eval mode: batch norm must not see routed batches"
        assert decisions is None or not decision_bias, "given decisions leave the policy out"
        if decisions is None:
            view = self.policy_clips(clips)
            decisions = self.policy(view, temperature=None, decision_bias=decision_bias)
        routed = [
            self._routed(net, clips[m], decisions[..., number] > 0)
            for number, (m, net) in enumerate(self.networks.items())
        ]
        return self._fused(routed, decisions)

    def policy_clips(self, clips: Clips) -> Clips:
        """What the policy sees of the clips; involves no parameters, so it can be cached."""
        return self.policy.view(clips)

    def _decide(self, policy_clips: Clips, temperature: float) -> Tensor:
        decisions: Tensor = self.policy(
            policy_clips, temperature=temperature if self.training else None
        )
        return decisions

    def _said(self, net: RecognitionNetwork) -> Callable[[Tensor], Tensor]:
        """What the fusion takes of a recognition network: its segment logits, or its features."""
        return net.features if self.fusion.from_features else net

    def _routed(self, net: RecognitionNetwork, clips: Tensor, selected: Tensor) -> Tensor:
        size = net.backbone.features if self.fusion.from_features else self.num_classes
        routed = clips.new_zeros(*selected.shape, size)
        if selected.any():
            routed[selected] = self._said(net)(clips[selected][None])[0].to(routed.dtype)
        return routed

    def _fused(self, unfused: Sequence[Tensor], decisions: Tensor) -> Output:
        if self.fusion.from_features:
            return Output(self.fusion(unfused, decisions).mean(dim=1), decisions, None)
        segment_logits = torch.stack(list(unfused), dim=2)
        fused = self.fusion(segment_logits, decisions)
        return Output(fused.mean(dim=1), decisions, segment_logits)


def build_adamml(config: Config, num_classes: int) -> AdaMML:
    """The model that a config describes, with fresh weights from torch's global generator.

    Raises:
        ValueError: a backbone, policy or fusion that no table has.
    """
    recognition = {m: build_recognition(config, m, num_classes) for m in config.modalities}
    features = sum(net.backbone.features for net in recognition.values())
    fusion = lookup(FUSIONS, config.fusion, what="fusion")(config, num_classes, features)
    return AdaMML(build_policy(config), recognition, fusion)
