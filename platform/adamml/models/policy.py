"""Policies: which modalities of a segment are worth computing."""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adamml.config import VISUAL, Config
from adamml.models.backbones import build_backbone
from adamml.models.decision_bias import USE, biased, choose
from adamml.models.gumbel import gumbel_choice
from adamml.models.shapes import channels
from adamml.tables import lookup

Clips = dict[str, Tensor]


class Policy(nn.Module):
    """What all policies have in common: a view of the clips, and decisions made from it."""

    def view(self, clips: Clips) -> Clips:
        """What the policy sees of clips (of config.inputs); no parameter is involved.

        A learned policy: modality that is decided about -> [N, S, f, C, h, w].
        """
        raise NotImplementedError

    def forward(
        self,
        view: Clips,
        *,
        temperature: float | None,
        decision_bias: Mapping[str, float] | None = None,
    ) -> Tensor:
        """Decisions [N, S, M], exactly 0 or 1.

        Args:
            view: from view().
            temperature: of the Gumbel noise; None takes the likelier option without noise.
            decision_bias: modality -> added to its "use" logits (models/decision_bias.py).

        Raises:
            ValueError: a decision_bias for a modality that is not there, or for a policy that has
                no logits.
        """
        if decision_bias:
            raise ValueError(
                "decision_bias needs a policy that has logits (policy.kind gumbel), "
                f"got {type(self).__name__}"
            )
        return self.decide(view)

    def decide(self, view: Clips) -> Tensor:
        """Of a policy without logits: its decisions, which neither noise nor bias changes."""
        raise NotImplementedError


class PolicyNetwork(Policy):
    """The learned policy: backbones on small input, a joint MLP, an LSTM over segments, heads."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        sizes, num_modalities = config.policy, len(config.modalities)
        self.modalities = config.modalities
        self.pixels, self.frame_step = sizes.pixels, sizes.frame_step
        self.seen = config.seen
        backbones = {
            m: build_backbone(sizes.backbones[m], channels(config, seen))
            for m, seen in self.seen.items()
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
        """Every frame_step-th frame, resized to the policy's pixels; sound as it is."""
        return {
            m: self._small(clips[seen]) if seen in VISUAL else clips[seen]
            for m, seen in self.seen.items()
        }

    def logits(self, view: Clips) -> Tensor:
        """[N, S, M, 2], index 1 = use; each step also sees the logits of the one before it."""
        features = [
            backbone(view[m].flatten(0, 1)).reshape(*view[m].shape[:2], -1)
            for m, backbone in self.backbones.items()
        ]
        joint = self.joint(torch.cat(features, dim=-1))
        previous = joint.new_zeros(len(joint), 2 * len(self.heads))
        state, steps = None, []
        for segment in joint.unbind(1):
            state = self.lstm(torch.cat([segment, previous.to(segment.dtype)], dim=-1), state)
            steps.append(torch.stack([head(state[0]) for head in self.heads.values()], dim=1))
            previous = steps[-1].flatten(1)
        return torch.stack(steps, dim=1)

    def forward(
        self,
        view: Clips,
        *,
        temperature: float | None,
        decision_bias: Mapping[str, float] | None = None,
    ) -> Tensor:
        logits = self.logits(view)
        if temperature is None:
            return choose(logits, self.modalities, decision_bias)
        return gumbel_choice(biased(logits, self.modalities, decision_bias), temperature)[..., USE]

    def _small(self, clips: Tensor) -> Tensor:
        frames = clips[:, :, :: self.frame_step]
        size = (self.pixels, self.pixels)
        small = F.interpolate(frames.flatten(0, 2), size=size, mode="bilinear", align_corners=False)
        return small.reshape(*frames.shape[:3], *small.shape[1:])


class AlwaysOn(Policy):
    """Computes everything, and costs nothing."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.modalities = config.modalities

    def view(self, clips: Clips) -> Clips:
        """No frames at all, [N, S, 0, C, H, W]: the number of segments is all it needs."""
        return {m: clips[m][:, :, :0] for m in self.modalities}

    def decide(self, view: Clips) -> Tensor:
        clips = view[self.modalities[0]]
        return torch.ones(*clips.shape[:2], len(self.modalities), device=clips.device)


class RandomPolicy(Policy):
    """Computes each segment of a modality with the probability policy.rates has for it, or 0.5.

    With rates that a learned policy had, it spends the same without looking ("matched rates"). The
    draws come with the videos, so that they do not depend on batches or workers.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.rates = [config.policy.rates.get(m, 0.5) for m in config.modalities]

    def view(self, clips: Clips) -> Clips:
        """Uniform numbers in [0, 1): {"draws": [N, S, M]}."""
        return {"draws": clips["draws"]}

    def decide(self, view: Clips) -> Tensor:
        draws = view["draws"].float()
        return (draws < draws.new_tensor(self.rates)).float()


class OraclePolicy(Policy):
    """Computes a modality exactly where the manifest says that it carries evidence."""

    def __init__(self, config: Config) -> None:
        super().__init__()

    def view(self, clips: Clips) -> Clips:
        """{"relevance": [N, S, M]}."""
        return {"relevance": clips["relevance"]}

    def decide(self, view: Clips) -> Tensor:
        return view["relevance"].float()


POLICIES: dict[str, Callable[[Config], Policy]] = {
    "gumbel": PolicyNetwork,
    "always_on": AlwaysOn,
    "random": RandomPolicy,
    "oracle": OraclePolicy,
}


def build_policy(config: Config) -> Policy:
    """The policy that config.policy.kind names, with fresh weights.

    Raises:
        ValueError: config.policy.kind is not in POLICIES.
    """
    return lookup(POLICIES, config.policy.kind, what="policy")(config)
