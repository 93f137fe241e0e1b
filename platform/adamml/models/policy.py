"""Policies: they decide which modalities of a segment to compute (docs/method.md, "Policy").

PolicyNetwork is the learned one. The others are what it is compared with: everything on, chance at
given rates, and an oracle that knows where the evidence is.
"""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adamml.config import VISUAL, Config
from adamml.models.backbones import build_backbone
from adamml.models.decision_bias import USE, add_decision_bias, choose
from adamml.models.gumbel import gumbel_choice
from adamml.models.shapes import channels
from adamml.tables import lookup

Clips = dict[str, Tensor]
"""Type of a batch: modality -> clips [N, S, F, C, H, W]. Where the policy needs them, also "draws"
and "relevance", [N, S, M] each."""


class Policy(nn.Module):
    """Base class of all policies: a view of the clips, and decisions made from the view."""

    def view(self, clips: Clips) -> Clips:
        """Return what the policy sees of the clips. No parameter is involved.

        Args:
            clips: the entries of config.inputs.

        Returns:
            For the learned policy, modality that is decided about -> [N, S, f, C, h, w] (its own
            clips or its proxy's); for the others, what each one documents.
        """
        raise NotImplementedError

    def forward(
        self,
        view: Clips,
        *,
        temperature: float | None,
        decision_bias: Mapping[str, float] | None = None,
    ) -> Tensor:
        """Return decisions [N, S, M], exactly 0 or 1.

        Args:
            view: from view().
            temperature: of the Gumbel softmax that samples; None takes the likelier option without
                noise.
            decision_bias: modality -> number added to its "use" logits (models.decision_bias).

        Raises:
            ValueError: decision_bias names a modality that is not in the config, or this policy has
                no logits.
        """
        if decision_bias:
            raise ValueError(
                "decision_bias needs a policy that has logits (policy.kind gumbel), "
                f"got {type(self).__name__}"
            )
        return self.decide(view)

    def decide(self, view: Clips) -> Tensor:
        """Return decisions [N, S, M] from a view, for a policy without logits.

        There is neither noise nor bias to change them.
        """
        raise NotImplementedError


class PolicyNetwork(Policy):
    """The learned policy: backbones on small input, joint layers, an LSTM over segments, heads.

    docs/paper.md 1.3, "Policy", has the published one.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        sizes, num_modalities = config.policy, len(config.modalities)
        self.modalities = config.modalities
        self.pixels, self.frame_step = sizes.pixels, sizes.frame_step
        self.inputs = config.policy_inputs
        backbones = {
            m: build_backbone(sizes.backbones[m], channels(config, source))
            for m, source in self.inputs.items()
        }
        self.features = sum(backbone.features for backbone in backbones.values())
        self.backbones = nn.ModuleDict(backbones)
        self.joint = nn.Sequential(
            nn.Linear(self.features, sizes.joint_width),
            nn.ReLU(inplace=True),
            nn.Linear(sizes.joint_width, sizes.joint_width),
            nn.ReLU(inplace=True),
        )
        self.lstm = nn.LSTMCell(sizes.joint_width + 2 * num_modalities, sizes.lstm_width)
        self.heads = nn.ModuleDict({m: nn.Linear(sizes.lstm_width, 2) for m in config.modalities})

    @torch.no_grad()
    def view(self, clips: Clips) -> Clips:
        """Take every frame_step-th frame, resized to policy.pixels; audio stays as it is."""
        return {
            m: self._resize(clips[source]) if source in VISUAL else clips[source]
            for m, source in self.inputs.items()
        }

    def logits(self, view: Clips) -> Tensor:
        """Return the logits [N, S, M, 2] of skipping (index 0) and using (index 1) a modality.

        The LSTM walks over the segments and also sees its logits for the segment before, so that a
        decision depends on those before it.
        """
        # All segments in one pass, unlike the released code (docs/paper.md 1.3, quirk 9).
        features = [
            backbone(view[m].flatten(0, 1)).reshape(*view[m].shape[:2], -1)
            for m, backbone in self.backbones.items()
        ]
        joint = self.joint(torch.cat(features, dim=-1))
        previous = joint.new_zeros(len(joint), 2 * len(self.heads))  # before the first segment
        state, steps = None, []
        for segment in joint.unbind(1):
            # Under autocast the logits may have another dtype than the features beside them.
            state = self.lstm(torch.cat([segment, previous.to(segment.dtype)], dim=-1), state)
            steps.append(torch.stack([head(state[0]) for head in self.heads.values()], dim=1))
            # The raw logits, neither sampled nor biased: [N, M, 2] -> [N, 2M].
            previous = steps[-1].flatten(1)
        return torch.stack(steps, dim=1)

    def forward(
        self,
        view: Clips,
        *,
        temperature: float | None,
        decision_bias: Mapping[str, float] | None = None,
    ) -> Tensor:
        """Return decisions [N, S, M], as Policy.forward(); sampled if a temperature is given."""
        logits = self.logits(view)
        if temperature is None:
            return choose(logits, self.modalities, decision_bias)
        logits = add_decision_bias(logits, self.modalities, decision_bias)
        return gumbel_choice(logits, temperature)[..., USE]

    def _resize(self, clips: Tensor) -> Tensor:
        """Turn clips [N, S, F, C, H, W] into [N, S, f, C, pixels, pixels], by bilinear resizing."""
        frames = clips[:, :, :: self.frame_step]
        size = (self.pixels, self.pixels)
        small = F.interpolate(frames.flatten(0, 2), size=size, mode="bilinear", align_corners=False)
        return small.reshape(*frames.shape[:3], *small.shape[1:])


class AlwaysOn(Policy):
    """A policy that computes everything, and costs nothing itself."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.modalities = config.modalities

    def view(self, clips: Clips) -> Clips:
        """Return clips without frames, [N, S, 0, C, H, W]: their shape is all it needs."""
        return {m: clips[m][:, :, :0] for m in self.modalities}

    def decide(self, view: Clips) -> Tensor:
        """Return ones [N, S, M]."""
        clips = view[self.modalities[0]]
        return torch.ones(*clips.shape[:2], len(self.modalities), device=clips.device)


class RandomPolicy(Policy):
    """A policy that computes each segment of a modality by chance, at the rate in policy.rates.

    At the rates of a learned policy it spends as much without looking at anything: the comparison
    "matched rates". Its random numbers come with the videos, so that decisions depend on neither
    batches nor workers (docs/paper.md 1.3, quirk 7).
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.rates = [config.policy.rates.get(m, 0.5) for m in config.modalities]

    def view(self, clips: Clips) -> Clips:
        """Return {"draws": [N, S, M]}, uniform random numbers in [0, 1)."""
        return {"draws": clips["draws"]}

    def decide(self, view: Clips) -> Tensor:
        """Return [N, S, M], 1 where the draw is below the modality's rate."""
        draws = view["draws"].float()
        return (draws < draws.new_tensor(self.rates)).float()


class OraclePolicy(Policy):
    """A policy that computes a modality exactly where the manifest says it carries evidence."""

    def __init__(self, config: Config) -> None:
        super().__init__()

    def view(self, clips: Clips) -> Clips:
        """Return {"relevance": [N, S, M]}, 1 where the segment's modality carries evidence."""
        return {"relevance": clips["relevance"]}

    def decide(self, view: Clips) -> Tensor:
        """Return the relevance [N, S, M]."""
        return view["relevance"].float()


POLICIES: dict[str, Callable[[Config], Policy]] = {
    "gumbel": PolicyNetwork,
    "always_on": AlwaysOn,
    "random": RandomPolicy,
    "oracle": OraclePolicy,
}
"""Kind -> the class of the policy, built from a config."""


def build_policy(config: Config) -> Policy:
    """Build the policy that config.policy.kind names, with fresh weights.

    Raises:
        ValueError: config.policy.kind is not in POLICIES.
    """
    return lookup(POLICIES, config.policy.kind, what="policy")(config)
