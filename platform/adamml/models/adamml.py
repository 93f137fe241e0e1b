"""AdaMML: a policy picks modalities per segment, recognition networks classify, fusion joins them.

Training masks: every network runs and decisions multiply its logits, because a decision needs a
gradient also where it says skip. Inference routes: each network runs on the segments selected for
it and on nothing else. In eval mode both give the same logits.
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
    """Result of one pass of the model over a batch of videos."""

    logits: Tensor
    """Video logits [N, K]: the mean of the fused segment logits over all S segments. A segment that
    selects nothing counts with zeros."""
    decisions: Tensor
    """Decisions [N, S, M] of the policy, exactly 0 or 1."""
    segment_logits: Tensor | None
    """Segment logits [N, S, M, K] before fusion, 0 where infer skipped a modality. None with a
    fusion of features."""


class AdaMML(nn.Module):
    """The whole model: policy, recognition networks and fusion."""

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
        """Modality -> its recognition network, in the order of the axis M of decisions."""
        return dict(self.recognition.items())  # type: ignore[arg-type]

    def forward(self, clips: Clips, *, temperature: float) -> Output:
        """Classify videos with every recognition network run on every segment, then masked.

        Args:
            clips: modality -> [N, S, F, C, H, W]; audio [N, S, 1, 1, B, T].
            temperature: of the Gumbel softmax that samples decisions in training mode. In eval mode
                the likelier option is taken without noise.
        """
        unfused = [self._fusion_input(net)(clips[m]) for m, net in self.networks.items()]
        decisions = self._decide(self.policy_clips(clips), temperature)
        return self._output(unfused, decisions)

    def forward_from_logits(
        self, policy_clips: Clips, segment_logits: Tensor, *, temperature: float
    ) -> Output:
        """Classify videos from segment logits computed before; no recognition network runs.

        The policy-only stage trains on this (training.fixed_views).

        Args:
            policy_clips: the policy's view of the videos, from policy_clips().
            segment_logits: [N, S, M, K].
            temperature: as in forward().

        Raises:
            ValueError: the fusion takes features.
        """
        return self.fuse(segment_logits, self._decide(policy_clips, temperature))

    def fuse(self, segment_logits: Tensor, decisions: Tensor) -> Output:
        """Return the output for segment logits [N, S, M, K] under given decisions [N, S, M].

        Raises:
            ValueError: the fusion takes features.
        """
        if self.fusion.from_features:
            raise ValueError(
                "stages.policy_only must be 0 with a fusion of features: it has no segment logits"
            )
        return self._output(segment_logits.unbind(2), decisions)

    @torch.no_grad()
    def infer(
        self,
        clips: Clips,
        decisions: Tensor | None = None,
        *,
        decision_bias: Mapping[str, float] | None = None,
    ) -> Output:
        """Classify videos, running each recognition network on its selected segments only.

        >>> from adamml.models.shapes import segment_shape
        >>> from adamml.recipes import tiny
        >>> config = tiny()
        >>> model = build_adamml(config, num_classes=8).eval()
        >>> clips = {m: torch.randn(2, 3, *segment_shape(config, m)) for m in config.modalities}
        >>> output = model.infer(clips)  # 2 videos of 3 segments
        >>> [list(tensor.shape) for tensor in (output.logits, output.decisions)]
        [[2, 8], [2, 3, 2]]
        >>> model.infer(clips, decision_bias={"rgb": -1000.0}).decisions[..., 0].sum()  # no rgb
        tensor(0.)

        Args:
            clips: modality -> [N, S, F, C, H, W]; audio [N, S, 1, 1, B, T].
            decisions: [N, S, M] to use in place of the policy's, which then does not run.
            decision_bias: modality -> number added to the policy's "use" logits. Above 0 the model
                computes more and tends to be more accurate, below 0 it is cheaper. A trial's
                operating points list values worth setting (methods.adamml.operating_points).

        Raises:
            ValueError: a decision_bias that the policy cannot apply
                (models.decision_bias.add_decision_bias).
        """
        assert not self.training, "infer needs eval mode: batch norm must not see routed batches"
        assert decisions is None or not decision_bias, "give decisions or decision_bias, not both"
        if decisions is None:
            view = self.policy_clips(clips)
            decisions = self.policy(view, temperature=None, decision_bias=decision_bias)
        routed = [
            self._route(net, clips[m], decisions[..., number] > 0)
            for number, (m, net) in enumerate(self.networks.items())
        ]
        return self._output(routed, decisions)

    def policy_clips(self, clips: Clips) -> Clips:
        """Return the policy's view of the clips. No parameter is involved, so it can be cached."""
        return self.policy.view(clips)

    def _decide(self, policy_clips: Clips, temperature: float) -> Tensor:
        decisions: Tensor = self.policy(
            policy_clips, temperature=temperature if self.training else None
        )
        return decisions

    def _fusion_input(self, net: RecognitionNetwork) -> Callable[[Tensor], Tensor]:
        """Return the function of a recognition network whose result the fusion takes."""
        return net.features if self.fusion.from_features else net

    def _route(self, net: RecognitionNetwork, clips: Tensor, selected: Tensor) -> Tensor:
        """Run a network on the selected segments; the others are zeros.

        Args:
            net: a recognition network.
            clips: its modality's, [N, S, F, C, H, W].
            selected: bool [N, S].

        Returns:
            [N, S, K] logits, or [N, S, D] features with a fusion of features.
        """
        size = net.backbone.features if self.fusion.from_features else self.num_classes
        routed = clips.new_zeros(*selected.shape, size)
        if selected.any():
            # clips[selected] gathers [n, F, C, H, W] over all videos of the batch; to the network
            # they are the n segments of one video, as segments do not see each other.
            routed[selected] = self._fusion_input(net)(clips[selected][None])[0].to(routed.dtype)
        return routed

    def _output(self, unfused: Sequence[Tensor], decisions: Tensor) -> Output:
        """Fuse each segment, then average over segments: those that select nothing count as 0.

        Args:
            unfused: per modality, [N, S, K] logits or [N, S, D] features.
            decisions: [N, S, M].
        """
        if self.fusion.from_features:
            return Output(self.fusion(unfused, decisions).mean(dim=1), decisions, None)
        segment_logits = torch.stack(list(unfused), dim=2)
        fused = self.fusion(segment_logits, decisions)
        return Output(fused.mean(dim=1), decisions, segment_logits)


def build_adamml(config: Config, num_classes: int) -> AdaMML:
    """Build the model that a config describes, with weights drawn from torch's global generator.

    Raises:
        ValueError: an unknown backbone, policy or fusion; the message lists those that exist.
    """
    recognition = {m: build_recognition(config, m, num_classes) for m in config.modalities}
    features = sum(net.backbone.features for net in recognition.values())
    fusion = lookup(FUSIONS, config.fusion, what="fusion")(config, num_classes, features)
    return AdaMML(build_policy(config), recognition, fusion)
